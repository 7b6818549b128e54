"""What is still to come on a manual clock, and how far it has to be advanced for that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pixazo_simulator.control import ClockState, Generation

MOST = 5
"""Generations that are named in one line."""


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
    found = f"the clock is manual and stands at {now:%H:%M:%S}.{now.microsecond // 1000:03d}; {'; '.join(ahead)}"
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
