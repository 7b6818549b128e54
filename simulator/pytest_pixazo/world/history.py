"""The past of a world, as a test reads it and as messages show it, and the events to come on a manual clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Self, TypeVar

from pixazo_simulator.control import Attempt, ClockState, ControlClient, Delivery, Exchange, Generation
from pixazo_simulator.script import CALLS
from pixazo_simulator.spec import SUBMITS, Status, covers

from .conditions import REQUESTS, asked

__tracebackhide__ = True  # a failure belongs to the line of the test

T = TypeVar("T")

MOST_LINES = 60
"""The most lines of a table; if there are more, the first and the last are shown."""
LONGEST_REASON = 160
"""The most characters of a reason, which may quote what the app sent."""
REQUEST_ID = re.compile(r"(?<=/)[\w.-]+_[0-9a-f]{8}-[\w-]+")
MOST_ALIKE = 3
"""Up to this many exchanges of one kind are all shown."""
LOOP = 3
"""This many reads at one instant show that an app is waiting for the clock."""
MOST_NAMED = 5
"""The most generations that are named in one line."""


class Journal(tuple[Exchange, ...]):  # noqa: SLOT001 - a tuple with slots has no attributes
    """The exchanges of a world so far, oldest first, at the time of `pixazo.journal`; `dropped` older ones are no longer kept."""

    dropped: int

    def __new__(cls, exchanges: Iterable[Exchange], dropped: int = 0) -> Self:
        journal = super().__new__(cls, exchanges)
        journal.dropped = dropped
        return journal

    @property
    def submits(self) -> Journal:
        """The submissions, accepted or not."""
        return self.filter(operation=SUBMITS)

    @property
    def polls(self) -> Journal:
        """The status reads."""
        return self.filter(operation="status")

    @property
    def downloads(self) -> Journal:
        """The requests for videos."""
        return self.filter(operation="media")

    def filter(
        self,
        *,
        operation: str | Collection[str] | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        rule: str | None = None,
    ) -> Journal:
        """The exchanges that match every argument; `path` is any part of the target, `rule` any part of the rule that decided.

        `operation` is a call as in `when`, or several operations. Raises ValueError for one that is no request, TypeError for a
        status that is a string.
        """
        if isinstance(operation, str):
            asked("journal.filter", operation, {}, REQUESTS)
            operation = CALLS.get(operation, {operation})
        if isinstance(status, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # of a caller without a type checker
            raise TypeError(f"status {status!r} would never match: give a number, such as 202")
        return Journal(
            [
                each
                for each in self
                if (operation is None or covers(operation, each.operation))
                and (method is None or each.method == method.upper())
                and (path is None or path in each.target)
                and status in (None, each.status)
                and request_id in (None, each.request_id)
                and (rule is None or rule in (each.rule or ""))
            ],
            self.dropped,
        )

    def __repr__(self) -> str:
        return exchange_table(self)


def exchange_table(exchanges: Sequence[Exchange]) -> str:
    """Number, time of the world, request, status code and reason; then rule, faults and what was cut, if any.

    Of many exchanges that are alike the first and the last are shown.
    """
    rows: list[tuple[str, ...]] = []

    def kind(exchange: Exchange) -> tuple[str, ...]:
        number, _, *shown = _row(exchange)
        return tuple(REQUEST_ID.sub("", each) for each in shown) if exchange.method == "GET" else (number,)

    for _, alike in groupby(exchanges, kind):
        rows += folded([*map(_row, alike)], lambda more: ("...", "", f"{more} more like this one", "..."))
    return table(rows) or "no request"


def folded(alike: list[T], note: Callable[[int], T]) -> list[T]:
    """All of them; of more than MOST_ALIKE the first, a note with the number left out, and the last."""
    return alike if len(alike) <= MOST_ALIKE else [alike[0], note(len(alike) - 2), alike[-1]]


def _row(exchange: Exchange) -> tuple[str, ...]:
    marks = [mark for mark in (exchange.rule, ", ".join(exchange.faults), exchange.response.cut) if mark]
    reason = cut(exchange.reason)
    decided = [text for each in exchange.decided_by if (text := str(each)) not in reason]  # reasons may be cut
    why = " | ".join([reason, *decided, *marks])
    request = f"{exchange.method} {exchange.target}"
    return str(exchange.number), time_of(exchange.at), request, f"{exchange.status} {why}"


class Deliveries(tuple[Delivery, ...]):  # noqa: SLOT001 - a tuple with slots has no attributes
    """The webhook deliveries of a world so far, oldest first. It does not grow: `pixazo.webhooks` is a new one each time."""

    _control: ControlClient

    def __new__(cls, control: ControlClient, deliveries: Iterable[Delivery]) -> Self:
        found = super().__new__(cls, deliveries)
        found._control = control
        return found

    @property
    def delivered(self) -> list[Delivery]:
        """The deliveries that a receiver answered with 2xx."""
        return [each for each in self if each.delivered]

    def resend(self, number: int) -> Attempt:
        """Post the webhook with this number again, now. Raises ControlError when it does not exist."""
        return self._control.resend(number)

    def __repr__(self) -> str:
        return delivery_table(self)


def delivery_table(deliveries: Sequence[Delivery]) -> str:
    """Number, when it is due, receiver, its generation and the result of each attempt."""
    rows = [(str(each.number), time_of(each.due_at), f"POST {each.url}", cut(each.summary)) for each in deliveries]
    return table(rows) or "no webhook"


def generation_table(generations: Sequence[Generation]) -> str:
    """When it was accepted, request id and status."""
    rows = [(time_of(each.accepted_at), each.request_id, each.status) for each in generations]
    return table(rows) or "no generation"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows with aligned columns; the empty string for none."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    left_out = len(lines) - MOST_LINES
    if left_out > 0:
        half = MOST_LINES // 2
        lines[half : half + left_out] = [f"... {left_out} more ..."]
    return "\n".join(lines)


def time_of(instant: datetime) -> str:
    """The time of day to the millisecond, such as `10:00:15.000`."""
    return f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}"


def cut(text: str) -> str:
    """A text in one line, cut after 160 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."


