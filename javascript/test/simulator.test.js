import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { after, afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";

import { ControlError, Simulator, World } from "pixazo-testkit";

const GENERATE = "/minimax-hailuo-ai/v1/generate";
const simulator = await Simulator.start({
  clock: "manual",
  state: "memory-log",
  set: { webhook_signature: "standard" },
});
/** @type {World} */
let world;
after(() => simulator.stop());
beforeEach(async () => {
  world = await simulator.createWorld({ balance: "0.50" });
});
afterEach(() => world.deleteWorld().catch(() => {}));

/** Ask for a video as an app does. */
async function submit(prompt, headers = {}) {
  const response = await fetch(world.env().PIXAZO_BASE_URL + GENERATE, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Ocp-Apim-Subscription-Key": world.env().PIXAZO_API_KEY,
      ...headers,
    },
    body: JSON.stringify({ prompt }),
  });
  return [response.status, await response.json()];
}

/** What a call is refused with. */
async function refusal(call) {
  const error = await call().then(
    () => assert.fail("it was not refused"),
    (reason) => reason,
  );
  assert.ok(error instanceof ControlError, String(error));
  return error;
}

/** A server on loopback for one test. */
async function listening(t, answer) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

test("every route of the OpenAPI document has a method, which reaches it", async () => {
  const [, { request_id: id }] = await submit("A bear", { "X-Webhook-URL": "http://127.0.0.1:2" });
  await world.advance(15);
  const { paths } = await simulator.openapi();
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  assert.ok(operations.length > 30);
  const refused = [];
  const isLast = (each) => Number(each.operationId === "deleteWorld");
  for (const { operationId: name, security, parameters, requestBody } of operations.sort(
    (one, other) => isLast(one) - isLast(other),
  )) {
    const owner = security.some((scheme) => "key" in scheme) ? world : simulator;
    assert.equal(typeof owner[name], "function", name);
    const given = parameters.filter((each) => each.required).map((each) => (each.name === "request_id" ? id : 1));
    if (requestBody) given.push(requestBody.content["application/json"].example);
    await owner[name](...given).catch((error) => refused.push([name, error.message]));
  }
  const noRule = "no rule has the number 1: GET /_sim/script lists them"; // the world has counted them before
  assert.deepEqual(refused, [
    ["replaceRule", noRule],
    ["removeRule", noRule],
  ]);
});

test("a script decides, the clock is advanced, the journal and the wallet can be read", async () => {
  await world.setScript([
    { when: "generate", reply: { status: 429, retry_after: 2 }, times: 1 },
    { when: "generate", match: { prompt: { contains: "bear" } }, end: { status: "FAILED", error: "content policy" } },
  ]);
  const [[busy], [accepted, { request_id: id }]] = [await submit("A bear"), await submit("A bear")];
  assert.deepEqual([busy, accepted], [429, 202]);

  const { now, events } = await world.advance(15);
  assert.equal(now, "2026-03-31T10:00:15.000Z");
  assert.deepEqual(
    events.map((each) => each.status),
    ["PROCESSING", "FAILED"],
  );
  assert.equal((await world.status(id)).body.error, "content policy");
  assert.equal((await world.status(id, { at: "2026-03-31T10:00:00Z" })).body.status, "QUEUED");
  assert.deepEqual(
    (await world.journal({ status: 429, limit: undefined })).exchanges.map((each) => each.number),
    [1],
  );
  assert.equal((await world.ledger()).balance, "0.15");
  assert.deepEqual(
    (await world.script()).rules.map((each) => each.used),
    [[1], [1]],
  );
});

test("the clock goes to what falls due next, or to an instant", async () => {
  await submit("A bear");
  assert.deepEqual(
    (await world.advance({ until: "next" })).events.map((each) => each.status),
    ["PROCESSING"],
  );
  assert.equal((await world.advance({ until: "2026-04-01T00:00:00Z" })).now, "2026-04-01T00:00:00.000Z");
});

test("a state that was kept is restored", async () => {
  const { number } = await world.keepState();
  await submit("A bear");
  assert.equal((await world.restoreState(number)).generations, 0);
  assert.deepEqual(await world.forgetState(number), { deleted: true });
});

test("a world begins with generations, and is found by its key", async () => {
  const begun = await simulator.createWorld({ generations: [{ status: "FAILED", age: 60 }] });
  const [id] = begun.requestIds;
  const { generations } = await simulator.world(begun.apiKey).generations();
  assert.deepEqual(
    generations.map((each) => each.request_id),
    [id],
  );
});

test("a webhook arrives during the advance, and its delivery can be read and repeated", async (t) => {
  const received = [];
  const url = await listening(t, async (request, response) => {
    received.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    response.writeHead(204).end();
  });
  await submit("A bear", { "X-Webhook-URL": `${url}/hook` });
  await world.advance(15);
  assert.deepEqual(
    received.map((each) => each.status),
    ["COMPLETED"],
  );
  const { deliveries } = await world.deliveries();
  assert.deepEqual(
    deliveries.map((each) => [each.number, each.delivered]),
    [[1, true]],
  );
  assert.equal((await world.resend(1)).status, 204);
  assert.equal((await world.delivery(1)).url, `${url}/hook`);
  assert.equal(received.length, 2);
});

