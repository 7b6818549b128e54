// The app under test: it asks for a video, tries again when the gateway is busy, and polls until there is an end.

/** Ask for a video and return how it ended; `call` reaches the gateway, `sleep` waits for some seconds. */
export async function render(call, prompt, sleep) {
  let accepted = await call("POST", "/minimax-hailuo-ai/v1/generate", { prompt });
  while (accepted.status === 429) {
    await sleep(Number(accepted.headers.get("Retry-After")));
    accepted = await call("POST", "/minimax-hailuo-ai/v1/generate", { prompt });
  }
  if (accepted.status !== 202) throw new Error(`not accepted: ${accepted.status}`);
  const { request_id: id } = await accepted.json();
  for (;;) {
    const seen = await (await call("GET", `/v2/requests/status/${id}`)).json();
    if (["COMPLETED", "FAILED", "ERROR"].includes(seen.status)) return seen;
    await sleep(5);
  }
}
