"""Parts of messages for people: rows as a table, times, and what is still to come on a manual clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pixazo_simulator.control import ClockState, Generation

MOST_LINES = 60
"""Lines of a table; of more, the first and the last are shown."""
LONGEST_REASON = 160
"""Characters of a reason, which may quote what the app sent."""
MOST = 5
"""Generations that are named in one line."""


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows with aligned columns; the empty text for none."""
    if not rows:
        return ""
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
    """A text on one line, cut after 160 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."


def outlook(clock: ClockState, generations: Sequence[Generation]) -> str | None:
    """Where a manual clock stands, how and when each running generation ends, and the call that gets there.

    None when the clock runs by itself or nothing is to come.
    """
    running = [each for each in generations if not each.is_terminal]
    now, due = clock.now, clock.next_callback_at
    if clock.clock != "manual" or not (running or due):
        return None
    ahead = [generations_ahead(running, now)] if running else []
    if due:
        ahead.append(f"the next webhook is due at +{_seconds(due - now)} s")
    found = f"the clock is manual and stands at {time_of(now)}; {'; '.join(ahead)}"
    return f"{found}: {ways}" if (ways := _remedy(now, running, due)) else found


def _remedy(now: datetime, running: Sequence[Generation], due: datetime | None) -> str | None:
    """The calls after which nothing is to come: until the last generation ends, else until the next webhook."""
    ends = [each.ends_at for each in running]
    last = max((end for end in ends if end), default=due)
    if last is None:
        return None
    advance = f"pixazo.clock.advance({_seconds(last - now)})"
    return f"{advance} or pixazo.clock.run_until()" if running and all(ends) else advance


def generations_ahead(running: Sequence[Generation], now: datetime) -> str:
    """The status of each running generation, how long it lasts, and how the generation ends."""
    lines = [_ahead(each, now) for each in running[:MOST]]
    return "; ".join(lines + ([f"and {len(running) - MOST} more"] if len(running) > MOST else []))


def _ahead(generation: Generation, now: datetime) -> str:
    text, plan, ends = f"{generation.request_id} is {generation.status}", generation.plan, generation.ends_at
    if generation.status == "QUEUED" and plan.queued is not None:
        text += f" until +{_seconds(generation.accepted_at + timedelta(seconds=plan.queued) - now)} s"
    return f"{text}, {plan.outcome} at +{_seconds(ends - now)} s" if ends else f"{text} and never ends"


def _seconds(length: timedelta) -> str:
    """Seconds to the millisecond, so that advancing by them is never too short: nothing happens between milliseconds."""
    return f"{length / timedelta(seconds=1):.3f}".rstrip("0").rstrip(".")
