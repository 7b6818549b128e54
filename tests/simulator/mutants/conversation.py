"""A long sequence of requests to a simulator, whose responses and webhooks can be compared byte for byte with another's."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import urlsplit

from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, STATUS
from tests.simulator.samples import data_url, jpeg, png, webp

from pixazo_simulator.server.simulator import Simulator

__all__ = [
    "IMAGE_URL",
    "Chapter",
    "Delivery",
    "Entry",
    "Receiver",
    "RecordingClient",
    "Response",
    "broken",
    "converse",
    "elsewhere",
    "huge_image",
]

IMAGE_URL = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
UNKNOWN = "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000ffff"
HOST = "gateway.test"
TIMEOUT = 10.0
OTHERWISE = {
    "request_id": "thirteen", "status_members": "minimal_failure", "media": "placeholder", "validation_body": "sentence_status",
    "throttled": "apim_bare", "callback_url": "challenge", "image_rules": "fail", "unknown_id": "403_foreign", "timestamps": "mixed",
    "webhook_signature": "standard", "submit_code": "200", "insufficient_balance": "required", "missing_key": "queue",
}  # fmt: skip
"""Policy values other than the documented ones."""
GIF = b"GIF89a" + (400).to_bytes(2, "little") * 2 + b"\x80\x00\x00\x00\x00\x00\xff\xff\xff;"


@dataclass(frozen=True)
class Response:
    """A response to `request`, with header names in their letter case."""

    request: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def members(self) -> dict[str, Any]:
        """The members of a JSON object; none for any other body."""
        try:
            members = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", members) if isinstance(members, dict) else {}


@dataclass(frozen=True)
class Delivery:
    """A webhook delivery as it arrived."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


Entry = Response | Delivery


