// The app under test: it asks for a video, tries again when the gateway is busy, and polls until there is an end.
import { setTimeout } from "node:timers/promises";

const pause = (seconds) => setTimeout(seconds * 1000);

/** Render a prompt and return the URL of the video; `sleep` waits for some seconds. */
export async function render(prompt, { baseUrl, apiKey, sleep = pause }) {
  const headers = { "Content-Type": "application/json", "Ocp-Apim-Subscription-Key": apiKey };
  const submission = { method: "POST", headers, body: JSON.stringify({ prompt }) };
  let accepted = await fetch(`${baseUrl}/minimax-hailuo-ai/v1/generate`, submission);
  while (accepted.status === 429) {
    await sleep(Number(accepted.headers.get("Retry-After")));
    accepted = await fetch(`${baseUrl}/minimax-hailuo-ai/v1/generate`, submission);
  }
  if (!accepted.ok) throw new Error(`not accepted: ${accepted.status}`);
  const { polling_url: url } = await accepted.json();
  for (;;) {
    const seen = await (await fetch(url, { headers })).json();
    if (seen.status === "COMPLETED") return seen.output.media_url[0];
    if (["FAILED", "ERROR"].includes(seen.status)) throw new Error(seen.error);
    await sleep(5);
  }
}