def outlook(clock: ClockState, generations: Sequence[Generation], exchanges: Sequence[Exchange]) -> str | None:
    """The time of a manual clock, how and when each running generation ends, the call that gets there, and if an app waits for it.

    None when the clock runs by itself or nothing is pending.
    """
    running = [each for each in generations if not each.is_terminal]
    now, due = clock.now, clock.next_webhook_at
    if clock.clock != "manual" or not (running or due):
        return None
    ahead = [generations_ahead(running, now)] if running else []
    if due:
        ahead.append(f"the next webhook is due at +{_seconds(due - now)} s")
    found = f"the clock is manual and reads {time_of(now)}; {'; '.join(ahead)}"
    # After this nothing is pending: the last generation has ended, or else the next webhook is attempted.
    ends = [each.ends_at for each in running]
    if last := max((end for end in ends if end), default=due):
        found += f": pixazo.clock.advance({_seconds(last - now)})"
        found += " or pixazo.clock.run_until()" if running and all(ends) else ""
    waiting = {each.request_id for each in running}
    reads = [each for each in exchanges if each.at == now and each.operation == "status" and each.request_id in waiting]
    if len(reads) >= LOOP:
        found += (
            f"; the status was read {len(reads)} times meanwhile, within {reads[-1].elapsed - reads[0].elapsed:.1f} s of real"
            " time. An app that waits in real time needs pixazo_sleep, or a clock that runs, as a child process does:"
            ' @pytest.mark.pixazo(clock="x20")'
        )
    return found


def generations_ahead(running: Sequence[Generation], now: datetime) -> str:
    """The status of each running generation, how long it lasts, and how the generation ends."""
    lines = [_ahead(each, now) for each in running[:MOST_NAMED]]
    return "; ".join(lines + ([f"and {len(running) - MOST_NAMED} more"] if len(running) > MOST_NAMED else []))


def _ahead(generation: Generation, now: datetime) -> str:
    text, plan, ends = f"{generation.request_id} is {generation.status}", generation.plan, generation.ends_at
    if generation.status == Status.QUEUED and plan.queued is not None:
        text += f" until +{_seconds(generation.accepted_at + timedelta(seconds=plan.queued) - now)} s"
    if ends:
        return f"{text}, {plan.outcome} at +{_seconds(ends - now)} s"
    by_reads = plan.queued is None or (plan.processing is None and plan.processing_polls)
    return f"{text}, {plan.outcome} by status reads only" if by_reads else f"{text} and never ends"


def _seconds(length: timedelta) -> str:
    """Seconds to the millisecond, so that advancing by them is never too short: nothing happens between milliseconds."""
    return f"{length / timedelta(seconds=1):.3f}".rstrip("0").rstrip(".")
