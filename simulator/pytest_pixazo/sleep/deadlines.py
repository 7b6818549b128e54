"""Deadlines that the app sets in an event loop expire when it sleeps past them."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context, copy_context
from typing import Any
from weakref import ref

from .callers import caller, sets_deadline
from .virtual_time import Sleeps


class _Firing(threading.local):
    """Whether this thread runs a timer callback of the app: the app is not on the stack, and yet its time is to be virtual."""

    now = False


_firing = _Firing()


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
    return _firing.now or sets_deadline(caller(2))


@contextmanager
def follow_deadlines(sleeps: Sleeps) -> Generator[None]:
    """Within this context, deadlines that the app sets in a loop (`asyncio.timeout`, `wait_for`, `call_later`, `anyio.fail_after`,
    `trio.move_on_after`) include the time that it slept, and so does `loop.time()` when the app reads it.
    """
    with ExitStack() as patches:
        loop: Any = asyncio.BaseEventLoop  # implements `call_later` by `call_at`
        call_at = _scheduling(sleeps, loop.call_at, loop.time)
        patches.enter_context(_patched(loop, {"time": _time(sleeps, loop.time), "call_at": call_at}))
        if uvloop := sys.modules.get("uvloop"):
            loop = uvloop.Loop  # implements `call_at` by `call_later`
            call_later = _scheduling(sleeps, loop.call_later)
            patches.enter_context(_patched(loop, {"time": _time(sleeps, loop.time), "call_later": call_later}))
        if trio := sys.modules.get("trio"):
            patches.enter_context(_patched(trio.CancelScope, _trio_methods(sleeps, trio.CancelScope)))
        yield


@contextmanager
def _patched(cls: type, methods: dict[str, object]) -> Generator[None]:
    own = {name: vars(cls)[name] for name in methods if name in vars(cls)}
    for name, method in methods.items():
        setattr(cls, name, method)
    try:
        yield
    finally:
        for name in methods:
            setattr(cls, name, own[name]) if name in own else delattr(cls, name)


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


def _trio_methods(sleeps: Sleeps, cls: Any) -> dict[str, object]:
    """Trio makes a relative deadline absolute, in real time, when its scope is entered."""
    from trio import CancelScope, current_time
    from trio.lowlevel import current_trio_token

    real_enter = cls.__enter__

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

    return {"__enter__": enter}
