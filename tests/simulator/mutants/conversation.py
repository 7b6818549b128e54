"""One long conversation with a simulator, by which two simulators can be compared byte for byte."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER
from tests.patience import PATIENCE
from tests.receiver import Callback, Receiver, answer
from tests.simulator.samples import data_url, jpeg, png, webp

from pixazo_simulator.server.simulator import Simulator

__all__ = [
    "IMAGE_URL",
    "Chapter",
    "Conversation",
    "Entry",
    "PathReceiver",
    "Said",
    "broken",
    "converse",
    "elsewhere",
    "huge_image",
]

STATUS = "/v2/requests/status/"
IMAGE_URL = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
UNKNOWN = "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000ffff"
HOST = "gateway.test"
OTHERWISE = {
    "request_id": "thirteen", "status_members": "minimal_failure", "media": "placeholder", "validation_body": "sentence_status",
    "throttled": "apim_bare", "callback_url": "challenge", "image_rules": "fail", "unknown_id": "403_foreign", "timestamps": "mixed",
    "webhook_signature": "standard", "submit_code": "200", "insufficient_balance": "required", "missing_key": "queue",
}  # fmt: skip
"""Policy values other than the documented ones."""
GIF = b"GIF89a" + (400).to_bytes(2, "little") * 2 + b"\x80\x00\x00\x00\x00\x00\xff\xff\xff;"


@dataclass(frozen=True)
class Said:
    """An answer to the request `asked`: header names as they were written."""

    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def members(self) -> dict[str, Any]:
        """The members of a JSON object; none when the body is something else."""
        try:
            told = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


Entry = Said | Callback


class PathReceiver(Receiver):
    """Answers by path: 503 below /broken, a redirect below /moved, else 204."""

    @property
    def origin(self) -> str:
        """Where the paths begin."""
        return f"http://{self.authority}"

    def answer_to(self, callback: Callback) -> bytes:
        """What a callback is answered."""
        if callback.path.startswith("/moved"):
            return answer(307, location=f"{self.origin}/new")
        return answer(503 if callback.path.startswith("/broken") else 204)


@dataclass
class Conversation:
    """The requests sent to one simulator on one connection, and everything that comes back."""

    simulator: Simulator
    receiver: PathReceiver
    entries: list[Entry] = field(default_factory=list[Entry])
    key: str = ""
    _connection: http.client.HTTPConnection | None = None
    _heard: int = 0

    def __post_init__(self) -> None:
        """Skip the callbacks of earlier conversations."""
        self._heard = len(self.receiver.received)

    def say(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Said:
        """Send one request, without any header but these and Host."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.simulator.url).netloc, timeout=PATIENCE)
        self._connection.request(method, target, body or None, {"Host": HOST, **(headers or {})})
        answer = self._connection.getresponse()
        told = tuple((name, value) for name, value in answer.getheaders())
        asked = f"{method} {target} {body[:200]!r} of {len(body)} {headers}"
        return Said(asked, answer.status, told, answer.read())

    def ask(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Said:
        """Send one request with the key, and keep the answer."""
        typed = {} if body is None else {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        said = self.say(method, target, content, {KEY_HEADER: self.key, **typed, **(headers or {})})
        self.entries.append(said)
        return said

    def plainly(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Said:
        """Send one request without a key, and keep the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        typed = {} if body is None else {"Content-Type": "application/json"}
        said = self.say(method, target, content, {**typed, **(headers or {})})
        self.entries.append(said)
        return said

    def control(self, method: str, path: str, body: object = None) -> Said:
        """Call a route under /_sim, which must succeed."""
        content = b"" if body is None else json.dumps(body).encode()
        host = urlsplit(self.simulator.url).netloc
        said = self.say(method, f"/_sim/{path}", content, {KEY_HEADER: self.key, "Host": host})
        assert said.status < 300, said
        return said

    def world(self, key: str, **wishes: object) -> None:
        """Continue in a new world."""
        self.key = key
        self.control("POST", "worlds", {"key": key, **wishes})

    def advance(self, seconds: float) -> None:
        """Advance the clock, and keep the callbacks that have arrived by then."""
        self.control("POST", "clock/advance", {"seconds": seconds})
        arrived = self.receiver.received[self._heard :]
        self._heard += len(arrived)
        self.entries += arrived

    def submit(
        self, path: str = GENERATE, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> str | None:
        """Submit, keep the answer, and return the request id if there is one."""
        said = self.ask("POST", path, {"prompt": "A bear", **members}, headers)
        request_id = said.members().get("request_id")
        return request_id if isinstance(request_id, str) else None

    def read(self, request_id: str | None) -> Said:
        """Read a status, keep the answer."""
        return self.ask("GET", f"{STATUS}{request_id}")

    def fetch(self, said: Said) -> None:
        """Download whatever media a status answer names, without a key."""
        output: dict[str, Any] = said.members().get("output") or {}
        urls: str | list[str] = output.get("media_url") or []
        for url in [urls] if isinstance(urls, str) else urls:
            self.plainly("GET", f"/{urlsplit(url).path.removeprefix('/')}")

    def end(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()


def _addresses(conversation: Conversation) -> None:
    body = {"prompt": "A bear"}
    for path in (GENERATE, IMAGE_TO_VIDEO, f"{STATUS}{UNKNOWN}", "/nowhere"):
        conversation.plainly(
            "POST" if path.startswith("/minimax") else "GET", path, body if path.startswith("/minimax") else None
        )
    for path in (GENERATE.upper(), f"{GENERATE}/", IMAGE_TO_VIDEO.lower(), "/minimax-other/v1/generate"):
        conversation.ask("POST", path, body)
    conversation.ask("GET", f"{GENERATE}?prompt=A+bear")
    conversation.ask("PUT", GENERATE, body)
    conversation.ask("DELETE", GENERATE)
    first = conversation.submit()
    second = conversation.submit(IMAGE_TO_VIDEO, first_frame_image=IMAGE_URL)
    for request_id in (first, second):
        conversation.read(request_id)
    _read_all(conversation)
    _read_default(conversation)


def _keys(conversation: Conversation) -> None:
    body = {"prompt": "A bear"}
    request_id = conversation.submit()
    for key in ("nobody-knows-this-key", "", "   "):
        conversation.ask("POST", GENERATE, body, {KEY_HEADER: key})
        conversation.ask("GET", f"{STATUS}{request_id}", headers={KEY_HEADER: key})
    conversation.ask("POST", GENERATE, b"{", {KEY_HEADER: "nobody-knows-this-key"})
    conversation.plainly("GET", f"{STATUS}{request_id}")
    conversation.plainly("GET", f"{STATUS}{request_id}", headers={KEY_HEADER.lower(): conversation.key})
    conversation.plainly("GET", f"{STATUS}{request_id}?subscription-key={conversation.key}")
    conversation.plainly("GET", f"{STATUS}{request_id}", headers={"Authorization": f"Bearer {conversation.key}"})
    conversation.submit(resolution="4K")
    owner = conversation.key
    conversation.world(f"{owner}-other")
    conversation.read(request_id)
    conversation.control("PATCH", "world", {"suspended": True})
    conversation.submit()
    conversation.read(request_id)
    conversation.key = owner
    _read_all(conversation)
    _read_default(conversation)


def _headers(conversation: Conversation) -> None:
    conversation.submit(headers={"Content-Type": "application/json; charset=utf-8"})
    conversation.submit(headers={"Content-Type": "text/plain"})
    conversation.plainly("POST", GENERATE, {"prompt": "A bear"}, {KEY_HEADER: conversation.key})
    _read_all(conversation)


def _bodies(conversation: Conversation) -> None:
    for body in (b'{"prompt": ', b"", b"null", b'["A bear"]', b'"A bear"', b"7", b'{"prompt": "\\ud800"}'):
        conversation.ask("POST", GENERATE, body, {"Content-Type": "application/json"})
    conversation.submit(camera="left")
    ids = [conversation.submit() for _ in range(6)]
    conversation.advance(1)
    conversation.submit()
    for request_id in ids:
        conversation.read(request_id)
    conversation.control("PATCH", "world", {"model_enabled": False})
    conversation.submit()
    _read_all(conversation)


def _values(conversation: Conversation) -> None:
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
            conversation.submit(path, **image, **members)
    for image_url in (IMAGE_URL, "no image"):
        conversation.submit(GENERATE, first_frame_image=image_url)
    _read_all(conversation)


def _images(conversation: Conversation) -> None:
    for image in (
        None, [IMAGE_URL], 7, data_url(png(400, 400)), data_url(jpeg(400, 400), "jpeg"), data_url(webp(400, 400), "webp"),
        data_url(png(400, 400)).partition(",")[2], data_url(GIF, "gif"), data_url(png(300, 400)), data_url(png(301, 400)),
        data_url(png(302, 755)), data_url(png(755, 302)), data_url(png(1300, 400)), data_url(png(400, 400)[:-12]),
    ):  # fmt: skip
        conversation.submit(IMAGE_TO_VIDEO, first_frame_image=image)
    _read_all(conversation)


def _read_all(conversation: Conversation) -> None:
    """Read every generation of this world once it has ended."""
    conversation.advance(60)
    told = json.loads(conversation.control("GET", "generations").body)["generations"]
    for each in told:
        conversation.fetch(conversation.read(each["request_id"]))


def _read_default(conversation: Conversation) -> None:
    """Read every generation of the server's first key, which this conversation does not use."""
    conversation.key = conversation.simulator.api_key
    _read_all(conversation)


def _lives(conversation: Conversation) -> None:
    """Read three generations in every state, and long after."""
    prompts = ("A bear", "A bear [[sim:failed too wild]]", "A bear [[sim:error]]")
    ids = [conversation.submit(prompt=prompt) for prompt in prompts]
    for pause in (0, 0.1, 0.6, 1.3, 1, 5, 5, 1.999, 0.001, 0, 1, 4, 5, 10, 35, 10, 600):
        conversation.advance(pause)
        for request_id in ids:
            conversation.fetch(conversation.read(request_id))
    conversation.ask("GET", f"{STATUS}{UNKNOWN}")
    conversation.ask("GET", f"{STATUS}nonsense")
    conversation.submit()
    _read_all(conversation)


def _limits(conversation: Conversation) -> None:
    conversation.control("PATCH", "world", {"policy": {"rate_limit": "3/60"}})
    request_id = conversation.submit()
    for _ in range(3):
        conversation.read(request_id)
        conversation.submit()
    conversation.advance(61)
    conversation.submit()
    conversation.control("PATCH", "world", {"policy": {"rate_limit": "off"}})
    _read_all(conversation)


def _money(conversation: Conversation) -> None:
    conversation.control("PATCH", "world", {"balance": "0.35"})
    first = conversation.submit()
    conversation.submit()
    conversation.submit(resolution="4K")
    conversation.advance(1)
    conversation.submit()
    conversation.read(first)
    conversation.control("PATCH", "world", {"balance": "10.00"})
    for prompt in ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]"):
        conversation.submit(prompt=prompt)
    conversation.submit(resolution="4K")
    _read_all(conversation)
    conversation.entries.append(replace(conversation.control("GET", "ledger"), asked="GET /_sim/ledger"))


def _webhooks(conversation: Conversation) -> None:
    url = conversation.receiver.origin
    for prompt in ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]"):
        conversation.submit(prompt=prompt, headers={"X-Webhook-URL": f"{url}/hook?token=7"})
    ids = [
        conversation.submit(),
        conversation.submit(headers={"x-webhook-url": f"{url}/broken"}),
        conversation.submit(headers={"X-Webhook-URL": f"{url}/moved"}),
        conversation.submit(callback_url=f"{url}/member"),
        conversation.submit(callback_url=f"{url}/member", headers={"X-Webhook-URL": f"{url}/header"}),
    ]
    conversation.submit(headers={"X-Webhook-URL": "not a url"})
    for pause in (13.5, 1.5, 1, 3600):
        conversation.advance(pause)
        for request_id in ids:
            conversation.read(request_id)
    _read_all(conversation)


def elsewhere(conversation: Conversation) -> None:
    """Send requests to a world whose policy differs from the documented one in many fields."""
    conversation.world(f"{conversation.key}-elsewhere", policy=OTHERWISE)
    url = conversation.receiver.origin
    prompts = ("A bear", "A bear [[sim:failed]]", "A bear [[sim:error]]")
    ids = [conversation.submit(prompt=prompt, headers={"X-Webhook-URL": f"{url}/elsewhere"}) for prompt in prompts]
    ids.append(conversation.submit(callback_url=f"{url}/member"))
    conversation.submit(resolution="4K")
    conversation.submit(IMAGE_TO_VIDEO, first_frame_image=data_url(png(300, 400)))
    for pause in (0, 3, 20, 5):
        conversation.advance(pause)
        for request_id in ids:
            conversation.fetch(conversation.read(request_id))
    conversation.control("PATCH", "world", {"balance": "0", "policy": {"rate_limit": "2/60"}})
    for _ in range(3):
        conversation.submit()
    conversation.control("PATCH", "world", {"policy": {"rate_limit": "off"}})
    _read_all(conversation)


def huge_image(conversation: Conversation) -> None:
    """Submit an image of 20 MiB, which is too slow for every conversation."""
    image = png(400, 400)
    padded = image[:-12] + b"\0" * (20 * 1024 * 1024) + image[-12:]
    conversation.submit(IMAGE_TO_VIDEO, first_frame_image=data_url(padded))
    _read_all(conversation)


def broken(conversation: Conversation) -> None:
    """Use the key for which the gateway answers 500."""
    conversation.key = "sim-broken"
    conversation.submit(headers={"X-Webhook-URL": f"{conversation.receiver.origin}/hook"})
    conversation.submit(resolution="4K")
    conversation.advance(60)


Chapter = Callable[[Conversation], None]
"""A part of the conversation, in a world of its own."""
CHAPTERS: tuple[Chapter, ...] = (
    _addresses, _keys, _headers, _bodies, _values, _images, _lives, _limits, _money, _webhooks,
)  # fmt: skip


def converse(simulator: Simulator, receiver: PathReceiver, *more: Chapter) -> dict[str, list[Entry]]:
    """Run every chapter of the conversation, each in a world of its own; returns the entries by chapter."""
    told: dict[str, list[Entry]] = {}
    for chapter in (*CHAPTERS, *more):
        conversation = Conversation(simulator, receiver)
        conversation.world(f"key-of-{chapter.__name__.strip('_')}")
        try:
            chapter(conversation)
        finally:
            conversation.end()
        told[chapter.__name__] = conversation.entries
    return told
