"""The latest webhooks, numbered, with their responses; watchers are called for every change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from .callback import Answer, Callback
from .signature import Verdict

MOST_KEPT = 1000
"""Webhooks that are kept; the oldest is dropped first."""
BYTES_KEPT = 64 * 1024 * 1024
"""Bytes of all that are kept; the newest one is kept whatever its size."""
MOST_ANSWERS = 20
"""Responses that are kept for one webhook, the latest."""
KEPT_OF_ANSWER = 64 * 1024
"""Bytes of each response that are kept."""


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
        """The entry with one more response."""
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

    def __len__(self) -> int:
        return len(self._entries)
