"""A clock in UTC milliseconds: real, scaled or manual."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

import msgspec

from pixazo_simulator.spec import LAST_INSTANT, PAGE_INSTANT, SECOND, read_instant, timestamp

from .part import Part

__all__ = [
    "Begun", "Clock", "StoredTime", "clock_factory", "read_start", "read_time", "real_clock", "real_date", "starting",
]  # fmt: skip

real_clock = partial(time.perf_counter)
"""Neither freezegun, which replaces functions in all modules but not partials, nor time-machine stops it."""
real_date = partial(time.time)
"""Seconds since 1970, for the real date, for the same reason."""

_NOW = float("-inf")


class Begun(msgspec.Struct, frozen=True):
    """When the worlds of a server were started, in real time, and what their clocks read then (UTC milliseconds)."""

    at: int
    start: int


class StoredTime:
    """Real time in seconds, for clocks: while a command is carried out, the time at which it was logged; it never goes back."""

    def __init__(self) -> None:
        self.command: int | None = None
        """The instant of the command that is being carried out (UTC milliseconds)."""
        self.latest = 0
        """The latest instant of a command (UTC milliseconds)."""
        self._ahead = real_date() - real_clock()  # a date that is set, or frozen, later changes nothing

    def __call__(self) -> float:
        return self.instant() / SECOND if self.command is None else self.command / SECOND

    def instant(self) -> int:
        """The present instant (UTC milliseconds), at least that of the latest command: dates are set back, and machines differ."""
        self._ahead = max(self._ahead, self.latest / SECOND - real_clock())
        return max(self.latest, int((real_clock() + self._ahead) * SECOND))


class Clock(Part):
    """Time as one world sees it. Any clock can be advanced, none can be turned back.

    `rate` says how fast it runs relative to real time: 1 is real, 20 is scaled, 0 is stopped until advanced (manual). It began at
    the instant `start`. A fork reads the same until either is advanced.
    """

    DERIVED: ClassVar = frozenset({"_monotonic"})

    start: int
    rate: int | float
    _monotonic: Callable[[], float] = time.perf_counter
    _born: float = _NOW
    _offset: int = 0

    def __post_init__(self) -> None:
        """Begin at `start`: now, or when the real time was `_born`."""
        self._offset = self.start
        if self._born == _NOW:
            self._born = self._monotonic()

    @classmethod
    def manual(cls, start: int = PAGE_INSTANT) -> Clock:
        """A clock that moves only when it is advanced."""
        return cls(start, 0)

    @classmethod
    def scaled(cls, rate: float) -> Clock:
        """A clock that starts now and runs `rate` times as fast as real time."""
        return cls(_real_now(), rate)

    def restarted(self, start: int) -> Clock:
        """A clock that runs as fast as this one and begins at another instant."""
        return Clock(start, self.rate, self._monotonic)

    def now(self) -> int:
        """The instant, in UTC milliseconds."""
        if not self.rate:
            return self._offset
        return min(LAST_INSTANT, self._offset + int((self._monotonic() - self._born) * SECOND * self.rate))

    def stand(self, instant: int, born: float) -> None:
        """Read `instant` when its real time is `born` seconds."""
        self._offset, self._born = instant, born

    def stop(self) -> None:
        """Stop at the present reading until advanced."""
        self._offset, self.rate = self.now(), 0

    def go_on(self) -> None:
        """Continue from the instant that it read when its real time differed from that here."""
        self._born = self._monotonic()

    def elapsed(self) -> int:
        """Real milliseconds since this clock was made, however fast it runs; forks share them."""
        return int((self._monotonic() - self._born) * SECOND)

    def advance_to(self, instant: int) -> None:
        """Let the clock read `instant` now; an instant already past changes nothing."""
        self._offset += max(0, min(instant, LAST_INSTANT) - self.now())

    def milliseconds(self, seconds: float) -> int:
        """Check that the clock can be advanced by this many seconds, and return them. Raises ValueError for any other number."""
        left = (LAST_INSTANT - self.now()) / SECOND
        if not 0 <= seconds <= left:
            why = "a clock is never turned back" if seconds < 0 else "a clock goes no further than the year 9999"
            raise ValueError(f"seconds {seconds:g} is not a number from 0 to {left:.0f}: {why}")
        return round(seconds * SECOND)

    def milliseconds_until(self, until: str) -> int:
        """Milliseconds until an instant of RFC 3339. Raises ValueError with the remedy for any other string, and for a past instant."""
        left = read_time("until", until, "next") - self.now()
        if left < 0:
            raise ValueError(
                f"until {until} is in the past (the clock reads {timestamp(self.now())}): give a later time"
            )
        return left

    def past(self, at: str) -> int:
        """Read `now`, or a past RFC 3339 instant. Raises ValueError with the remedy for anything else."""
        now = self.now()
        instant = now if at == "now" else read_time("at", at, "now")
        if instant > now:
            raise ValueError(
                f"at {at} is in the future (the clock reads {timestamp(now)}): give an earlier time, or advance the clock until then"
            )
        return instant

    def real_seconds_until(self, instant: int) -> float | None:
        """How many real seconds until the clock reads `instant`: 0 when it is past, None when it never will by itself."""
        left = instant - self.now()
        if left <= 0:
            return 0.0
        return left / SECOND / self.rate if self.rate and instant <= LAST_INSTANT else None

    def __str__(self) -> str:
        if not self.rate:
            return "manual"
        return "real" if self.rate == 1 else f"x{self.rate:g}"


def _real_now() -> int:
    return int(datetime.now(UTC).timestamp() * SECOND)


def read_start(text: str) -> int:
    """Read where a clock starts: `now` (this second) or an RFC 3339 instant from 1970 on. Raises ValueError with the remedy."""
    return _real_now() // SECOND * SECOND if text == "now" else read_time("start", text, "now")


def read_time(name: str, text: str, word: str) -> int:
    """Read an instant of RFC 3339 in UTC milliseconds, from 1970 on.

    Raises ValueError for any other string; it begins with `name`, and names the `word` that is also allowed.
    """
    instant = read_instant(text)
    if instant is None or not 0 <= instant <= LAST_INSTANT:
        raise ValueError(
            f"{name} {text!r} is neither {word} nor an instant of the years 1970 to 9999 with a time zone, such as 2026-03-31T10:00:00Z"
        )
    return instant


def starting(clock: Callable[[], Clock], start: str | None) -> Callable[[], Clock]:
    """A factory of clocks like those of another that start at `start` (see `read_start`), None: where they start by themselves.

    Its running clocks share their time, which begins now; a manual one starts when it is made. Raises ValueError with the remedy.
    """
    if start is None:
        return clock
    first = clock().restarted(read_start(start))
    return first.fork if first.rate else lambda: clock().restarted(read_start(start))


def clock_factory(text: str) -> Callable[[], Clock]:
    """Read `real`, `manual` or `xN` (N times real time), as on the command line. Raises ValueError with the remedy.

    All running clocks of one factory read the same until one is advanced: the accounts of one gateway share their time.
    """
    if text == "manual":
        return Clock.manual
    rate = 1.0 if text == "real" else float(text[1:]) if re.fullmatch(r"x[0-9]{1,6}(\.[0-9]{1,6})?", text) else 0.0
    if not rate:
        raise ValueError(f"clock {text!r} is not one of real, manual, xN (for example x20)")
    return Clock.scaled(rate).fork
