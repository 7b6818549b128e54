"""Replaces the functions that sleep and read clocks, wherever the app has bound them, and deadlines in event loops."""

from __future__ import annotations

import asyncio
import ctypes
import datetime as dt
import gc
import math
import operator
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context, copy_context
from datetime import UTC, datetime, tzinfo
from functools import cache
from itertools import chain
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import ref

import pytest

from .callers import OUR_THREADS, TOOLS, caller, is_of_app, reads, sets_deadline, top_level
from .frozen import beside_frozen_time, is_frozen, is_travelling, monotonic_travels, original
from .virtual_time import LIMIT, SECOND, Sleeps, WorldClock

if TYPE_CHECKING:
    from trio import CancelScope


LONGEST = 2**63 / 1_000_000_000
"""Seconds from which on `time.sleep` raises OverflowError."""

Swap = tuple[object, object]
"""A function and its replacement."""

T = TypeVar("T")
Number = TypeVar("Number", int, float)

real_sleep, real_asyncio_sleep = time.sleep, asyncio.sleep
_active: Sleeps | None = None
_entering = threading.Lock()


@contextmanager
def virtual_sleep(clock: WorldClock, *, limit: float = LIMIT) -> Generator[Sleeps]:
    """Within this context, `time.sleep`, `asyncio.sleep`, `anyio.sleep` and `trio.sleep` of the app advance this clock instead of waiting.

    The app's clocks (`time.monotonic`, `time.time`, `datetime.now`, `loop.time` and the like) and its time-outs in event loops
    include what it slept, also where freezegun or time-machine set them. Test runners, servers and HTTP libraries keep real time.
    Raises SleepLimitError in the app, and on exit, when it would sleep more than `limit` seconds in all, with what
    `clock.running` returns; RuntimeError within another such context.
    """
    global _active  # noqa: PLW0603  # a process has one `time.sleep`
    with _entering:
        if _active:
            raise RuntimeError("virtual_sleep is already active: a process has one time.sleep; use the active context")
        _active = sleeps = Sleeps(clock, limit)
    try:
        libraries = chain.from_iterable(of() for name, of in LIBRARIES.items() if name in sys.modules)
        with _rebound([*SLEEPS, *libraries, *CLOCKS]), follow_deadlines(sleeps), ExitStack() as clocks:

            @contextmanager
            def aside() -> Generator[None]:
                clocks.close()
                try:
                    with _rebound([(new, original) for original, new in CLOCKS]):
                        yield
                finally:
                    clocks.enter_context(_virtual_clocks(sleeps))

            with beside_frozen_time(aside):
                clocks.enter_context(_virtual_clocks(sleeps))
                yield sleeps
    finally:
        _active = None
        sleeps.end()
    sleeps.check()


def active_sleeps() -> Sleeps | None:
    return _active


@contextmanager
def _virtual_clocks(sleeps: Sleeps) -> Generator[None]:
    """Within this context, the app's clocks, and `loop.time()` when the app reads it, include what it slept."""
    with _virtual_dates(), pytest.MonkeyPatch.context() as patch:
        base: Any = asyncio.BaseEventLoop
        real = base.time
        # freezegun leaves a copy of `time` in the class of a loop that it has made use real time.
        copies = [each for each in (asyncio.SelectorEventLoop, base) if vars(each).get("time") is real]
        for each in copies:
            patch.setattr(each, "time", _time(real, lambda: _slept_by_asyncio(sleeps)))
        if uvloop := sys.modules.get("uvloop"):
            patch.setattr(uvloop.Loop, "time", _time(uvloop.Loop.time, lambda: sleeps.total))
        yield


@contextmanager
def _rebound(swaps: Sequence[Swap]) -> Generator[None]:
    rebind({id(original): new for original, new in swaps})
    try:
        yield
    finally:
        rebind({id(new): original for original, new in swaps})


# What replaces a builtin is a staticmethod: as an attribute of a class it does not become a method, as the builtin does not either.
def _time_sleep(seconds: float, /) -> None:
    if (sleeps := _sleeps(caller())) and _can_be_slept(seconds):
        sleeps.in_thread(float(seconds))
    else:
        real_sleep(seconds)


def _clock(real: Callable[[], Number], slept: Callable[[Sleeps], Number]) -> staticmethod[[], Number]:
    """A clock of `time`; `slept` returns what the app has slept, in its unit."""

    def clock() -> Number:
        now = real()
        if _active and reads(caller()):
            now += slept(_active)
        return now

    return staticmethod(clock)


def _calendar(name: str, count: int, present: Callable[[float], object]) -> Swap:
    """A function of `time` that uses the present unless its last argument gives a time: `present` makes that argument from seconds."""
    real = REAL[name]

    def calendar(*arguments: Any) -> Any:
        if len(arguments) == count - 1 and (now := _now(caller())) is not None:
            arguments = (*arguments, present(now))
        return real(*arguments)

    return real, staticmethod(calendar)


