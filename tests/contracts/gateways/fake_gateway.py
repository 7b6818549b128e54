"""A small faithful gateway, written from the vendor's page alone, with knobs to be wrong: the contract suite's own target.

`FakeGateway` does no I/O: a request and the instant of its clock give an answer; `due` gives the callbacks that fell due.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeGuard, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = "canary-5f3a9c1e7b2d4086"
ACCOUNTS = {"suspended": "key-suspended-01", "empty": "key-empty-01", "throttled": "key-throttled-01"}
OTHERS = {
    "other": "key-other-01",
    "broken": "key-broken-01",
    "disabled": "key-disabled-01",
    "recovering": "key-recovering-01",
}
ONES = tuple(f"key-one-{n}" for n in range(5))
TWO = "key-two-0"
FAILED_PROMPT, ERROR_PROMPT = "make it end in FAILED", "make it end in ERROR"

MODEL = "minimax-hailuo-ai"
BASE = f"/{MODEL}/v1/"
STATUS = "/v2/requests/status/"
QUEUED, PROCESSING = 2.0, 13.0
RETRY_AFTER = 1.0
TERMINAL = ("COMPLETED", "FAILED", "ERROR")


Answered = tuple[int, dict[str, str], bytes] | None
"""Status, headers and body; None hangs up."""


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def is_members(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a decoded JSON value is an object."""
    return isinstance(value, dict)


