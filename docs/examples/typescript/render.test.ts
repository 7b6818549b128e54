import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ControlError, Simulator, type Rule } from "pixazo-testkit";

import { render } from "./render.ts";

const simulator = await Simulator.start({ clock: "manual" });
after(() => simulator.stop());

const noBears: Rule = {
  when: "generate",
  match: { prompt: { contains: "bear" } },
  end: { status: "FAILED", error: "content policy" },
};

test("a failure is reported with its reason, and is not refunded", async () => {
  const world = await simulator.createWorld({ balance: "0.50", policy: { refunds: "error" }, script: [noBears] });
  const gateway = { baseUrl: world.url, apiKey: world.apiKey, sleep: (seconds: number) => world.advance(seconds) };

  await assert.rejects(render("A bear", gateway), /content policy/);

  const { exchanges } = await world.journal({ operation: "status" });
  assert.deepEqual(
    exchanges.map((each) => each.status),
    [200, 200, 200, 200],
  );
  assert.equal((await world.ledger()).balance, "0.15");
});

test("a rule that is wrong is refused", async () => {
  const world = await simulator.createWorld();
  await assert.rejects(
    world.addRule({ when: "generate", reply: { status: 999 } }),
    (error) => error instanceof ControlError && error.status === 400 && error.message.includes("999"),
  );
});
