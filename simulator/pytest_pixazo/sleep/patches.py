"""What stands in the place of the functions that sleep and tell the time."""

from __future__ import annotations

import asyncio
import operator
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Generic, TypeVar

from .callers import OUR_THREADS, caller, reads, waits
from .deadlines import follow_deadlines, is_for_app
from .rebinding import rebind
from .virtual_time import LIMIT, Sleeps

LONGEST = 2**63 / 1_000_000_000
"""Seconds that are too long for `time.sleep`."""

Swap = tuple[object, object]
"""A function and its replacement."""

T = TypeVar("T")
Number = TypeVar("Number", int, float)

_active: Sleeps | None = None
_entering = threading.Lock()


@contextmanager
def virtual_sleep(
    advance: Callable[[float], object], *, limit: float = LIMIT, running: Callable[[], str | None] | None = None
) -> Generator[Sleeps]:
    """Meanwhile, `time.sleep`, `asyncio.sleep`, `anyio.sleep` and `trio.sleep` of the app do not wait: they call `advance(seconds)`.

    The app's clocks (`time.monotonic`, `time.time`, `time.perf_counter`, `loop.time`) and its time-outs in event loops count what
    it slept; `datetime.now()` does not. What runs the tests, serves, or speaks HTTP goes on in real time.
    Raises SleepLimitError in the app, and in the end, when it wants to sleep past `limit` seconds in all, with what
    `running` tells; RuntimeError inside another.
    """
    global _active  # noqa: PLW0603  # a process has one `time.sleep`
    swaps = _swaps()
    with _entering:
        if _active:
            raise RuntimeError(
                "virtual_sleep is active already: a process has one time.sleep; use the one that there is"
            )
        _active = sleeps = Sleeps(advance, limit, running)
    try:
        rebind({id(original): new for original, new in swaps})
        with follow_deadlines(sleeps):
            yield sleeps
    finally:
        _active = None
        rebind({id(new): original for original, new in swaps})
        sleeps.end()
    sleeps.check()


class _Sleep:
    """`time.sleep`. No plain function: as an attribute of a class it must not become a method, as a builtin does not."""

    __slots__ = ("_real",)

    def __init__(self, real: Callable[[float], None]) -> None:
        self._real = real

    def __call__(self, seconds: float, /) -> None:
        sleeps, length = _sleeps(caller()), _length(seconds)
        if sleeps is None or length is None:
            self._real(seconds)
        else:
            sleeps.in_thread(length)


class _Clock(Generic[Number]):
    """A function of `time` that tells the time; `slept` tells by how much the app's differs from it."""

    __slots__ = ("_real", "_slept")

    def __init__(self, real: Callable[[], Number], slept: Callable[[Sleeps], Number]) -> None:
        self._real: Callable[[], Number] = real
        self._slept: Callable[[Sleeps], Number] = slept

    def __call__(self) -> Number:
        now = self._real()
        if _active and reads(caller()):
            now += self._slept(_active)
        return now


real_asyncio_sleep = asyncio.sleep


async def _asyncio_sleep(delay: float, result: T | None = None) -> T | None:
    sleeps, length = _sleeps(caller()), _length(delay)
    if sleeps is None or length is None:
        return await real_asyncio_sleep(delay, result)
    await sleeps.in_asyncio(length)
    return result


#: Made once: whoever keeps one of them longer than one test finds the sleeps of the next test through it.
STANDARD: tuple[Swap, ...] = (
    (time.sleep, _Sleep(time.sleep)),
    (time.time, _Clock(time.time, lambda sleeps: sleeps.total)),
    (time.time_ns, _Clock(time.time_ns, lambda sleeps: sleeps.total_ns)),
    (time.monotonic, _Clock(time.monotonic, lambda sleeps: sleeps.total)),
    (time.monotonic_ns, _Clock(time.monotonic_ns, lambda sleeps: sleeps.total_ns)),
    (time.perf_counter, _Clock(time.perf_counter, lambda sleeps: sleeps.total)),
    (time.perf_counter_ns, _Clock(time.perf_counter_ns, lambda sleeps: sleeps.total_ns)),
    (asyncio.sleep, _asyncio_sleep),
)


def _swaps() -> list[Swap]:
    swaps = list(STANDARD)
    if "anyio" in sys.modules:
        swaps += _of_anyio()
    if "trio" in sys.modules:
        swaps += _of_trio()
    return swaps


@cache
def _of_anyio() -> list[Swap]:
    import anyio

    real_sleep = anyio.sleep

    async def sleep(delay: float) -> None:
        sleeps, length = _sleeps(caller()), _length(delay)
        if sleeps is None or length is None:
            await real_sleep(delay)
        elif _on_trio():
            await sleeps.in_trio(length)
        else:
            await sleeps.in_asyncio(length)

    return [(real_sleep, sleep)]


@cache
def _of_trio() -> list[Swap]:
    import trio

    real_sleep, real_sleep_until, real_time = trio.sleep, trio.sleep_until, trio.current_time

    async def sleep(seconds: float) -> None:
        sleeps, length = _sleeps(caller()), _length(seconds)
        if sleeps is None or length is None:
            await real_sleep(seconds)
        else:
            await sleeps.in_trio(length)

    async def sleep_until(deadline: float) -> None:
        sleeps = _sleeps(caller())
        real_deadline = deadline - (sleeps.total if sleeps else 0)
        length = _length(real_deadline - real_time())
        if sleeps is None or length is None:
            await real_sleep_until(real_deadline)
        else:
            await sleeps.in_trio(length)

    def current_time() -> float:
        return real_time() + (_active.total if _active and is_for_app() else 0)

    return [(real_sleep, sleep), (real_sleep_until, sleep_until), (real_time, current_time)]


def _on_trio() -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def _sleeps(frame: FrameType) -> Sleeps | None:
    """The sleeps to which a sleep belongs that this frame asks for; None when it is to be a real one."""
    if _active is None or not waits(frame) or threading.current_thread().name.startswith(OUR_THREADS):
        return None
    return _active


def _length(seconds: object) -> float | None:
    """Seconds that can be slept; None for what is no number, not positive or too long, which is the original's business."""
    if not isinstance(seconds, float):
        try:
            seconds = operator.index(seconds)  # type: ignore[arg-type]  # what has no index is refused
        except TypeError:
            return None
    return float(seconds) if 0 < seconds < LONGEST else None


def _in_child() -> None:
    global _active  # noqa: PLW0603  # a process has one `time.sleep`
    _active = None


if hasattr(os, "register_at_fork"):
    # The threads that move the time are not there in a forked child.
    os.register_at_fork(after_in_child=_in_child)
