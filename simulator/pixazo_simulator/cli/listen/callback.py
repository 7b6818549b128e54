"""Webhooks as they were received, with the verdict on the signature (Standard Webhooks) and the responses; the latest are kept.

They are rendered without secrets: as JSON, as text, and as a line of a file from which they are read to be posted again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from pixazo_html import encode_json
from pixazo_simulator import spec
from pixazo_simulator.control import responses
from pixazo_simulator.webhooks import SIGNED_BY, verify

SIGNATURE = b"webhook-signature"
"""The header that is shown and saved although its name looks like a secret: an HMAC does not reveal its key."""
TOLERANCE = 300
"""Seconds that a timestamp may be off for the verifiers that Standard Webhooks publishes."""
_DIGITS = 12
"""Digits of a timestamp: this many are the seconds of 30,000 years."""
MOST_KEPT = 1000
"""Webhooks that are kept; the oldest is dropped first."""
BYTES_KEPT = 64 * 1024 * 1024
"""Bytes of all that are kept; the newest one is kept whatever its size."""
MOST_ANSWERS = 20
"""Responses that are kept for one webhook, the latest."""
KEPT_OF_ANSWER = 64 * 1024
"""Bytes of each response that are kept."""
MOST_SHOWN = 64 * 1024
"""Characters of a body that are shown."""
_SHORT, _LONG = 80, 400
"""Characters of a request id or status, and of a target, that a line shows."""

Tone = Literal["plain", "good", "bad", "notable"]


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: its arrival (UTC milliseconds of the real clock), and its request; header names are in lower case."""

    at: int
    method: str
    target: str
    headers: tuple[spec.Header, ...]
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The value of a header, the first if there are several."""
        return next((value.decode("latin-1") for each, value in self.headers if each == name), None)

    def repeats(self, other: Callback) -> bool:
        """Whether both are the same webhook: by its id (Standard Webhooks), or by its bytes where one has none."""
        mine, theirs = self.header(b"webhook-id"), other.header(b"webhook-id")
        if mine and theirs:
            return mine == theirs
        return (self.method, self.target, self.body) == (other.method, other.target, other.body)

    @property
    def subject(self) -> tuple[str | None, str | None]:
        """The request id and the status in the body; the status of a challenge is `challenge`."""
        try:
            body = msgspec.json.decode(self.body, type=_Body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = _Body()
        status = "challenge" if body.status is None and body.challenge is not None else body.status
        return _text(body.request_id), _text(status)

    @property
    def size(self) -> int:
        """Bytes of headers and body."""
        return len(self.body) + len(self.target) + sum(len(name) + len(value) for name, value in self.headers)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a webhook, its time and its duration; `problem` says why it is not from the app."""

    at: int
    status: int
    milliseconds: int = 0
    headers: tuple[spec.Header, ...] = ()
    body: bytes = b""
    problem: str | None = None


class _Body(msgspec.Struct):
    request_id: object = None
    status: object = None
    challenge: object = None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class Verdict(msgspec.Struct, frozen=True):
    """What was found about a signature, in a word and a sentence; `age` is that of its timestamp in seconds, below 0 if that is in the future."""

    verdict: Literal["valid", "wrong", "missing", "not checked"]
    age: int | None
    reason: str


def judge(callback: Callback, secrets: Sequence[bytes], now: int) -> Verdict:
    """Judge a signature at an instant of the real clock (UTC milliseconds).

    One with an old timestamp is valid, and its age is stated: worlds with a manual clock run in other years.
    """
    identity, stamp, signatures = (callback.header(name.encode()) for name in SIGNED_BY)
    if identity is None or stamp is None or signatures is None:
        if not secrets:
            return Verdict("not checked", None, "not signed")
        absent = next(name for name in SIGNED_BY if callback.header(name.encode()) is None)
        return Verdict("missing", None, f"signature missing: there is no {absent}")
    age = now // spec.SECOND - int(stamp) if stamp.isascii() and stamp.isdecimal() and len(stamp) <= _DIGITS else None
    if not secrets:
        return Verdict("not checked", age, "signature not checked: give --secret")
    if age is None:
        return Verdict("wrong", None, "signature wrong: webhook-timestamp is not in seconds")
    if not verify(secrets, identity, stamp, signatures, callback.body):
        of_what = "the secret" if len(secrets) == 1 else f"any of {len(secrets)} secrets"
        return Verdict("wrong", age, f"signature wrong: not made with {of_what} of these bytes")
    if abs(age) <= TOLERANCE:
        return Verdict("valid", age, "signature valid")
    when = f"{timedelta(seconds=abs(age))} {'ago' if age > 0 else 'ahead'}"
    takes = f"verifiers that use the present time accept {TOLERANCE // 60} min"
    return Verdict("valid", age, f"signature valid, but from {when}: {takes}")