class Receiver:
    """Keeps every webhook delivery. Its status code is 503 below /broken, 307 below /moved, else 204."""

    def __init__(self) -> None:
        self.received: list[Delivery] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(Delivery(self.path, tuple(sorted(self.headers.items())), body))
                moved = self.path.startswith("/moved")
                self.send_response(503 if self.path.startswith("/broken") else 307 if moved else 204)
                if moved:
                    self.send_header("location", f"{receiver.url}/new")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives
                pass

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class RecordingClient:
    """Sends requests to one simulator on one connection, and keeps the responses and the webhook deliveries."""

    simulator: Simulator
    receiver: Receiver
    entries: list[Entry] = field(default_factory=list[Entry])
    key: str = ""
    _connection: http.client.HTTPConnection | None = None
    _seen: int = 0

    def __post_init__(self) -> None:
        """Leave out what was delivered before."""
        self._seen = len(self.receiver.received)

    def send(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
        """Send one request, without any header but these and Host."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.simulator.url).netloc, timeout=TIMEOUT)
        self._connection.request(method, target, body or None, {"Host": HOST, **(headers or {})})
        response = self._connection.getresponse()
        names = tuple((name, value) for name, value in response.getheaders())
        request = f"{method} {target} {body[:200]!r} of {len(body)} {headers}"
        return Response(request, response.status, names, response.read())

    def call(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Response:
        """Send one request with the key, and keep the response."""
        typed = {} if body is None else {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        response = self.send(method, target, _encoded(body), {KEY_HEADER: self.key, **typed, **(headers or {})})
        self.entries.append(response)
        return response

    def call_without_key(
        self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request without a key, and keep the response."""
        typed = {} if body is None else {"Content-Type": "application/json"}
        response = self.send(method, target, _encoded(body), {**typed, **(headers or {})})
        self.entries.append(response)
        return response

    def control(self, method: str, path: str, body: object = None) -> Response:
        """Call one of our own routes, which must succeed."""
        host = urlsplit(self.simulator.url).netloc
        response = self.send(method, f"/_sim/{path}", _encoded(body), {KEY_HEADER: self.key, "Host": host})
        assert response.status < 300, response
        return response

    def world(self, key: str, **settings: object) -> None:
        """Continue in a new world."""
        self.key = key
        self.control("POST", "worlds", {"key": key, **settings})

    def advance(self, seconds: float) -> None:
        """Advance the clock, and keep the webhooks that were delivered until then."""
        self.control("POST", "clock/advance", {"seconds": seconds})
        arrived = self.receiver.received[self._seen :]
        self._seen += len(arrived)
        self.entries += arrived

    def submit(
        self, path: str = GENERATE, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> str | None:
        """Submit, keep the response, and return the request id if there is one."""
        response = self.call("POST", path, {"prompt": "A bear", **members}, headers)
        request_id = response.members().get("request_id")
        return request_id if isinstance(request_id, str) else None

    def read(self, request_id: str | None) -> Response:
        """Read a status, and keep the response."""
        return self.call("GET", f"{STATUS}{request_id}")

    def fetch(self, response: Response) -> None:
        """Download the media of a status response, without a key."""
        output: dict[str, Any] = response.members().get("output") or {}
        urls: str | list[str] = output.get("media_url") or []
        for url in [urls] if isinstance(urls, str) else urls:
            self.call_without_key("GET", f"/{urlsplit(url).path.removeprefix('/')}")

    def end(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()


def _encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()


def _addresses(client: RecordingClient) -> None:
    body = {"prompt": "A bear"}
    for path in (GENERATE, IMAGE_TO_VIDEO, f"{STATUS}{UNKNOWN}", "/nowhere"):
        method, content = ("POST", body) if path.startswith("/minimax") else ("GET", None)
        client.call_without_key(method, path, content)
    for path in (GENERATE.upper(), f"{GENERATE}/", IMAGE_TO_VIDEO.lower(), "/minimax-other/v1/generate"):
        client.call("POST", path, body)
    client.call("GET", f"{GENERATE}?prompt=A+bear")
    client.call("PUT", GENERATE, body)
    client.call("DELETE", GENERATE)
    first = client.submit()
    second = client.submit(IMAGE_TO_VIDEO, first_frame_image=IMAGE_URL)
    for request_id in (first, second):
        client.read(request_id)
    _read_all(client)
    _read_default(client)


def _keys(client: RecordingClient) -> None:
    body = {"prompt": "A bear"}
    request_id = client.submit()
    for key in ("nobody-knows-this-key", "", "   "):
        client.call("POST", GENERATE, body, {KEY_HEADER: key})
        client.call("GET", f"{STATUS}{request_id}", headers={KEY_HEADER: key})
    client.call("POST", GENERATE, b"{", {KEY_HEADER: "nobody-knows-this-key"})
    client.call_without_key("GET", f"{STATUS}{request_id}")
    client.call_without_key("GET", f"{STATUS}{request_id}", headers={KEY_HEADER.lower(): client.key})
    client.call_without_key("GET", f"{STATUS}{request_id}?subscription-key={client.key}")
    client.call_without_key("GET", f"{STATUS}{request_id}", headers={"Authorization": f"Bearer {client.key}"})
    client.submit(resolution="4K")
    owner = client.key
    client.world(f"{owner}-other")
    client.read(request_id)
    client.control("PATCH", "world", {"suspended": True})
    client.submit()
    client.read(request_id)
    client.key = owner
    _read_all(client)
    _read_default(client)


def _headers(client: RecordingClient) -> None:
    client.submit(headers={"Content-Type": "application/json; charset=utf-8"})
    client.submit(headers={"Content-Type": "text/plain"})
    client.call_without_key("POST", GENERATE, {"prompt": "A bear"}, {KEY_HEADER: client.key})
    _read_all(client)


def _bodies(client: RecordingClient) -> None:
    for body in (b'{"prompt": ', b"", b"null", b'["A bear"]', b'"A bear"', b"7", b'{"prompt": "\\ud800"}'):
        client.call("POST", GENERATE, body, {"Content-Type": "application/json"})
    client.submit(camera="left")
    ids = [client.submit() for _ in range(6)]
    client.advance(1)
    client.submit()
    for request_id in ids:
        client.read(request_id)
    client.control("PATCH", "world", {"model_enabled": False})
    client.submit()
    _read_all(client)


def _values(client: RecordingClient) -> None:
    """Good and bad values of the members that both operations have."""
    images: dict[str, dict[str, Any]] = {GENERATE: {}, IMAGE_TO_VIDEO: {"first_frame_image": IMAGE_URL}}
    for path, image in images.items():
        members: dict[str, Any]
        for members in (
            {"prompt": None}, {"prompt": 7}, {"prompt": " "}, {"prompt": "b" * 2000}, {"prompt": "b" * 2001}, {"prompt": "\u4e00" * 2000},
            {"prompt": "A bear \u2013 [Push in]"}, {"duration": "6"}, {"duration": 6.5}, {"duration": 7}, {"duration": 10},
            {"resolution": 768}, {"resolution": "720P"}, {"resolution": "1080P"}, {"resolution": "1080P", "duration": 10},
            {"prompt_optimizer": "true"}, {"fast_pretreatment": "true"}, {"aigc_watermark": "true"}, {"fast_pretreatment": True},
            {"callback_url": 42}, {"model": "MiniMax-Hailuo-9"}, {"resolution": "768P", "duration": 6, "prompt_optimizer": True},
        ):  # fmt: skip
            client.submit(path, **image, **members)
    for image_url in (IMAGE_URL, "no image"):
        client.submit(GENERATE, first_frame_image=image_url)
    _read_all(client)


def _images(client: RecordingClient) -> None:
    for image in (
        None, [IMAGE_URL], 7, data_url(png(400, 400)), data_url(jpeg(400, 400), "jpeg"), data_url(webp(400, 400), "webp"),
        data_url(png(400, 400)).partition(",")[2], data_url(GIF, "gif"), data_url(png(300, 400)), data_url(png(301, 400)),
        data_url(png(302, 755)), data_url(png(755, 302)), data_url(png(1300, 400)), data_url(png(400, 400)[:-12]),
    ):  # fmt: skip
        client.submit(IMAGE_TO_VIDEO, first_frame_image=image)
    _read_all(client)


def _read_all(client: RecordingClient) -> None:
    """Read all generations of this world when they have ended."""
    client.advance(60)
    for each in json.loads(client.control("GET", "generations").body)["generations"]:
        client.fetch(client.read(each["request_id"]))


def _read_default(client: RecordingClient) -> None:
    """Read all generations of the first key of the server, with which no chapter submits."""
    client.key = client.simulator.api_key
    _read_all(client)


def _lives(client: RecordingClient) -> None:
    """Read three generations in every state, and long after."""
    prompts = ("A bear", "A bear [[sim:failed too wild]]", "A bear [[sim:error]]")
    ids = [client.submit(prompt=prompt) for prompt in prompts]
    for pause in (0, 0.1, 0.6, 1.3, 1, 5, 5, 1.999, 0.001, 0, 1, 4, 5, 10, 35, 10, 600):
        client.advance(pause)
        for request_id in ids:
            client.fetch(client.read(request_id))
    client.call("GET", f"{STATUS}{UNKNOWN}")
    client.call("GET", f"{STATUS}nonsense")
    client.submit()
    _read_all(client)


def _limits(client: RecordingClient) -> None:
    client.control("PATCH", "world", {"policy": {"rate_limit": "3/60"}})
    request_id = client.submit()
    for _ in range(3):
        client.read(request_id)
        client.submit()
    client.advance(61)
    client.submit()
    client.control("PATCH", "world", {"policy": {"rate_limit": "off"}})
    _read_all(client)


def _money(client: RecordingClient) -> None:
    client.control("PATCH", "world", {"balance": "0.35"})
    first = client.submit()
    client.submit()
    client.submit(resolution="4K")
    client.advance(1)
    client.submit()
    client.read(first)
    client.control("PATCH", "world", {"balance": "10.00"})
    for prompt in ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]"):
        client.submit(prompt=prompt)
    client.submit(resolution="4K")
    _read_all(client)
    client.entries.append(replace(client.control("GET", "ledger"), request="GET /_sim/ledger"))


def _webhooks(client: RecordingClient) -> None:
    url = client.receiver.url
    for prompt in ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]"):
        client.submit(prompt=prompt, headers={"X-Webhook-URL": f"{url}/hook?token=7"})
    ids = [
        client.submit(),
        client.submit(headers={"x-webhook-url": f"{url}/broken"}),
        client.submit(headers={"X-Webhook-URL": f"{url}/moved"}),
        client.submit(callback_url=f"{url}/member"),
        client.submit(callback_url=f"{url}/member", headers={"X-Webhook-URL": f"{url}/header"}),
    ]
    client.submit(headers={"X-Webhook-URL": "not a url"})
    for pause in (13.5, 1.5, 1, 3600):
        client.advance(pause)
        for request_id in ids:
            client.read(request_id)
    _read_all(client)


def elsewhere(client: RecordingClient) -> None:
    """A world whose policy has other values."""
    client.world(f"{client.key}-elsewhere", policy=OTHERWISE)
    url = client.receiver.url
    prompts = ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]")
    ids = [client.submit(prompt=prompt, headers={"X-Webhook-URL": f"{url}/elsewhere"}) for prompt in prompts]
    ids.append(client.submit(callback_url=f"{url}/member"))
    client.submit(resolution="4K")
    client.submit(IMAGE_TO_VIDEO, first_frame_image=data_url(png(300, 400)))
    for pause in (0, 3, 20, 5):
        client.advance(pause)
        for request_id in ids:
            client.fetch(client.read(request_id))
    client.control("PATCH", "world", {"balance": "0", "policy": {"rate_limit": "2/60"}})
    for _ in range(3):
        client.submit()
    client.control("PATCH", "world", {"policy": {"rate_limit": "off"}})
    _read_all(client)


