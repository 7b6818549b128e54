// The app under test: a server that learns by webhook how its videos ended.
import { createServer } from "node:http";

/** A server that keeps how each video ended, by its request id, in `ends`. */
export function receiver(ends) {
  return createServer(async (request, response) => {
    const { request_id: id, status } = JSON.parse(Buffer.concat(await request.toArray()).toString());
    ends.set(id, status);
    response.writeHead(204).end();
  });
}
