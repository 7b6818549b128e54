"""What crossed the wire, an exchange of ours or a callback of the gateway, and what the bytes of a download show undecoded."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeGuard
from urllib.parse import SplitResult, urljoin, urlsplit

__all__ = [
    "MISSING", "Callback", "Exchange", "Intent", "JsonObject", "inspect_media", "is_array", "is_object", "is_object_text",
    "join_url", "members_of", "parse_json", "repeated_names", "split_url",
]  # fmt: skip

#: A decoded JSON object.
JsonObject = dict[str, object]

#: What a gateway that follows the page does with a request: it accepts it, it refuses it, or either.
Intent = Literal["accept", "refuse", "any"]


class _Missing:
    """The value of a body that is not JSON, or of a member that is absent; unlike None it is not a JSON value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


MISSING: Final = _Missing()

#: The names in place of a probe for recorded requests of an app, which no probe sent: what recorded them.
FROM_APP: Final = frozenset({"proxy", "har"})

#: Operations whose accepted requests are generations.
SUBMITS: Final = ("generate", "imageToVideo")

#: An escape in JSON: a surrogate pair, an unpaired surrogate (the group), or any other.
ESCAPE: Final = re.compile(r"(?is)\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(ud[89a-f][0-9a-f]{2})|.)")

#: Boxes with which an ISO base media file (MP4, QuickTime) may begin.
FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
#: How files of other containers begin: a transport stream has packets of 188 bytes.
OTHER_CONTAINERS: Final = {
    "matroska": rb"\x1a\x45\xdf\xa3", "avi": rb"RIFF.{4}AVI ", "flv": rb"FLV\x01", "mpeg-ts": rb"(?:\x47.{187}){2}\x47",
}  # fmt: skip


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _without_halves(text: str) -> str:
    """JSON in which an unpaired surrogate, which cannot be written to a file or a terminal, is the text of its escape."""
    return ESCAPE.sub(lambda found: f"\\\\{found[1].lower()}" if found[1] else found[0], text)