# The latest webhooks


class KeptCallback(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook with its number, how often it has arrived so far, the verdict on its signature, and its responses in order."""

    number: int
    callback: Callback
    verdict: Verdict
    times: int = 1
    answers: tuple[Answer, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the webhook and of its responses."""
        return self.callback.size + sum(len(each.body) for each in self.answers)

    def answered(self, answer: Answer) -> KeptCallback:
        kept = msgspec.structs.replace(answer, body=answer.body[:KEPT_OF_ANSWER])
        return msgspec.structs.replace(self, answers=(*self.answers, kept)[-MOST_ANSWERS:])


class Kept:
    """The entries by number. `watchers` are called with an entry when it is new and after each of its responses."""

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = BYTES_KEPT) -> None:
        self.watchers: list[Callable[[KeptCallback], None]] = []
        self.total = 0
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._entries: dict[int, KeptCallback] = {}

    def add(self, callback: Callback, verdict: Verdict) -> KeptCallback:
        self.total += 1
        times = 1 + max((each.times for each in self if each.callback.repeats(callback)), default=0)
        entry = KeptCallback(number=self.total, callback=callback, verdict=verdict, times=times)
        self._entries[entry.number] = entry
        self._changed(entry, entry.size)
        return entry

    def answered(self, entry: KeptCallback, answer: Answer) -> KeptCallback:
        """Add a response to an entry, unless the entry was dropped."""
        before = self._entries.get(entry.number)
        entry = (before or entry).answered(answer)
        if before:
            self._entries[entry.number] = entry
        self._changed(entry, entry.size - before.size if before else 0)
        return entry

    def _changed(self, entry: KeptCallback, more: int) -> None:
        """Drop what is too much now that this many bytes were added, and call the watchers."""
        self._bytes += more
        while len(self._entries) > 1 and (len(self._entries) > self._most or self._bytes > self._most_bytes):
            self._bytes -= self._entries.pop(next(iter(self._entries))).size
        for watch in tuple(self.watchers):
            watch(entry)

    def get(self, number: int) -> KeptCallback | None:
        """The entry with this number, None when there is none or it was dropped."""
        return self._entries.get(number)

    def __iter__(self) -> Iterator[KeptCallback]:
        return iter(tuple(self._entries.values()))


# What is shown of them


class ShownAnswer(responses.Body, frozen=True):
    """The response to a webhook."""

    time: str
    status: int
    milliseconds: int
    problem: str | None
    headers: dict[str, str]
    body: str


class ShownCallback(responses.Body, frozen=True):
    """A webhook, with the verdict on its signature and its responses so far; `size` is in bytes."""

    number: int
    time: str
    method: str
    path: str
    request_id: str | None
    status: str | None
    size: int
    times: int
    signature: Verdict
    headers: dict[str, str]
    body: str
    answers: list[ShownAnswer]


class CallbackPage(responses.Body, frozen=True):
    """The webhooks that are kept, oldest first, and the number of all that were received."""

    total: int
    callbacks: list[ShownCallback]


def to_json(value: responses.Body) -> str:
    """A body as one line of JSON in printable ASCII."""
    return json.dumps(msgspec.to_builtins(value))


def shown(entry: KeptCallback, most: int = MOST_SHOWN) -> ShownCallback:
    """A webhook with at most this many characters of each body."""
    callback = entry.callback
    redactor = spec.Redactor().with_request_secrets(callback.headers, callback.target)
    others = [(name, value) for name, value in callback.headers if name != SIGNATURE]
    signature = {SIGNATURE.decode(): value.decode("latin-1") for name, value in callback.headers if name == SIGNATURE}
    request_id, status = (
        None if each is None else redactor.text(spec.beginning(each, _SHORT)) for each in callback.subject
    )
    return ShownCallback(
        number=entry.number,
        time=spec.timestamp(callback.at),
        method=callback.method,
        path=redactor.text(spec.beginning(callback.target, _LONG)),
        request_id=request_id,
        status=status,
        size=len(callback.body),
        times=entry.times,
        signature=entry.verdict,
        headers=redactor.headers(others) | signature,
        body=_body(redactor, callback.body, most),
        answers=[_answer(redactor, each, most) for each in entry.answers],
    )