@dataclass(frozen=True)
class Ask:
    """One request, as the fake sees it; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Reply:
    """One answer: `value` is rendered as JSON unless `raw` is given."""

    code: int
    value: object = None
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def encoded(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.value).encode()

    def answered(self) -> Answered:
        """The same, encoded; code 0 hangs up."""
        return (self.code, dict(self.headers), self.encoded()) if self.code else None


@dataclass(frozen=True)
class Work:
    """One accepted request and what becomes of it."""

    request_id: str
    operation: str
    body: Mapping[str, object]
    key: str
    accepted: float
    end: str = "COMPLETED"
    hooks: tuple[str, ...] = ()
    origin: str = ""
    processing: float = PROCESSING

    def state(self, now: float) -> str:
        age = now - self.accepted
        return "QUEUED" if age < QUEUED else "PROCESSING" if age < QUEUED + self.processing else self.end

    def changed(self, now: float) -> float:
        state = self.state(now)
        return self.accepted + {"QUEUED": 0.0, "PROCESSING": QUEUED}.get(state, QUEUED + self.processing)


def stamp(instant: float) -> str:
    return datetime.fromtimestamp(int(instant * 1000) / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def refusal(code: int, error: str, message: str) -> Reply:
    return Reply(code, {"error": error, "message": message})


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


def movie(seconds: float, width: int, height: int) -> bytes:
    """The headers of an MP4 file, and no picture in it."""
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)) + bytes(80))
    track = box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16))
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov", header + box(b"trak", track)) + box(b"mdat", b"\0" * 64)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xC0, 0xC2):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return None


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG or lossless WebP; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82"):
        return struct.unpack_from(">II", data, 16)
    if data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9"):
        return _jpeg_size(data)
    if data[8:16] == b"WEBPVP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def image_fault(value: str) -> str | None:
    """What is wrong with a `first_frame_image`; a URL is taken on trust."""
    if re.match(r"https?://[\w.]", value):
        return None
    head, _, payload = value.partition(";base64,")
    if not head.startswith("data:image/") or not payload:
        return "must be a public URL or a Base64 data URL"
    try:
        data = base64.b64decode(payload, validate=True)
    except binascii.Error:
        return "is not valid Base64"
    size = image_size(data)
    if size is None:
        return "must be a JPG, PNG or WebP image"
    small, large = sorted(size)
    if len(data) >= 20_000_000:
        return "must be below 20 MB"
    if small <= 300:
        return "must have a short side above 300 px"
    return "must have an aspect ratio of 2:5 to 5:2" if 5 * small < 2 * large else None


def _typed(body: Mapping[str, object], name: str, kind: type | tuple[type, ...]) -> str | None:
    value = body.get(name)
    if name not in body or (isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)):
        return None
    return f"'{name}' has the wrong type"


def body_fault(operation: str, body: Mapping[str, object]) -> str | None:
    """The first violated parameter rule, as a sentence that names the member."""
    number = int if operation == "imageToVideo" else (int, float)
    kinds: dict[str, type | tuple[type, ...]] = {
        "prompt": str,
        "duration": number,
        "resolution": str,
        "callback_url": str,
    }
    kinds |= {"prompt_optimizer": bool, "fast_pretreatment": bool, "aigc_watermark": bool, "first_frame_image": str}
    required = ("prompt", "first_frame_image") if operation == "imageToVideo" else ("prompt",)
    for name in required:
        if body.get(name) is None:
            return f"'{name}' is required"
    for name, kind in kinds.items():
        if fault := _typed(body, name, kind):
            return fault
    prompt = str(body["prompt"])
    if not prompt.strip() or len(prompt) > 2000:
        return "'prompt' must have 1 to 2000 characters"
    if body.get("duration", 6) not in (6, 10):
        return "'duration' must be 6 or 10"
    if body.get("resolution", "768P") not in ("768P", "1080P"):
        return "'resolution' must be 768P or 1080P"
    fault = image_fault(str(body["first_frame_image"])) if operation == "imageToVideo" else None
    return f"'first_frame_image' {fault}" if fault else None


class FakeGateway:
    """The gateway. `edit` may change any answer, `tell` any callback body, `plan` what becomes of accepted work."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        edit: Callable[[Ask, Reply], Reply] = lambda _, reply: reply,
        tell: Callable[[dict[str, object]], dict[str, object]] = lambda body: body,
        plan: Callable[[Work], Work] = lambda work: work,
    ) -> None:
        self.now, self.edit, self.tell, self.plan = now, edit, tell, plan
        self.works: dict[str, Work] = {}
        self.asked: list[Ask] = []
        self.funds: dict[str, int] = {TWO: 2, **dict.fromkeys(ONES, 1)}
        self.calls: list[tuple[float, str, str]] = []
        self._lock = threading.Lock()
        self._number, self._recovers = 0, 0.0

    def answer(self, ask: Ask) -> Reply:
        """The answer to a request at this instant."""
        with self._lock:
            self.asked.append(ask)
            return self.edit(ask, self.route(ask))

    def route(self, ask: Ask) -> Reply:
        if ask.method == "GET" and ask.path.startswith("/media/"):
            return self._media(ask)
        operation = ask.path.removeprefix(BASE)
        if ask.method == "POST" and ask.path.startswith(BASE) and operation in ("generate", "imageToVideo"):
            return self._denied(ask) or self._submit(ask, operation)
        if ask.method == "GET" and ask.path.startswith(STATUS):
            return self._denied(ask) or self._status(ask)
        return refusal(404, "Not Found", "No such route")

    def _denied(self, ask: Ask) -> Reply | None:
        key = ask.headers.get("ocp-apim-subscription-key", "")
        if key == OTHERS["broken"]:
            return refusal(500, "Internal Server Error", "Something broke")
        if key == ACCOUNTS["suspended"]:
            return refusal(403, "Forbidden", "This subscription is suspended")
        if key == OTHERS["recovering"]:
            self._recovers = self._recovers or self.now() + RETRY_AFTER
        if key == ACCOUNTS["throttled"] or (key == OTHERS["recovering"] and self.now() < self._recovers):
            reply = refusal(429, "Too Many Requests", "Slow down")
            return replace(reply, headers={**reply.headers, "Retry-After": f"{RETRY_AFTER:g}"})
        known = {KEY, *ACCOUNTS.values(), *OTHERS.values(), *self.funds}
        return None if key in known else refusal(401, "Unauthorized", "A valid subscription key is needed")

    def _submit(self, ask: Ask, operation: str) -> Reply:
        key = ask.headers["ocp-apim-subscription-key"]
        if not ask.headers.get("content-type", "").startswith("application/json"):
            return refusal(400, "Bad Request", "The body must be application/json")
        try:
            body = cast("object", json.loads(ask.body, parse_constant=_no_constant))
        except (ValueError, RecursionError):
            return refusal(400, "Bad Request", "The body is not valid JSON")
        if not is_members(body):
            return refusal(400, "Bad Request", "The body must be a JSON object")
        if key == OTHERS["disabled"]:
            return refusal(400, "Model not found", f"Model '{MODEL}' not found or is disabled")
        if fault := body_fault(operation, body):
            return refusal(400, "Bad Request", fault)
        if key == ACCOUNTS["empty"] or self.funds.get(key, 1) == 0:
            return refusal(402, "Insufficient Balance", "Your wallet does not have enough balance.")
        return self.accept(ask, operation, body, key)

    def accept(self, ask: Ask, operation: str, body: dict[str, object], key: str) -> Reply:
        now = self.now()
        self._number += 1
        if key in self.funds:
            self.funds[key] -= 1
        digits = f"{int(now * 1000):012x}7{self._number:03x}8000{self._number:012x}"
        uuid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
        hooks = (ask.headers.get("x-webhook-url"), body.get("callback_url"))
        urls = tuple(url for url in hooks if isinstance(url, str) and url.startswith("http"))
        end = {FAILED_PROMPT: "FAILED", ERROR_PROMPT: "ERROR"}.get(str(body["prompt"]), "COMPLETED")
        origin = f"http://{ask.host}"
        work = self.plan(Work(f"{MODEL}_{uuid}", operation, body, key, now, end, urls, origin))
        self.works[work.request_id] = work
        self.calls += [(now + QUEUED + work.processing, work.request_id, url) for url in work.hooks]
        polling = f"{origin}{STATUS}{work.request_id}"
        return Reply(202, {"request_id": work.request_id, "status": "QUEUED", "polling_url": polling})

    def _status(self, ask: Ask) -> Reply:
        work = self.works.get(ask.path.removeprefix(STATUS))
        if work is None or work.key != ask.headers["ocp-apim-subscription-key"]:
            return refusal(404, "Request not found", "No request with this id")
        return Reply(200, self.envelope(work, self.now()))

    def envelope(self, work: Work, now: float) -> dict[str, object]:
        """The status envelope of a request at an instant."""
        state, changed = work.state(now), stamp(work.changed(now))
        if state == "ERROR" and work.key in self.funds:
            self.funds[work.key] = 1
        url = f"{work.origin}/media/{work.request_id}/output.mp4"
        return {
            "request_id": work.request_id,
            "status": state,
            "model_id": MODEL,
            "error": "The model could not do it" if state in ("FAILED", "ERROR") else None,
            "output": {"media_url": [url], "media_type": "video/mp4"} if state == "COMPLETED" else None,
            "created_at": stamp(work.accepted),
            "updated_at": changed,
            "completed_at": changed if state in TERMINAL else None,
        }

    def _media(self, ask: Ask) -> Reply:
        work = self.works[ask.path.split("/")[2]]
        seconds = work.body.get("duration", 6)
        size = (1920, 1080) if work.body.get("resolution") == "1080P" else (1366, 768)
        raw = movie(seconds if isinstance(seconds, int) else 6, *size)
        return Reply(200, raw=raw, headers={"Content-Type": "video/mp4"})

    def due(self) -> list[tuple[str, str, bytes]]:
        """The callbacks that have fallen due since the last call: request id, URL, body."""
        with self._lock:
            now = self.now()
            ready = [call for call in self.calls if call[0] <= now]
            self.calls = [call for call in self.calls if call[0] > now]
            return [(i, url, json.dumps(self.tell(self.envelope(self.works[i], now))).encode()) for _, i, url in ready]

    def again(self, request_id: str, url: str, seconds: float) -> None:
        """Call a URL once more after so many seconds."""
        with self._lock:
            self.calls.append((self.now() + seconds, request_id, url))