@lru_cache(maxsize=8192)
def parse_json(text: str) -> object:
    """`text` as JSON, or `MISSING` where it is not; the value is shared, so do not change it.

    An unpaired surrogate, such as `\\ud83d`, becomes the six characters of its escape, so every string can be written as UTF-8.
    """
    try:
        value: object = json.loads(_without_halves(text), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return MISSING
    return value


@lru_cache(maxsize=8192)
def repeated_names(text: str) -> tuple[str, ...]:
    """The names that a JSON object has more than once: parsers differ in which value they keep."""
    found: list[str] = []

    def take(pairs: list[tuple[str, object]]) -> JsonObject:
        names = Counter(name for name, _ in pairs)
        found.extend(name for name, times in names.items() if times > 1)
        return dict(pairs)

    try:
        json.loads(_without_halves(text), object_pairs_hook=take)
    except (ValueError, RecursionError):
        return ()
    return tuple(found)


def split_url(url: str) -> SplitResult:
    """The parts of a URL from a gateway; all are empty if it is not a URL."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port  # read here, since they raise ValueError as well
    except ValueError:
        return urlsplit("")
    return parts


def join_url(origin: str, url: str) -> str:
    """A URL from a gateway, resolved against its origin or another URL; unchanged if it is not a URL."""
    try:
        return urljoin(origin if "/" in origin.partition("://")[2] else f"{origin}/", url)
    except ValueError:
        return url


def is_object(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def members_of(body: bytes) -> JsonObject:
    """The members of a body that is a JSON object, else none."""
    value = _parsed(body)
    return value if is_object(value) else {}


def is_object_text(body: bytes) -> bool:
    """Whether a body is a JSON object, also one without members."""
    return is_object(_parsed(body))


def _parsed(body: bytes) -> object:
    """Past the cache of `parse_json`, which keeps what clauses judge."""
    return parse_json.__wrapped__(body.decode("utf-8", "replace"))


def is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _first(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the bytes of a download show, with its frame in pixels; None where they show nothing. `digest` is of the bytes.

    `cut`: the last part of the file is shorter than its stated size. `empty`: a movie without a track, or one that plays for no time.
    """

    container: str | None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    digest: str | None = None
    cut: bool = False
    empty: bool = False


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of an ISO base media file between two offsets: kind, start and end of the content."""
    # ISO/IEC 14496-12, 4.2: a 32-bit size and a type; size 1: a 64-bit size follows; size 0: the box is the last.
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop


def _frame(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Width and height of a track in pixels; None for a track without a picture."""
    # ISO/IEC 14496-12, 8.3.2: a track header ends with width and height as 16.16 fixed-point numbers.
    for kind, content, stop in _boxes(data, start, end):
        if kind == b"tkhd" and stop - content >= 8:
            width, height = struct.unpack_from(">II", data, stop - 8)
            return (width >> 16, height >> 16) if width and height else None
    return None


def _movie(data: bytes, start: int, end: int) -> MediaFacts:
    seconds: float | None = None
    frame: tuple[int, int] | None = None
    kinds = {kind for kind, _, _ in _boxes(data, start, end)}
    for kind, content, stop in _boxes(data, start, end):
        if kind == b"mvhd" and stop - content >= 32:
            # ISO/IEC 14496-12, 8.2.2: version 1 has 64-bit times and a 64-bit duration.
            layout, offset = (">IQ", content + 20) if data[content] == 1 else (">II", content + 12)
            scale, duration = struct.unpack_from(layout, data, offset)
            seconds = duration / scale if scale and duration else None
        elif kind == b"trak":
            frame = frame or _frame(data, content, stop)
    width, height = frame or (None, None)
    # ISO/IEC 14496-12, 8.8.1: with `mvex` the movie is in fragments, whose duration the header need not know.
    empty = b"trak" not in kinds or (b"mvhd" in kinds and not seconds and b"mvex" not in kinds)
    return MediaFacts("mp4", seconds, width, height, empty=empty)


def inspect_media(data: bytes) -> MediaFacts:
    """Container, playing time in seconds, and frame of a video; None for each that the bytes do not show."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    if data[4:8] not in FIRST_BOXES:
        other = next((name for name, begin in OTHER_CONTAINERS.items() if re.match(begin, data, re.DOTALL)), None)
        return MediaFacts(other, digest=digest)
    facts, end = MediaFacts("mp4"), 0
    for kind, content, stop in _boxes(data, 0, len(data)):
        end = stop
        if kind == b"moov":
            facts = _movie(data, content, stop)
    # A single box may be the stub of a test; a later one that is longer than the rest of the file was cut off.
    return replace(facts, digest=digest, cut=end > 0 and data[end + 4 : end + 8] in FIRST_BOXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What a response and a callback have in common: headers, and a body that may be a JSON object.

    `body` is None when it is not UTF-8 or too long to keep; `size` counts its bytes. `leaks` are places with the key (`body`).
    """

    number: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    size: int = 0
    leaks: tuple[str, ...] = ()

    @property
    def json(self) -> object:
        return MISSING if self.body is None else parse_json(self.body)

    @property
    def members(self) -> JsonObject:
        """The members of the body; empty when it is not a JSON object."""
        value = self.json
        return value if is_object(value) else {}

    def member(self, name: str) -> object:
        return self.members.get(name, MISSING)

    def header(self, name: str) -> str | None:
        """The first header of that name, in any letter case; None if there is none."""
        return _first(self.headers, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(_Message):
    """One request of ours and its response, as recorded above the layer that adds the key: it never contains a key.

    `started` and `finished` are seconds of the run's clock. `status` is None when no response arrived; `error` then says why (`timeout`,
    `connect`, `lost`). `account` names the role whose key was sent, "" for none, and `placement` where. `aims` are the ids of the clauses
    that the request was sent for, `intent` what a gateway that follows the page does with it. `spent`: it was counted as a generation.
    """

    probe: str
    case: str
    operation: str
    method: str
    url: str
    account: str
    started: float
    finished: float
    status: int | None
    aims: tuple[str, ...] = ()
    intent: Intent = "any"
    placement: str = "header"
    reader: str = ""
    request_id: str | None = None
    request_headers: tuple[tuple[str, str], ...] = ()
    request_body: str | None = None
    request_size: int = 0
    error: str | None = None
    media: MediaFacts | None = None
    spent: bool = False

    @property
    def is_submit(self) -> bool:
        return self.operation in SUBMITS and self.method == "POST"

    @property
    def from_app(self) -> bool:
        """Whether an app sent the request; then only what crossed the wire is known."""
        return self.probe in FROM_APP

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def redirect(self) -> str | None:
        """Where a 3xx with a `Location` leads."""
        location = self.header("location")
        return None if location is None or not 300 <= (self.status or 0) < 400 else join_url(self.url, location)

    @property
    def accepted_id(self) -> str | None:
        """The id of the generation that this submit began, or None."""
        value = self.members.get("request_id") if self.is_submit and self.succeeded else None
        return value if isinstance(value, str) and value else None

    @property
    def state(self) -> str | None:
        """The `status` word of a successful status read, or None."""
        value = self.members.get("status") if self.operation == "status" and self.succeeded else None
        return value if isinstance(value, str) else None

    @property
    def latency(self) -> float:
        """Seconds from the first byte sent to the last byte received."""
        return self.finished - self.started

    def request_header(self, name: str) -> str | None:
        """The first request header of that name, in any letter case."""
        return _first(self.request_headers, name)

    @property
    def sent(self) -> Mapping[str, object]:
        """The members of the request body; empty when it was not a JSON object or too long to keep."""
        value = MISSING if self.request_body is None else parse_json(self.request_body)
        return value if is_object(value) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback(_Message):
    """One request that reached our receiver, `at` seconds after the run began; `answered` is the status code of our response.

    `headers` has those that clauses check, `header_names` the names of all.
    """

    at: float
    method: str
    target: str
    answered: int
    header_names: tuple[str, ...] = ()
