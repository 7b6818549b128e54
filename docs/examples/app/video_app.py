"""A small web app that orders videos and learns of their end by webhook. Of the gateway it knows only PIXAZO_BASE_URL."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

SUBMIT = f"{os.environ['PIXAZO_BASE_URL']}/minimax-hailuo-ai/v1/generate"
HEADERS = {
    "Content-Type": "application/json",
    "Ocp-Apim-Subscription-Key": os.environ["PIXAZO_API_KEY"],
    "X-Webhook-URL": os.environ["WEBHOOK_URL"],
}
videos = {}


class App(BaseHTTPRequestHandler):
    """POST /videos, GET /videos/ID, POST /webhook for the gateway, and GET /health."""

    def do_GET(self):
        found = {} if self.path == "/health" else videos.get(self.path.removeprefix("/videos/"))
        self.answer(404 if found is None else 200, found)

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/webhook":
            videos[sent["request_id"]] = sent
            self.answer(200, {})
        else:
            with urlopen(Request(SUBMIT, json.dumps({"prompt": sent["prompt"]}).encode(), HEADERS)) as response:
                accepted = json.load(response)
            # The webhook may have come first: its state is the newer one.
            self.answer(202, videos.setdefault(accepted["request_id"], accepted))

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8000"))), App).serve_forever()
