"""The timeline of a world as a drawing: a row per generation, over the time of the world with long pauses shortened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, cast

import msgspec

from pixazo_simulator.control import Delivery, Entry, Exchange, Generation
from pixazo_simulator.spec import is_success

LABEL, WIDTH, ROW, HEAD = 150.0, 1000.0, 30.0, 26.0
"""The drawing in its own units: the labels on the left, the axis, one row, and the head with the times."""
LONGEST_PAUSE = 20.0
"""Seconds of the longest pause that is drawn to scale; a longer one is drawn with this length."""
_TICKS = 7
_SIGNS = {"COMPLETED": "✓", "FAILED": "✗", "ERROR": "!"}


class Span(msgspec.Struct, frozen=True):
    """A state of a generation; a `coming` one is in the future."""

    state: str
    x: float
    width: float
    coming: bool = False


class Mark(msgspec.Struct, frozen=True):
    """Something that happened to a generation at an instant: what it was, in words, and whether it went well."""

    kind: Literal["poll", "webhook", "money", "end"]
    request_id: str
    at: datetime
    text: str
    is_good: bool = True
    x: float = 0.0
    """Where it is drawn; no axis has been made before what it shows is known."""


class Line(msgspec.Struct, frozen=True):
    """One generation."""

    generation: Generation
    y: float
    spans: list[Span]
    marks: list[Mark]
    text: str


class Tick(msgspec.Struct, frozen=True):
    """A time on the axis, or how long a pause is."""

    x: float
    text: str


class Timeline(msgspec.Struct, frozen=True):
    """The drawing: its lines from the newest to the oldest, the times above, where the pauses are, and where now is."""

    lines: list[Line]
    ticks: list[Tick]
    pauses: list[Tick]
    now: float
    height: float
    width: float = LABEL + WIDTH + 110


class Axis:
    """Where an instant is drawn."""

    def __init__(self, instants: Iterable[datetime]) -> None:
        self._at = sorted(set(instants))
        self._x = [0.0]
        self.pauses: list[tuple[float, float]] = []
        for before, after in pairwise(self._at):
            seconds = (after - before).total_seconds()
            if seconds > LONGEST_PAUSE:
                self.pauses.append((self._x[-1] + LONGEST_PAUSE / 2, seconds))
            self._x.append(self._x[-1] + min(seconds, LONGEST_PAUSE))
        self._scale = WIDTH / max(self._x[-1], 1.0)

    def x(self, instant: datetime) -> float:
        index = max(0, bisect_right(self._at, instant) - 1)
        passed = max(0.0, (instant - self._at[index]).total_seconds())
        return LABEL + (self._x[index] + min(passed, LONGEST_PAUSE)) * self._scale

    def ticks(self) -> Iterator[Tick]:
        """Those of the given instants whose labels do not overlap."""
        last = -WIDTH
        for at, x in zip(self._at, self._x, strict=True):
            if (x - last) * self._scale >= WIDTH / _TICKS or x == 0:
                last = x
                yield Tick(LABEL + x * self._scale, _clock_time(at))

    def shortened(self) -> list[Tick]:
        return [Tick(LABEL + x * self._scale, duration(seconds)) for x, seconds in self.pauses]


def draw(
    generations: Sequence[Generation],
    exchanges: Iterable[Exchange],
    deliveries: Iterable[Delivery],
    entries: Iterable[Entry],
    now: datetime,
) -> Timeline:
    """The drawing of these generations, with what concerned them."""
    known = {each.request_id for each in generations}
    happened = [each for each in _happened(exchanges, deliveries, entries, now) if each.request_id in known]
    instants = [now, *(at for each in generations for _, start, end in _states(each, now) for at in (start, end))]
    axis = Axis([*instants, *(each.at for each in happened if each.kind != "money")])
    lines = list[Line]()
    for row, each in enumerate(reversed(generations)):
        mine = [one for one in happened if one.request_id == each.request_id]
        ends = [Mark("end", each.request_id, each.since, _SIGNS[each.status])] if each.is_terminal else []
        marks = [msgspec.structs.replace(one, x=axis.x(one.at)) for one in (*mine, *ends)]
        lines.append(Line(each, HEAD + row * ROW, [*_spans(each, now, axis)], marks, _words(each, mine)))
    return Timeline(lines, [*axis.ticks()], axis.shortened(), axis.x(now), HEAD + max(1, len(lines)) * ROW + 8)


def _happened(
    exchanges: Iterable[Exchange], deliveries: Iterable[Delivery], entries: Iterable[Entry], now: datetime
) -> Iterator[Mark]:
    for read in exchanges:
        if read.request_id and read.operation == "status":
            body = read.response.body
            members = cast("dict[str, object]", body) if isinstance(body, dict) else {}
            text = f"read {read.number}: {read.status} {members.get('status', '')}".rstrip()
            yield Mark("poll", read.request_id, read.at, text, read.status == 200)
    for webhook in deliveries:
        for number, attempt in enumerate(webhook.attempts, 1):
            text = f"webhook {webhook.number}, attempt {number}: {attempt}"
            yield Mark("webhook", webhook.request_id, attempt.at, text, is_success(attempt.status))
    for entry in entries:
        if entry.request_id and entry.at <= now:
            text = f"{entry.kind} {'+' if entry.amount > 0 else '−'}${abs(entry.amount)}"
            yield Mark("money", entry.request_id, entry.at, text, entry.amount > 0)


def _states(each: Generation, now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """The states of a generation with start and end, including future ones, if its plan has an end."""
    accepted, ended = each.accepted_at, each.ends_at
    if ended is None:  # it ends with status reads, or never
        first = accepted if each.status == "QUEUED" else each.since
        yield "QUEUED", accepted, now if each.status == "QUEUED" else first
        if each.status == "PROCESSING":
            yield "PROCESSING", first, now
        return
    started = accepted + timedelta(seconds=each.plan.queued or 0)
    if accepted < started:
        yield "QUEUED", accepted, started
    if started < ended:
        yield "PROCESSING", started, ended


def _spans(each: Generation, now: datetime, axis: Axis) -> Iterator[Span]:
    for state, start, end in _states(each, now):
        for first, last, coming in ((start, min(end, now), False), (max(start, now), end, True)):
            if first < last:
                x = axis.x(first)
                yield Span(state, x, max(2.0, axis.x(last) - x), coming)  # a narrower bar could not be seen


def _words(each: Generation, found: Iterable[Mark]) -> str:
    """The row as text, for screen readers (aria-label) and the tip."""
    ends = f", ends {_clock_time(each.ends_at)}" if each.ends_at and not each.is_terminal else ""
    happened = sorted((one.at, one.text) for one in found)
    rest = "".join(f"; {_clock_time(at)} {text}" for at, text in happened[-12:])
    return (
        f"{each.operation} {each.request_id} accepted {_clock_time(each.accepted_at)}, "
        f"{each.status} since {_clock_time(each.since)}{ends}{rest}"
    )


def _clock_time(at: datetime) -> str:
    return f"{at:%H:%M:%S}" + (f".{at.microsecond // 1000:03}" if at.microsecond else "")


def duration(seconds: float) -> str:
    """Seconds in the unit that fits them, such as `5 min`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
