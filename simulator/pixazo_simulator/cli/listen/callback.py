"""Webhooks as they were received, each with the verdict on its signature (Standard Webhooks) and the responses to it; the latest are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from pixazo_simulator.spec import SECOND, Header
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


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: its arrival (UTC milliseconds of the real clock), and its request; header names are in lower case."""

    at: int
    method: str
    target: str
    headers: tuple[Header, ...]
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
    headers: tuple[Header, ...] = ()
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
    """Judge a signature at an instant (UTC milliseconds) of the real clock.

    One with an old timestamp is valid, and its age is stated: worlds with a manual clock run in other years.
    """
    identity, stamp, signatures = (callback.header(name.encode()) for name in SIGNED_BY)
    if identity is None or stamp is None or signatures is None:
        if not secrets:
            return Verdict("not checked", None, "not signed")
        absent = next(name for name in SIGNED_BY if callback.header(name.encode()) is None)
        return Verdict("missing", None, f"signature missing: there is no {absent}")
    age = now // SECOND - int(stamp) if stamp.isascii() and stamp.isdecimal() and len(stamp) <= _DIGITS else None
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
        """Add a webhook that was received."""
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