test("a wait ends when the app has called", async () => {
  const waiting = world.waitFor({ exchanges: { operation: "generate" } });
  await submit("A bear");
  assert.equal((await waiting).exchanges?.length, 1);
  await world.verify({ exchanges: { operation: "submit" }, at_most: 1 });
});

test("what has not happened is refused, with what has in the body", async () => {
  await submit("A bear");
  const late = await refusal(() => world.waitFor({ exchanges: { count: 2 }, timeout: 0 }));
  assert.deepEqual([late.name, late.status, late.body.exchanges.length], ["ControlError", 408, 1]);
  const wrong = await refusal(() => world.verify({ exchanges: { operation: "submit" }, at_most: 0 }));
  assert.equal(wrong.status, 406);
  assert.equal(wrong.message, wrong.body.message);
});

test("a question about a request changes nothing, and is answered for the world that asks", async () => {
  const explained = await world.explain({ method: "POST", path: GENERATE, body: { prompt: "" } });
  assert.equal(explained.exchange.status, 400);
  assert.match(explained.summary, /prompt must not be blank/);
  assert.equal((await world.journal()).total, 0);
});

test("an error in a rule names the nearest known word", async () => {
  const error = await refusal(() => world.addRule({ when: "generate", repyl: { status: 429 } }));
  assert.equal(error.status, 400);
  assert.match(error.message, /unknown field `repyl` \(did you mean reply\?\)/);
});

test("a world that was disposed of is unknown", async () => {
  await world[Symbol.asyncDispose]();
  assert.equal((await refusal(() => world.clock())).status, 404);
});

test("a simulator that runs is found by the environment", async () => {
  assert.throws(() => Simulator.connect(), /set PIXAZO_BASE_URL/);
  process.env.PIXAZO_BASE_URL = `${simulator.url}/`;
  assert.equal((await Simulator.connect().health()).status, "ok");
  delete process.env.PIXAZO_BASE_URL;
});

test("a password in a URL is refused, and not repeated", () => {
  assert.throws(() => Simulator.connect("http://me:hunter2@127.0.0.1:2"), /^Error: the url has a user name or password: leave it out$/);
});

test("what is no simulator is named as such, and so is nothing at all", async (t) => {
  const url = await listening(t, (_, response) => response.end("<html>"));
  const other = await refusal(() => Simulator.connect(url).health());
  assert.deepEqual([other.status, other.message], [200, 'unexpected response "<html>": is this a pixazo-sim server?']);
  const none = await refusal(() => Simulator.connect("http://127.0.0.1:2/").health());
  assert.equal(none.status, null);
  assert.match(
    none.message,
    /^GET \/_sim\/health got no response from http:\/\/127\.0\.0\.1:2 \(.+\): is `pixazo-sim serve` running there\?$/,
  );
  const broken = await listening(t, (_, response) => response.writeHead(200, { "Content-Length": "9" }).write("{", () => response.destroy()));
  assert.match((await refusal(() => Simulator.connect(broken).health())).message, /^GET \/_sim\/health got no response from /);
  const untrusted = await refusal(() => Simulator.connect("https://127.0.0.1:2").health());
  assert.match(untrusted.message, /does NODE_EXTRA_CA_CERTS name its authority/);
});

test("metrics are text", async () => {
  assert.match(await simulator.metrics(), /^# HELP /);
});

test("a command that is missing, or does not start, says why", async () => {
  await assert.rejects(
    Simulator.start({ command: ["pixazo-none"] }),
    /pixazo-none cannot be started .*pip install pixazo-testkit/,
  );
  await assert.rejects(
    Simulator.start({ command: [process.execPath, "--eval", "process.exit(3)", "--"] }),
    /ended \(3\)/,
  );
  const silent = [process.execPath, "--eval", "setInterval(() => {}, 1000)", "--"];
  await assert.rejects(Simulator.start({ command: silent, timeout: 0.01 }), /serve was not ready within 0.01 s/);
});

test("a simulator with a control token takes options, and ends with the process that started it, also when that is killed", async () => {
  const program = `
    import { Simulator } from "pixazo-testkit";
    const simulator = await Simulator.start({ apiKey: ["one", "two"], controlToken: "secret", noMagic: true, set: { webhook_retries: [1, 2] } });
    const { policy } = await simulator.world("two").world();
    console.log(JSON.stringify([simulator.url, simulator.apiKey, policy.webhook_retries]));
    process.kill(process.pid, "SIGKILL");
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: import.meta.dirname,
  });
  const { stdout } = await run.catch((error) => error);
  const [url, key, retries] = JSON.parse(stdout);
  assert.deepEqual([key, retries], ["one", "1,2"]);
  for (let status = 403; status !== null;) status = (await refusal(() => Simulator.connect(url).health())).status;
});