_DATETIME: tuple[type[datetime]] = (original(dt, "datetime"),)
"""A tuple: freezegun replaces the names of the class in all modules."""
_REAL_DATES: dict[str, Any] = {name: vars(_DATETIME[0])[name] for name in ("now", "utcnow", "fromtimestamp")}
_DEPRECATED = (
    "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects"
    " to represent datetimes in UTC: datetime.datetime.now(datetime.UTC)."
)
"""The warning of `utcnow`, which names the module that calls it."""


@contextmanager
def _virtual_dates() -> Generator[None]:
    """Within this context, `datetime.now` and `datetime.utcnow` show the app its time; `today` follows `time.time` by itself.

    The class is changed, not the names bound to it: instances, annotations and subclasses stay what they are.
    """

    def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        return _date(cls, tz, _now(caller()))

    def utcnow(cls: type[datetime]) -> datetime:
        if sys.version_info >= (3, 12):
            warnings.warn(_DEPRECATED, DeprecationWarning, stacklevel=2)
        return _date(cls, UTC, _now(caller())).replace(tzinfo=None)

    _set_of_datetime(now=classmethod(now), utcnow=classmethod(utcnow))
    try:
        yield
    finally:
        _set_of_datetime(now=_REAL_DATES["now"], utcnow=_REAL_DATES["utcnow"])


def _date(cls: type[datetime], tz: tzinfo | None, seconds: float | None) -> datetime:
    # The originals, also for a subclass that has its own.
    name, arguments = ("now", (tz,)) if seconds is None else ("fromtimestamp", (seconds, tz))
    date: datetime = _REAL_DATES[name].__get__(None, cls)(*arguments)
    return date


def _set_of_datetime(**attributes: object) -> None:
    """Set attributes of `datetime`, which refuses `setattr` since it is written in C; then drop what the interpreter has cached of it."""
    (names,) = gc.get_referents(vars(_DATETIME[0]))
    names.update(attributes)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(_DATETIME[0]))


def _slept_by_date(sleeps: Sleeps) -> int:
    """Nanoseconds that the app slept and that dates do not show, since time-machine shows them."""
    return 0 if is_travelling() else sleeps.total_ns


def _now(frame: FrameType) -> float | None:
    """The app's time, in seconds after the epoch; None when this frame is not the app's."""
    if _active and reads(frame):
        now: int = REAL["time_ns"]()
        return (now + _slept_by_date(_active)) / SECOND
    return None


async def _asyncio_sleep(delay: float, result: T | None = None) -> T | None:
    if not ((sleeps := _sleeps(caller())) and _can_be_slept(delay)):
        return await real_asyncio_sleep(delay, result)
    await sleeps.in_asyncio(float(delay))
    return result


REAL: dict[str, Callable[..., Any]] = {
    name: original(time, name)
    for name in (
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
        "localtime", "gmtime", "ctime", "asctime", "strftime",
    )
}  # fmt: skip
"""The clocks. Not as names of the module: those freezegun replaces."""

# These are made once, so an object that keeps one of them after a test also works in the next test.
SLEEPS: tuple[Swap, ...] = ((real_sleep, staticmethod(_time_sleep)), (real_asyncio_sleep, _asyncio_sleep))
CLOCKS: tuple[Swap, ...] = (
    (REAL["time"], _clock(REAL["time"], lambda sleeps: _slept_by_date(sleeps) / SECOND)),
    (REAL["time_ns"], _clock(REAL["time_ns"], _slept_by_date)),
    (REAL["monotonic"], _clock(REAL["monotonic"], lambda sleeps: 0 if monotonic_travels() else sleeps.total)),
    (REAL["monotonic_ns"], _clock(REAL["monotonic_ns"], lambda sleeps: 0 if monotonic_travels() else sleeps.total_ns)),
    (REAL["perf_counter"], _clock(REAL["perf_counter"], lambda sleeps: sleeps.total)),
    (REAL["perf_counter_ns"], _clock(REAL["perf_counter_ns"], lambda sleeps: sleeps.total_ns)),
    *(_calendar(name, 1, float) for name in ("localtime", "gmtime", "ctime")),
    _calendar("asctime", 1, REAL["localtime"]),
    _calendar("strftime", 2, REAL["localtime"]),
)


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


LIBRARIES: Mapping[str, Callable[[], list[Swap]]] = {"anyio": _of_anyio, "trio": _of_trio}


def _sleeps(frame: FrameType) -> Sleeps | None:
    """The active Sleeps when this frame's sleep is the app's; None for a real sleep."""
    if _active is None or top_level(frame) in TOOLS or threading.current_thread().name.startswith(OUR_THREADS):
        return None
    return _active


def _can_be_slept(seconds: Any) -> bool:
    """False for values that are not a number, not positive or too long: the original function handles them."""
    try:
        return 0 < (seconds if isinstance(seconds, float) else operator.index(seconds)) < LONGEST
    except TypeError:  # for a value without an index
        return False


