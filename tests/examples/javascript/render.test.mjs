import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { render } from "./render.mjs";
import { World } from "./world.mjs";

let world;
beforeEach(async () => {
  world = await World.open(process.env.PIXAZO_BASE_URL);
});
afterEach(() => world.close());

/** Waiting means that time passes in the world. */
const sleep = (seconds) => world.control("POST", "/_sim/clock/advance", { seconds });
const call = (...asked) => world.call(...asked);

test("a busy gateway is asked again after the time that it names, and a failure is reported with its reason", async () => {
  await world.control("PUT", "/_sim/script", {
    rules: [
      { when: "generate", reply: { status: 429, retry_after: 2 }, times: 1 },
      { when: "generate", match: { prompt: { contains: "bear" } }, end: { status: "FAILED", error: "content policy" } },
    ],
  });

  const ended = await render(call, "A bear", sleep);

  assert.equal(ended.status, "FAILED");
  assert.equal(ended.error, "content policy");
  const { exchanges } = await world.control("GET", "/_sim/journal");
  assert.deepEqual(
    exchanges.map((each) => [each.at, each.method, each.status]),
    [
      ["2026-03-31T10:00:00.000Z", "POST", 429],
      ["2026-03-31T10:00:02.000Z", "POST", 202],
      ["2026-03-31T10:00:02.000Z", "GET", 200],
      ["2026-03-31T10:00:07.000Z", "GET", 200],
      ["2026-03-31T10:00:12.000Z", "GET", 200],
      ["2026-03-31T10:00:17.000Z", "GET", 200],
    ],
  );
  const { rules } = await world.control("GET", "/_sim/script");
  assert.deepEqual(rules.map((each) => each.used), [[1], [1]]);
});

test("a question about a request changes nothing", async () => {
  const request = { method: "POST", path: "/minimax-hailuo-ai/v1/generate", body: { prompt: "" } };
  const explained = await world.control("POST", "/_sim/explain", request);
  assert.equal(explained.exchange.status, 400);
  assert.match(explained.summary, /prompt must not be blank/);
  assert.equal((await world.control("GET", "/_sim/journal")).total, 0);
});

test("an error in a rule names the nearest known word", async () => {
  const rule = { when: "generate", repyl: { status: 429 } };
  await assert.rejects(world.control("POST", "/_sim/script/rules", rule), /unknown field `repyl` \(did you mean reply\?\)/);
});
