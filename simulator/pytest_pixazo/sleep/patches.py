"""Replaces the functions that sleep and read clocks, wherever the app has bound them, and deadlines in event loops."""

from __future__ import annotations

import asyncio
import math
import operator
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context, copy_context
from functools import cache
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from weakref import ref

import pytest

from .callers import OUR_THREADS, PLUMBING, TOOLS, caller, reads, sets_deadline, waits
from .virtual_time import LIMIT, Sleeps

if TYPE_CHECKING:
    from trio import CancelScope


LONGEST = 2**63 / 1_000_000_000
"""Seconds from which on `time.sleep` raises OverflowError."""

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
    """Within this context, `time.sleep`, `asyncio.sleep`, `anyio.sleep` and `trio.sleep` of the app call `advance(seconds)` instead of
    waiting.

    The app's clocks (`time.monotonic`, `time.time`, `time.perf_counter`, `loop.time`) and its time-outs in event loops include what
    it slept; `datetime.now()` does not. Test runners, servers and HTTP libraries keep real time.
    Raises SleepLimitError in the app, and on leaving, when it would sleep more than `limit` seconds in all; the message
    includes what `running` returns. Raises RuntimeError within another such context.
    """
    global _active  # noqa: PLW0603  # a process has one `time.sleep`
    swaps = _swaps()
    with _entering:
        if _active:
            raise RuntimeError(
                "virtual_sleep is active already: a process has one time.sleep; use the context that is active"
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
    """`time.sleep`. Not a plain function: as an attribute of a class it must not become a method, just as the builtin does not."""

    __slots__ = ("_real",)

    def __init__(self, real: Callable[[float], None]) -> None:
        self._real = real

    def __call__(self, seconds: float, /) -> None:
        if (sleeps := _sleeps(caller())) and _can_be_slept(seconds):
            sleeps.in_thread(float(seconds))
        else:
            self._real(seconds)


class _Clock(Generic[Number]):
    """A clock of `time`; `slept` returns what the app has slept, in its unit."""

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
    if not ((sleeps := _sleeps(caller())) and _can_be_slept(delay)):
        return await real_asyncio_sleep(delay, result)
    await sleeps.in_asyncio(float(delay))
    return result


#: Made once, so that an object which keeps one of them beyond a test also works in the next test.
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
        trio = sys.modules.get("trio")
        if not ((sleeps := _sleeps(caller())) and _can_be_slept(delay)):
            await real_sleep(delay)
        elif trio and trio.lowlevel.in_trio_run():
            await sleeps.in_trio(float(delay))
        else:
            await sleeps.in_asyncio(float(delay))

    return [(real_sleep, sleep)]


@cache
def _of_trio() -> list[Swap]:
    import trio

    real_sleep, real_sleep_until, real_time = trio.sleep, trio.sleep_until, trio.current_time

    async def sleep(seconds: float) -> None:
        if (sleeps := _sleeps(caller())) and _can_be_slept(seconds):
            await sleeps.in_trio(float(seconds))
        else:
            await real_sleep(seconds)

    async def sleep_until(deadline: float) -> None:
        sleeps = _sleeps(caller())
        real_deadline = deadline - (sleeps.total if sleeps else 0)
        seconds = real_deadline - real_time()
        if sleeps and _can_be_slept(seconds):
            await sleeps.in_trio(seconds)
        else:
            await real_sleep_until(real_deadline)

    def current_time() -> float:
        return real_time() + (_active.total if _active and is_for_app() else 0)

    return [(real_sleep, sleep), (real_sleep_until, sleep_until), (real_time, current_time)]


def _sleeps(frame: FrameType) -> Sleeps | None:
    """The active Sleeps when this frame's sleep is the app's; None for a real sleep."""
    if _active is None or not waits(frame) or threading.current_thread().name.startswith(OUR_THREADS):
        return None
    return _active


def _can_be_slept(seconds: Any) -> bool:
    """False for what is not a number, not positive or too long, which the original function handles."""
    try:
        return 0 < (seconds if isinstance(seconds, float) else operator.index(seconds)) < LONGEST
    except TypeError:  # of what has no index
        return False


_firing = threading.local()
"""`now`: this thread runs a timer callback of the app, which is not on the stack, and yet its time is to be virtual."""


class _Timer:
    """The callback of a timer: called once, at its real time or when the app sleeps past it, whichever comes first."""

    __slots__ = ("_args", "_callback", "_context", "_done", "_loop", "handle")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> None:
        self._loop, self._callback, self._args, self._context = loop, callback, args, context
        self._done = False
        self.handle: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        if not self._done:
            self._done = _firing.now = True
            try:
                self._callback(*self._args)
            finally:
                _firing.now = False

    def alive(self) -> bool:
        """Whether it is still pending."""
        return not self._done and self.handle is not None and not self.handle.cancelled()

    def slept_past(self) -> None:
        """Schedule the callback; from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._fire, context=self._context)

    def _fire(self) -> None:
        if self.alive() and self.handle:
            self.handle.cancel()
            self()


def is_for_app() -> bool:
    """Whether the caller of our caller sets a deadline or reads a clock for the app."""
    return getattr(_firing, "now", False) or sets_deadline(caller(2))


@contextmanager
def follow_deadlines(sleeps: Sleeps) -> Generator[None]:
    """Within this context, deadlines that the app sets in a loop (`asyncio.timeout`, `wait_for`, `call_later`, `anyio.fail_after`,
    `trio.move_on_after`) include the time that it slept, and so does `loop.time()` when the app reads it.
    """
    with pytest.MonkeyPatch.context() as patch:
        loop: Any = asyncio.BaseEventLoop  # implements `call_later` by `call_at`
        patch.setattr(loop, "call_at", _scheduling(sleeps, loop.call_at, loop.time))
        patch.setattr(loop, "time", _time(sleeps, loop.time))
        if uvloop := sys.modules.get("uvloop"):
            loop = uvloop.Loop  # implements `call_at` by `call_later`
            patch.setattr(loop, "call_later", _scheduling(sleeps, loop.call_later))
            patch.setattr(loop, "time", _time(sleeps, loop.time))
        if trio := sys.modules.get("trio"):
            patch.setattr(trio.CancelScope, "__enter__", _entering_scope(sleeps, trio.CancelScope.__enter__))
        yield


def _time(sleeps: Sleeps, real: Callable[[Any], float]) -> Callable[[asyncio.AbstractEventLoop], float]:
    def time(loop: asyncio.AbstractEventLoop) -> float:
        return real(loop) + sleeps.total if is_for_app() else real(loop)

    return time


def _scheduling(
    sleeps: Sleeps, real: Callable[..., asyncio.TimerHandle], now: Callable[[Any], float] | None = None
) -> Callable[..., asyncio.TimerHandle]:
    """`call_at` of a loop whose clock is `now`, or else its `call_later`."""

    def schedule(
        loop: asyncio.AbstractEventLoop,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if not is_for_app():
            return real(loop, when, callback, *args, context=context)
        timer = _Timer(loop, callback, args, context := context or copy_context())
        when -= sleeps.total if now else 0
        timer.handle = handle = real(loop, when, timer, context=context)
        sleeps.follow(when - now(loop) if now else when, timer.slept_past, timer.alive)
        return handle

    return schedule


def _entering_scope(
    sleeps: Sleeps, real_enter: Callable[[CancelScope], object]
) -> Callable[[CancelScope], CancelScope]:
    """Trio makes a relative deadline absolute, in real time, when its scope is entered."""
    from trio import current_time
    from trio.lowlevel import current_trio_token

    def enter(scope: CancelScope) -> CancelScope:
        if not is_for_app():
            real_enter(scope)
            return scope
        if scope.is_relative is False:
            scope.deadline -= sleeps.total
        real_enter(scope)
        if math.isfinite(deadline := scope.deadline):
            weak, token = ref(scope), current_trio_token()

            def expire() -> None:
                if (entered := weak()) and entered.deadline == deadline:
                    entered.deadline = current_time()

            sleeps.follow(deadline - current_time(), lambda: token.run_sync_soon(expire), lambda: weak() is not None)
        return scope

    return enter


EXPORTERS = frozenset({"time", "asyncio", "anyio", "anyio._core._eventloop", "trio"})
"""Standard and library modules in which the functions are replaced, too: the app uses them as attributes."""

INSTALLED = ("site-packages", "dist-packages")
"""Parts of the path of an installed module: its names are searched, but not its classes and defaults."""

_without: dict[frozenset[int], dict[str, tuple[int, int]]] = {}
"""Cache: modules that bind none of some objects, with the identity and size of their namespace; a change of either means a new
search."""


def rebind(swap: Mapping[int, object]) -> None:
    """Replace objects, given by `id`, in all imported modules: also names made by `from time import sleep`, and defaults of the app's
    functions (`def poll(sleep=time.sleep)`) and attributes of its classes. Objects made before keep what they hold.
    """
    replaced = frozenset(swap)
    without = _without.setdefault(replaced, {})
    for name, names in _modules():
        mark = (id(names), len(names))
        if without.get(name) != mark:
            if replaced.isdisjoint(map(id, names.values())):
                without[name] = mark
            else:
                names |= {each: swap[id(value)] for each, value in list(names.items()) if id(value) in swap}
        if _is_of_app(names):
            for value in list(names.values()):
                _rebind_inside(value, name, swap)


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    modules: list[tuple[str, object]] = list(sys.modules.items())
    for name, module in modules:
        top_level = name.partition(".")[0]
        excluded = (top_level in TOOLS or top_level in PLUMBING) and name not in EXPORTERS
        # An entry of sys.modules need not be a module; looking at a lazy module must not load it.
        if not excluded and issubclass(type(module), ModuleType):
            yield name, object.__getattribute__(module, "__dict__")


def _is_of_app(names: Mapping[str, Any]) -> bool:
    path = names.get("__file__")
    return isinstance(path, str) and not any(folder in path for folder in INSTALLED)


def _rebind_inside(value: Any, module: str, swap: Mapping[int, object]) -> None:
    # Not isinstance, which reads `__class__` and so would load a lazy proxy.
    if type(value) is FunctionType and value.__module__ == module:
        _rebind_defaults(value, swap)
    elif issubclass(type(value), type) and value.__module__ == module:
        _rebind_attributes(cast("type", value), swap)


def _rebind_attributes(owner: type, swap: Mapping[int, object]) -> None:
    for name, attribute in list(vars(owner).items()):
        wrapped = type(attribute) in (staticmethod, classmethod)
        plain = attribute.__func__ if wrapped else attribute
        if id(plain) in swap:
            new: Any = swap[id(plain)]
            type.__setattr__(owner, name, staticmethod(new) if wrapped else new)
        elif type(plain) is FunctionType:
            _rebind_defaults(plain, swap)


def _rebind_defaults(function: FunctionType, swap: Mapping[int, object]) -> None:
    if function.__defaults__ and any(id(value) in swap for value in function.__defaults__):
        function.__defaults__ = tuple(swap.get(id(value), value) for value in function.__defaults__)
    if keywords := function.__kwdefaults__:
        keywords |= {name: swap[id(value)] for name, value in keywords.items() if id(value) in swap}


def _in_child() -> None:
    global _active  # noqa: PLW0603  # a process has one `time.sleep`
    _active = None


if hasattr(os, "register_at_fork"):
    # A forked child does not have the threads that move the clock.
    os.register_at_fork(after_in_child=_in_child)
