import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";

import { Simulator } from "pixazo-testkit";

import { receiver } from "./webhooks.mjs";

const simulator = await Simulator.start({ clock: "manual" });
after(() => simulator.stop());

test("the app learns how its video ended, also when the webhook comes twice", async (t) => {
  const ends = new Map();
  const server = receiver(ends).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const world = await simulator.createWorld();
  await world.addRule({ when: "webhook", faults: [{ fault: "duplicate", copies: 2 }] });

  const submitted = await fetch(`${world.url}/minimax-hailuo-ai/v1/generate`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Ocp-Apim-Subscription-Key": world.apiKey,
      "X-Webhook-URL": `http://127.0.0.1:${server.address().port}/pixazo`,
    },
    body: JSON.stringify({ prompt: "A bear" }),
  });
  const { request_id: id } = await submitted.json();
  await world.advance(15); // returns when each webhook that fell due was attempted

  assert.deepEqual([...ends], [[id, "COMPLETED"]]);
  assert.deepEqual(
    (await world.deliveries()).deliveries.map((each) => each.delivered),
    [true, true],
  );
});