def _body(redactor: spec.Redactor, body: bytes, most: int) -> str:
    # At most 4 bytes per character (UTF-8): a long body is not decoded as a whole.
    return redactor.text(spec.beginning(body[: 4 * most + 4].decode(errors="backslashreplace"), most))


def _answer(redactor: spec.Redactor, answer: Answer, most: int) -> ShownAnswer:
    return ShownAnswer(
        time=spec.timestamp(answer.at),
        status=answer.status,
        milliseconds=answer.milliseconds,
        problem=answer.problem and redactor.text(answer.problem),
        headers=redactor.headers(answer.headers),
        body=_body(redactor, answer.body, most),
    )


def text_line(entry: KeptCallback, *, forwards: bool) -> tuple[str, Tone] | None:
    """The line about the latest event of an entry, which the caller must escape, and its tone.

    Where nothing is forwarded, arrival and response are one line; None until there is a response.
    """
    view = shown(entry, most=0)
    if forwards and view.answers:
        return _answered(view)
    if not forwards and not view.answers:
        return None
    parts = [
        f"#{view.number}",
        f"{view.time[11:19]}Z",
        f"{view.method} {view.path}",
        " ".join(filter(None, (view.status, view.request_id))),
        f"{view.size} bytes",
        f"again, {ordinal(view.times)} time" if view.times > 1 else "",
        view.signature.reason,
        *(f"answered {each.status}" for each in view.answers),
    ]
    is_bad = view.signature.verdict in ("wrong", "missing")
    return "  ".join(filter(None, parts)), "bad" if is_bad else "notable" if view.times > 1 else "plain"


def _answered(view: ShownCallback) -> tuple[str, Tone]:
    *before, latest = view.answers
    again = "sent again: " if before else ""
    said = f": {latest.problem}" if latest.problem else f" in {latest.milliseconds} ms"
    tone: Tone = "good" if spec.is_success(latest.status) else "bad"
    return f"#{view.number}  {again}answered {latest.status}{said}", tone


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    is_teen = number // 10 % 10 == 1
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


# Files of webhooks


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """A line of a file, which users may edit; the body is a string, or Base64 where its bytes are not UTF-8."""

    time: str = ""
    method: Literal["POST", "PUT"] = "POST"
    path: str = "/"
    headers: dict[str, str] = {}
    body: str | UnsetType = UNSET
    body_base64: bytes | UnsetType = UNSET


def saved_line(callback: Callback) -> bytes:
    """A webhook as one line of JSON, without secret headers (those of one name are joined: RFC 9110, 5.3).

    The body keeps every byte: its signature is verified, and its media are downloaded, when it is posted again.
    """
    redactor, headers = spec.Redactor().with_request_secrets(callback.headers, callback.target), dict[str, str]()
    for raw_name, value in callback.headers:
        name, text = raw_name.decode("latin-1"), value.decode("latin-1")
        if raw_name == SIGNATURE or not spec.is_secret(name):
            text = text if raw_name == SIGNATURE else redactor.text(text)
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    method, path = cast("Literal['POST', 'PUT']", callback.method), redactor.text(callback.target)
    saved = _Saved(spec.timestamp(callback.at), method, path, headers)
    try:
        saved.body = callback.body.decode()
    except UnicodeDecodeError:
        saved.body_base64 = callback.body
    return encode_json(saved) + b"\n"


def read_saved(lines: Iterable[bytes]) -> Iterator[Callback]:
    """The webhooks of a file; empty lines are skipped. Raises ValueError that begins with the number of an invalid line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _callback(line.strip())
            except (spec.InvalidDataError, ValueError) as error:
                raise ValueError(f"line {number}: {error}") from None


def _callback(line: bytes) -> Callback:
    saved = spec.read(line, _Saved)
    at = spec.read_instant(saved.time) if saved.time else 0
    if at is None:
        raise ValueError(f"time {saved.time!a} is not an instant such as 2026-03-31T10:00:00Z")
    if saved.body is not UNSET and saved.body_base64 is not UNSET:
        raise ValueError("it has body and body_base64: give one of them")
    for name, value in saved.headers.items():
        if not (name.isascii() and value == value.encode("latin-1", "ignore").decode("latin-1")):
            raise ValueError(
                f"header {name!a}: {value!a}: give ASCII as its name and characters of ISO 8859-1 as its value"
            )
    body = saved.body_base64 or (saved.body or "").encode()
    headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in saved.headers.items())
    return Callback(at=at, method=saved.method, target=saved.path, headers=headers, body=body)