def huge_image(client: RecordingClient) -> None:
    """An image of 20 MiB, which takes too long for every mutant."""
    image = png(400, 400)
    padded = image[:-12] + b"\0" * (20 * 1024 * 1024) + image[-12:]
    client.submit(IMAGE_TO_VIDEO, first_frame_image=data_url(padded))
    _read_all(client)


def broken(client: RecordingClient) -> None:
    """A key for which the gateway fails."""
    client.key = "sim-broken"
    client.submit(headers={"X-Webhook-URL": f"{client.receiver.url}/hook"})
    client.submit(resolution="4K")
    client.advance(60)


Chapter = Callable[[RecordingClient], None]
"""A part of the sequence, in a world of its own."""
CHAPTERS: tuple[Chapter, ...] = (
    _addresses, _keys, _headers, _bodies, _values, _images, _lives, _limits, _money, _webhooks,
)  # fmt: skip


def converse(simulator: Simulator, receiver: Receiver, *more: Chapter) -> dict[str, list[Entry]]:
    """Run every chapter, each in a world of its own, and return what was received in each."""
    entries: dict[str, list[Entry]] = {}
    for chapter in (*CHAPTERS, *more):
        client = RecordingClient(simulator, receiver)
        client.world(f"key-of-{chapter.__name__.strip('_')}")
        try:
            chapter(client)
        finally:
            client.end()
        entries[chapter.__name__] = client.entries
    return entries
