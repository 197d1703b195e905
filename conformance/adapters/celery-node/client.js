// celery-node as a client: JSON lines on stdin and stdout (door 2).
const readline = require("readline");
const { createClient } = require("celery-node");

const OPTIONS = ["queue", "task_id"];
const version = require("celery-node/package.json").version;
const env = process.env;
console.info = () => {};  // stdout belongs to the dialogue

const clients = new Map();  // celery-node has one queue a client
const clientFor = (queue) => {
  if (!clients.has(queue)) clients.set(queue, createClient(env.CELERY_WIRE_BROKER_URL, env.CELERY_WIRE_RESULT_URL, queue));
  return clients.get(queue);
};
// A value of JavaScript for each value that JSON lacks, as a program that uses celery-node would have it.
const revive = (_, value) => {
  if (value && value.$datetime) return new Date(value.$datetime);
  return value && value.$bytes !== undefined ? Buffer.from(value.$bytes, "base64") : value;
};
const answer = (id, reply) => process.stdout.write(JSON.stringify({ id, ...reply }) + "\n");

// sendTask does not tell when the message is with the broker; so the broker's own publish is waited for.
async function send(id, request) {
  const options = request.options || {};
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown) return answer(id, { unsupported: unknown });
  const client = clientFor(options.queue || env.CELERY_WIRE_QUEUES);
  const publish = client.broker.publish;
  let published;
  client.broker.publish = (...given) => (published = publish.apply(client.broker, given));
  await client.isReady();
  const sent = client.sendTask(request.task, request.args || [], request.kwargs || {}, options.task_id);
  for (let turn = 0; !published && turn < 1000; turn += 1) await new Promise(setImmediate);
  client.broker.publish = publish;
  await published;
  answer(id, { ok: { task_id: sent.taskId } });
}

// celery-node rejects with an error that carries what the document's result holds (exc_type, exc_message).
async function result(id, request) {
  const pending = clientFor(env.CELERY_WIRE_QUEUES).asyncResult(request.task_id);
  try {
    const value = await pending.get(request.timeout * 1000, 50);
    answer(id, { ok: { state: "SUCCESS", value } });
  } catch (error) {
    if (error.message === "TIMEOUT") return answer(id, { ok: { state: "PENDING" } });
    const message = error.exc_message === undefined ? [error.message] : error.exc_message;
    answer(id, { ok: { state: error.message, error: { type: error.exc_type || error.name, message, module: error.exc_module } } });
  }
}

const verbs = {
  hello: (id) => answer(id, { ok: { name: "celery-node", version, verbs: ["send", "result"], options: OPTIONS } }),
  stop: (id) => { answer(id, { ok: {} }); process.exit(0); },
  send,
  result,
};
let turn = Promise.resolve();  // sends one after the other, reads side by side
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line, revive);
  const verb = verbs[request.verb];
  if (!verb) return answer(request.id, { unsupported: request.verb });
  const handle = () => Promise.resolve(verb(request.id, request)).catch((error) =>
    answer(request.id, { error: { type: error.name, message: error.message } }));
  if (request.verb === "result") handle(); else turn = turn.then(handle);
});
