"""Where a thread waits for others, and whether it still does: one that was woken looks the same until it gets to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

Locals = Mapping[str, Any]


def _in_condition(names: Locals) -> bool:
    """In `Condition.wait`, and so in an event, a queue, a semaphore, a future: who is notified is taken off the list."""
    return "waiter" in names and names["waiter"] in names["self"]._waiters  # noqa: SLF001  # told by nothing else


def _in_join(names: Locals) -> bool:
    """In `Thread.join`."""
    alive: bool = names["self"].is_alive()
    return alive


def _in_pool(names: Locals) -> bool:
    """In the loop of a thread of `ThreadPoolExecutor`."""
    return "work_item" not in names and names["work_queue"].empty()


def _in_trio_s_pool(names: Locals) -> bool:
    """In the loop of a thread of `trio.to_thread`."""
    return names["self"]._job is None  # noqa: SLF001  # told by nothing else


def _in_loop(_: Locals) -> bool:
    """In an event loop, or another that waits for sockets."""
    return True


WAITS: dict[tuple[str, str], Callable[[Locals], bool]] = {
    ("threading", "wait"): _in_condition,
    ("threading", "_wait_for_tstate_lock"): _in_join,
    ("threading", "join"): _in_join,
    ("concurrent.futures.thread", "_worker"): _in_pool,
    ("trio._core._thread_cache", "_work"): _in_trio_s_pool,
    ("selectors", "select"): _in_loop,
    ("asyncio.runners", "run"): _in_loop,
    ("asyncio.base_events", "run_forever"): _in_loop,
    ("trio._core._io_epoll", "get_events"): _in_loop,
    ("trio._core._io_kqueue", "get_events"): _in_loop,
    ("trio._core._io_windows", "get_events"): _in_loop,
}
"""By module and function of the innermost frame: whether it waits, judged by its names."""


def waits_for_others(frame: FrameType) -> bool:
    """Whether the thread that is in this frame goes on only when another thread, or a byte from outside, wakes it."""
    check = WAITS.get((str(frame.f_globals.get("__name__")), frame.f_code.co_name))
    return check is not None and check(frame.f_locals)
