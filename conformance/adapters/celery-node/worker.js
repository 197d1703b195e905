// A celery-node worker with the conf.* tasks, driven through the broker alone (door 1).
const fs = require("fs");
const { createWorker } = require("celery-node");

const env = process.env;
const worker = createWorker(env.CELERY_WIRE_BROKER_URL, env.CELERY_WIRE_RESULT_URL, env.CELERY_WIRE_QUEUES.split(",")[0]);
const mark = (nonce, what) => fs.appendFileSync(env.CELERY_WIRE_TRACE, `${nonce} ${what} ${Date.now() / 1000} ${process.pid}\n`);
const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// celery-node calls a task with its positional arguments, then one object that holds the keyword arguments.
const split = (given) => [given.slice(0, -1), given[given.length - 1]];
const task = (name, run) => worker.register(`conf.${name}`, async (...given) => run(...split(given)));
const named = (positional, keywords, names) => names.map((name, place) => (place < positional.length ? positional[place] : keywords[name]));

task("ping", () => "pong");
task("echo", (args, kwargs) => named(args, kwargs, ["value"])[0]);
task("add", (args, kwargs) => named(args, kwargs, ["x", "y"]).reduce((sum, value) => sum + value));
task("arguments", (args, kwargs) => [args, kwargs]);
task("fail", (args, kwargs) => { throw new Error(named(args, kwargs, ["message"])[0]); });
task("sleep", async (args, kwargs) => {
  const [seconds] = named(args, kwargs, ["seconds"]);
  await wait(seconds);
  return seconds;
});
task("mark", async (args, kwargs) => {
  const [nonce, seconds] = named(args, kwargs, ["nonce", "seconds"]);
  mark(nonce, "start");
  await wait(seconds || 0);
  mark(nonce, "end");
  return nonce;
});
task("exit", (args, kwargs) => {
  const [nonce, code] = named(args, kwargs, ["nonce", "code"]);
  mark(nonce, "start");
  process.exit(code);
});

worker.start();
