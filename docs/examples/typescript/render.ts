// The app under test: it asks for a video, and polls until there is an end.
import { setTimeout } from "node:timers/promises";

export interface Gateway {
  baseUrl: string;
  apiKey: string;
  /** Waits for some seconds. */
  sleep?: (seconds: number) => Promise<unknown>;
}

/** Render a prompt and return the URL of the video. */
export async function render(prompt: string, gateway: Gateway): Promise<string> {
  const { baseUrl, apiKey, sleep = (seconds) => setTimeout(seconds * 1000) } = gateway;
  const headers = { "Content-Type": "application/json", "Ocp-Apim-Subscription-Key": apiKey };
  const submission = { method: "POST", headers, body: JSON.stringify({ prompt }) };
  const accepted = await fetch(`${baseUrl}/minimax-hailuo-ai/v1/generate`, submission);
  if (!accepted.ok) throw new Error(`not accepted: ${accepted.status}`);
  const { polling_url: url } = (await accepted.json()) as { polling_url: string };
  for (;;) {
    const response = await fetch(url, { headers });
    const seen = (await response.json()) as { status: string; error: string; output: { media_url: [string] } };
    if (seen.status === "COMPLETED") return seen.output.media_url[0];
    if (["FAILED", "ERROR"].includes(seen.status)) throw new Error(seen.error);
    await sleep(5);
  }
}
