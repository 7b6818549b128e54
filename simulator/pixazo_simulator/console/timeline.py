"""The timeline of a world as a drawing: a row per generation, over the time of the world with long pauses shortened."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import cast

import msgspec

from pixazo_simulator.control import Delivery, Entry, Exchange, Generation

LABEL, WIDTH, ROW, HEAD = 150.0, 1000.0, 30.0, 26.0
"""The drawing in its own units: the labels on the left, the axis, one row, and the head with the times."""
LONGEST_PAUSE = 20.0
"""Seconds of the longest pause that is drawn to scale; a longer one is drawn with this length."""
_TICKS = 7
Happened = tuple[datetime, str, bool]
"""When something happened, what it was in words, and whether it went well."""
_SIGNS = {"COMPLETED": "✓", "FAILED": "✗", "ERROR": "!"}


class Span(msgspec.Struct, frozen=True):
    """A state of a generation; a `coming` one lies ahead."""

    state: str
    x: float
    width: float
    coming: bool = False


class Mark(msgspec.Struct, frozen=True):
    """Something that happened at an instant: what it was, in words, and whether it went well."""

    x: float
    text: str
    is_good: bool = True


class Line(msgspec.Struct, frozen=True):
    """One generation."""

    generation: Generation
    y: float
    spans: list[Span]
    end: Mark | None
    polls: list[Mark]
    webhooks: list[Mark]
    money: list[Mark]
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
        self._at = sorted({each.timestamp() for each in instants})
        self._x = [0.0]
        self.pauses: list[tuple[float, float]] = []
        for before, after in pairwise(self._at):
            seconds = after - before
            if seconds > LONGEST_PAUSE:
                self.pauses.append((self._x[-1] + LONGEST_PAUSE / 2, seconds))
            self._x.append(self._x[-1] + min(seconds, LONGEST_PAUSE))
        self._scale = WIDTH / max(self._x[-1], 1.0)

    def x(self, instant: datetime) -> float:
        return self._place(instant.timestamp())

    def _place(self, at: float) -> float:
        index = max(0, min(bisect_right(self._at, at), len(self._at)) - 1)
        return LABEL + (self._x[index] + min(max(0.0, at - self._at[index]), LONGEST_PAUSE)) * self._scale

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
    polls, webhooks, money = _polls(exchanges), _attempts(deliveries), _money(entries, now)
    known = {each.request_id for each in generations}
    instants = [now, *(at for each in generations for _, start, end in _states(each, now) for at in (start, end))]
    instants += (
        at for marks in (polls, webhooks) for name, found in marks.items() if name in known for at, _, _ in found
    )
    axis = Axis(instants)

    def marks(found: Iterable[Happened]) -> list[Mark]:
        return [Mark(axis.x(at), text, good) for at, text, good in found]

    lines = list[Line]()
    for row, each in enumerate(reversed(generations)):
        identity = each.request_id
        lines.append(
            Line(
                generation=each,
                y=HEAD + row * ROW,
                spans=[*_spans(each, now, axis)],
                end=Mark(axis.x(each.since), _SIGNS[each.status]) if each.is_terminal else None,
                polls=marks(polls[identity]),
                webhooks=marks(webhooks[identity]),
                money=marks(money[identity]),
                text=_words(each, polls[identity], webhooks[identity], money[identity]),
            )
        )
    return Timeline(lines, [*axis.ticks()], axis.shortened(), axis.x(now), HEAD + max(1, len(lines)) * ROW + 8)


def _polls(exchanges: Iterable[Exchange]) -> defaultdict[str, list[Happened]]:
    """The status reads, by generation."""
    found = defaultdict[str, list[Happened]](list)
    for each in exchanges:
        if each.request_id and each.operation == "status":
            text = f"read {each.number}: {each.status} {_status_of(each)}".rstrip()
            found[each.request_id].append((each.at, text, each.status == 200))
    return found


def _attempts(deliveries: Iterable[Delivery]) -> defaultdict[str, list[Happened]]:
    """The attempts to post webhooks, by generation."""
    found = defaultdict[str, list[Happened]](list)
    for each in deliveries:
        for number, attempt in enumerate(each.attempts, 1):
            taken = attempt.status is not None and 200 <= attempt.status < 300
            found[each.request_id].append((attempt.at, f"webhook {each.number}, attempt {number}: {attempt}", taken))
    return found


def _money(entries: Iterable[Entry], now: datetime) -> defaultdict[str, list[Happened]]:
    """What was charged and refunded, by generation."""
    found = defaultdict[str, list[Happened]](list)
    for each in entries:
        if each.request_id and each.at <= now:
            text = f"{each.kind} {'+' if each.amount > 0 else '−'}${abs(each.amount)}"
            found[each.request_id].append((each.at, text, each.amount > 0))
    return found


def _states(each: Generation, now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """The states of a generation with begin and end, including those to come, if its plan has an end."""
    plan, accepted = each.plan, each.accepted_at
    if plan.queued is None or plan.processing is None:  # it is left by reads, or never
        first = accepted if each.status == "QUEUED" else each.since
        yield "QUEUED", accepted, now if each.status == "QUEUED" else first
        if each.status == "PROCESSING":
            yield "PROCESSING", first, now
        return
    try:
        started = accepted + timedelta(seconds=plan.queued)
        ended = started + timedelta(seconds=plan.processing)
    except OverflowError:  # beyond the year 9999
        yield each.status, accepted, now
        return
    if plan.queued:
        yield "QUEUED", accepted, started
    if plan.processing:
        yield "PROCESSING", started, ended


def _spans(each: Generation, now: datetime, axis: Axis) -> Iterator[Span]:
    for state, start, end in _states(each, now):
        for first, last, coming in ((start, min(end, now), False), (max(start, now), end, True)):
            if first < last:
                x = axis.x(first)
                yield Span(state, x, max(2.0, axis.x(last) - x), coming)  # a narrower bar could not be seen


def _status_of(exchange: Exchange) -> str:
    body = exchange.response.body
    return str(cast("dict[str, object]", body).get("status", "")) if isinstance(body, dict) else ""


def _words(each: Generation, *found: Sequence[Happened]) -> str:
    """The row as a text, for screen readers (aria-label) and the tip."""
    ends = f", ends {_clock_time(each.ends_at.timestamp())}" if each.ends_at and not each.is_terminal else ""
    happened = sorted((at, text) for marks in found for at, text, _ in marks)
    rest = "".join(f"; {_clock_time(at.timestamp())} {text}" for at, text in happened[-12:])
    return (
        f"{each.operation} {each.request_id} accepted {_clock_time(each.accepted_at.timestamp())}, "
        f"{each.status} since {_clock_time(each.since.timestamp())}{ends}{rest}"
    )


def _clock_time(at: float) -> str:
    found = datetime.fromtimestamp(at, UTC)
    return f"{found:%H:%M:%S}" + (f".{found.microsecond // 1000:03}" if found.microsecond else "")


def duration(seconds: float) -> str:
    """Seconds in the unit that fits them, such as `5 min`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
