// Reads an AsyncAPI document from stdin and writes what AsyncAPI's own validator says of it, as JSON, to stdout.
const { Parser } = require("@asyncapi/parser");

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { document, diagnostics } = await new Parser().parse(Buffer.concat(chunks).toString("utf-8"));
  const told = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join("/") }));
  const channels = document ? document.channels().all().map((channel) => channel.id()) : [];
  process.stdout.write(JSON.stringify({ valid: document !== undefined, channels, told }));
}

main();
