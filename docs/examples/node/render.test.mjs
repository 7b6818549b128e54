import assert from "node:assert/strict";
import { after, afterEach, beforeEach, test } from "node:test";

import { Simulator } from "pixazo-testkit";

import { render } from "./render.mjs";

const simulator = await Simulator.start({ clock: "manual" });
after(() => simulator.stop());

let world;
beforeEach(async () => {
  world = await simulator.createWorld({ balance: "0.50" });
});
afterEach(() => world.deleteWorld());

/** The app in the world of this test, in which its pauses pass at once. */
const renderHere = (prompt) =>
  render(prompt, { baseUrl: world.url, apiKey: world.apiKey, sleep: (seconds) => world.advance(seconds) });

test("a video is rendered and paid for", async () => {
  assert.match(await renderHere("A cat"), /\.mp4$/);
  assert.equal((await world.ledger()).balance, "0.15");
});

test("a busy gateway is asked again after the time that it names, and a failure is reported with its reason", async () => {
  await world.setScript([
    { when: "generate", reply: { status: 429, retry_after: 2 }, times: 1 },
    { when: "generate", match: { prompt: { contains: "bear" } }, end: { status: "FAILED", error: "content policy" } },
  ]);

  await assert.rejects(renderHere("A bear"), /content policy/);

  const { exchanges } = await world.journal();
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
  await world.verify({ exchanges: { operation: "submit", status: 202 }, at_most: 1 });
});