_firing = threading.local()
"""`now`: this thread runs a timer callback of the app, which is not on the stack, but whose time must be virtual."""


def is_for_app() -> bool:
    """Whether the caller of our caller sets a deadline or reads a clock for the app."""
    return getattr(_firing, "now", False) or sets_deadline(caller(2))


@contextmanager
def follow_deadlines(sleeps: Sleeps) -> Generator[None]:
    """Within this context, deadlines of the app in a loop (`asyncio.timeout`, `anyio.fail_after` ...) include what it slept."""
    with pytest.MonkeyPatch.context() as patch:
        loop: Any = asyncio.BaseEventLoop  # implements `call_later` by `call_at`
        patch.setattr(loop, "call_at", _scheduling(sleeps, loop.call_at, is_absolute=True))
        if uvloop := sys.modules.get("uvloop"):
            loop = uvloop.Loop  # implements `call_at` by `call_later`
            patch.setattr(loop, "call_later", _scheduling(sleeps, loop.call_later, is_absolute=False))
        if trio := sys.modules.get("trio"):
            patch.setattr(trio.CancelScope, "__enter__", _entering_scope(sleeps, trio.CancelScope.__enter__))
        yield


def _time(real: Callable[[Any], float], slept: Callable[[], float]) -> Callable[[asyncio.AbstractEventLoop], float]:
    def time(loop: asyncio.AbstractEventLoop) -> float:
        return real(loop) + slept() if is_for_app() else real(loop)

    return time


def _slept_by_asyncio(sleeps: Sleeps) -> float:
    """Seconds that the app slept and that asyncio's clock does not show: where a tool has stopped that clock, sleeping moves it."""
    return 0 if is_frozen() or monotonic_travels() else sleeps.total


def _scheduling(
    sleeps: Sleeps, real: Callable[..., asyncio.TimerHandle], *, is_absolute: bool
) -> Callable[..., asyncio.TimerHandle]:
    def schedule(
        loop: asyncio.AbstractEventLoop,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if not is_for_app():
            return real(loop, when, callback, *args, context=context)
        context, is_done = context or copy_context(), False

        def call() -> None:
            # Once, at its real time or when the app sleeps past it, whichever comes first.
            nonlocal is_done
            if not is_done:
                is_done = _firing.now = True
                try:
                    callback(*args)
                finally:
                    _firing.now = False

        def is_alive() -> bool:
            return not is_done and not handle.cancelled()

        def call_early() -> None:
            if is_alive():
                handle.cancel()
                call()

        def slept_past() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(call_early, context=context)

        when -= _slept_by_asyncio(sleeps) if is_absolute else 0
        handle = real(loop, when, call, context=context)
        sleeps.follow(when - loop.time() if is_absolute else when, slept_past, is_alive)
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
"""Standard and library modules in which the functions are also replaced: the app uses them as attributes."""

INSTALLED = ("site-packages", "dist-packages")
"""Parts of the path of an installed module: its names are searched, but not its classes and defaults."""

_without: dict[tuple[frozenset[int], bool], dict[str, tuple[int, int]]] = {}
"""Cache: installed modules that bind none of some objects, also while time is frozen, which changes what their names are bound to;
with the identity and size of their namespace: a change of either means a new search.
"""


def rebind(swap: Mapping[int, object]) -> None:
    """Replace objects, given by `id`, in all imported modules, also in defaults of the app's functions and members of its classes.

    Objects made before keep the originals.
    """
    replaced = frozenset(swap)
    without = _without.setdefault((replaced, is_frozen()), {})
    for name, names in _modules():
        if without.get(name) == (mark := (id(names), len(names))):
            continue
        path = names.get("__file__")
        is_of_app = isinstance(path, str) and not any(folder in path for folder in INSTALLED)
        if not replaced.isdisjoint(map(id, names.values())):
            names |= {each: swap[id(value)] for each, value in list(names.items()) if id(value) in swap}
        elif not is_of_app:
            without[name] = mark
        for value in list(names.values()) if is_of_app else ():
            # Not isinstance: it reads `__class__` and would load a lazy proxy.
            if type(value) is FunctionType and value.__module__ == name:
                _rebind_defaults(value, swap)
            elif issubclass(type(value), type) and value.__module__ == name:
                _rebind_attributes(cast("type", value), swap)


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    modules: list[tuple[str, object]] = list(sys.modules.items())
    for name, module in modules:
        # An entry of sys.modules need not be a module; looking at a lazy module must not load it.
        if (name in EXPORTERS or is_of_app(name)) and issubclass(type(module), ModuleType):
            yield name, object.__getattribute__(module, "__dict__")


def _rebind_attributes(owner: type, swap: Mapping[int, object]) -> None:
    for name, attribute in list(vars(owner).items()):
        wrapped = id(attribute) not in swap and type(attribute) in (staticmethod, classmethod)
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
