"""What is still to come on a manual clock, and how far it has to be advanced for that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from .values.generation import Generation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


MOST = 5
"""Generations that are named in one line."""


def outlook(clock: Mapping[str, Any], generations: Sequence[Generation]) -> str | None:
    """Where a manual clock stands, what each running generation comes to and when, and the call that lets it happen.

    `clock` is as /_sim tells it. None when the clock runs by itself or nothing is to come.
    """
    running = [each for each in generations if not each.is_terminal]
    due: str | None = clock.get("next_callback_at")
    if clock.get("clock") != "manual" or not (running or due):
        return None
    now = _instant(clock["now"])
    told = [coming(running, now)] if running else []
    if due:
        told.append(f"the next callback is due at +{_seconds(_instant(due) - now)} s")
    found = f"the clock is manual and stands at {now:%H:%M:%S}.{now.microsecond // 1000:03d}; {'; '.join(told)}"
    return f"{found}: {ways}" if (ways := _remedy(now, running, due)) else found


def _remedy(now: datetime, running: Sequence[Generation], due: str | None) -> str | None:
    """The calls that let everything happen that will: the last end of a generation, else the next callback."""
    ends = [each.ends_at for each in running]
    last = max((end for end in ends if end), default=_instant(due) if due else None)
    if last is None:
        return None
    advance = f"pixazo.clock.advance({_seconds(last - now)})"
    return f"{advance} or pixazo.clock.run_until()" if running and all(ends) else advance


def coming(running: Sequence[Generation], now: datetime) -> str:
    """What each running generation is until when, and what it comes to."""
    told = [_fate(each, now) for each in running[:MOST]]
    return "; ".join(told + ([f"and {len(running) - MOST} more"] if len(running) > MOST else []))


def _fate(generation: Generation, now: datetime) -> str:
    plan, told = generation.plan, f"{generation.request_id} is {generation.status}"
    if plan is None:
        return told
    started = generation.accepted_at + timedelta(seconds=plan.queued)
    if generation.status == "QUEUED":
        told += f" until +{_seconds(started - now)} s"
    ends = generation.ends_at
    return f"{told}, {plan.outcome} at +{_seconds(ends - now)} s" if ends else f"{told} and never ends"


def _instant(text: str) -> datetime:
    return msgspec.convert(text, datetime)


def _seconds(length: timedelta) -> str:
    """So many seconds that advancing by them is never too short: nothing happens between milliseconds."""
    return f"{length / timedelta(seconds=1):.3f}".rstrip("0").rstrip(".")
