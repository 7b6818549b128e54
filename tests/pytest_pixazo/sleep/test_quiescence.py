"""Quiescence: whether event loops and threads are idle."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from queue import SimpleQueue
from types import FrameType
from typing import Any

import pytest
import trio
import uvloop
from tests.patience import PATIENCE, until

from pytest_pixazo.sleep import quiescence
from pytest_pixazo.sleep.quiescence import WAITS, AsyncioLoop, Loop, Quiescence, TrioLoop, waits_for_others


class Scripted(Loop):
    """A loop with scripted answers to whether it has settled, which records when it was asked."""

    def __init__(self, calls: list[str], responses: list[bool], *, thread: int = 0) -> None:
        super().__init__()
        self.thread = thread
        self._calls, self._answers = calls, responses

    def settled(self) -> bool:
        """The next answer of the script."""
        self._calls.append("asked")
        return self._answers.pop(0)

    def running(self) -> bool:
        """Always."""
        return True

    def call(self, function: Callable[[], object]) -> bool:
        """Never."""
        raise NotImplementedError

    def look(self, answer: Future[bool]) -> None:
        """Never."""
        raise NotImplementedError

    def tasks(self) -> Iterator[tuple[object, object]]:
        """None."""
        yield from ()


def test_a_loop_is_asked_until_it_has_settled_four_times_in_a_row() -> None:
    """In between, the simulator processes its input; any change restarts the count."""
    calls: list[str] = []
    loop = Scripted(calls, [False, True, True, False, True, True, True, True])
    Quiescence(lambda: calls.append("barrier"), [loop], set()).wait()
    assert calls == ["asked", "barrier"] * 8


def test_nobody_is_waited_for_when_it_is_over() -> None:
    """As the loop on whose thread virtual sleep ends: it waits for this thread."""
    Quiescence(lambda: None, [Scripted([], [])], set(), is_over=lambda: True).wait()


def test_a_loop_whose_thread_sleeps_is_not_asked() -> None:
    """It could not answer; neither could the loop of the asking thread."""
    calls: list[str] = []
    loops = [Scripted(calls, [], thread=1), Scripted(calls, [], thread=threading.get_ident())]
    Quiescence(lambda: calls.append("barrier"), loops, {1}).wait()
    assert calls == []


def test_a_loop_all_of_whose_tasks_sleep_is_not_asked() -> None:
    """It has nothing to do until a timer is called."""
    calls: list[str] = []

    class Single(Scripted):
        def tasks(self) -> Iterator[tuple[object, object]]:
            """One."""
            yield "task", "coroutine"

    loop = Single(calls, [True] * 4)
    loop.enter()
    stillness = Quiescence(lambda: None, [loop], set())
    stillness.wait()
    assert calls == []
    loop.mark_active()
    stillness.wait()
    assert calls == ["asked"] * 4


def _on_asyncio() -> Loop:
    return AsyncioLoop(asyncio.get_running_loop())


async def _gated(started: Future[tuple[Loop, list[Any]]], loop: Callable[[], Loop], library: Any) -> None:
    """A task that waits for three gates, one after the other, in the same line of code."""
    gates = [library.Event() for _ in range(3)]
    started.set_result((loop(), gates))
    for gate in gates:
        await gate.wait()


RUNS: dict[str, Callable[[Future[tuple[Loop, list[Any]]]], None]] = {
    "asyncio": lambda started: asyncio.run(_gated(started, _on_asyncio, asyncio)),
    "uvloop": lambda started: uvloop.run(_gated(started, _on_asyncio, asyncio)),
    "trio": lambda started: trio.run(_gated, started, lambda: TrioLoop(trio.lowlevel.current_trio_token()), trio),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_tasks_settle(run: Callable[[Future[tuple[Loop, list[Any]]]], None]) -> None:
    """A task that has continued since the last look has not settled; a loop that has ended has."""
    started: Future[tuple[Loop, list[Any]]] = Future()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run, started)
        loop, gates = started.result(PATIENCE)
        found = [answer(loop), answer(loop)]
        for gate in gates[:2]:
            loop.call(gate.set)
            found += [answer(loop), answer(loop)]
        loop.call(gates[2].set)
        ended.result(PATIENCE)
    assert found == [False, True, False, True, False, True]
    assert loop.settled()


def answer(loop: Loop) -> bool:
    """The answer of a loop, however long it takes."""
    answer: Future[bool] = Future()
    loop.call(lambda: loop.look(answer))
    return answer.result(PATIENCE)


def test_a_run_of_trio_that_ends_has_settled() -> None:
    """A look at a time when no more tasks can be started does not break the run."""
    answer: Future[bool] = Future()

    async def lingering() -> AsyncGenerator[None]:
        loop = TrioLoop(trio.lowlevel.current_trio_token())
        try:
            yield
        finally:
            loop.look(answer)  # all tasks have ended

    async def main() -> AsyncGenerator[None]:
        left = lingering()
        await anext(left)
        return left

    left = trio.run(main)
    assert answer.result(0) is True
    del left


def frame_of(thread: threading.Thread) -> FrameType:
    """The innermost frame of a thread."""
    return sys._current_frames()[thread.ident or 0]  # pyright: ignore[reportPrivateUsage] - documented for this use


def started(target: Callable[..., object], *arguments: object) -> threading.Thread:
    """A thread that runs."""
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def test_a_notified_thread_no_longer_waits() -> None:
    """Even before it gets to run."""
    condition = threading.Condition()

    def wait() -> None:
        with condition:
            condition.wait()

    thread = started(wait)
    until(lambda: waits_for_others(frame_of(thread)))
    with condition:
        condition.notify()
        assert not waits_for_others(frame_of(thread))
    thread.join(PATIENCE)


def test_a_join_waits_while_the_thread_lives() -> None:
    """So does a thread that waits for a future, an event or a queue."""
    gate = threading.Event()
    waiter = started(gate.wait)
    joiner = started(waiter.join)
    until(lambda: all(waits_for_others(frame_of(each)) for each in (waiter, joiner)))
    gate.set()
    for each in (waiter, joiner):
        each.join(PATIENCE)


def test_a_thread_of_a_pool_waits_for_work() -> None:
    """Between two jobs, but not during one."""
    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.current_thread).result(PATIENCE)
        until(lambda: waits_for_others(frame_of(thread)))
        frames = pool.submit(lambda: waits_for_others(frame_of(thread)))
        assert frames.result(PATIENCE) is False


def test_a_thread_of_a_pool_that_has_work_does_not_wait() -> None:
    """Whether the job is still in the queue, or was just taken from it."""
    waits = WAITS["concurrent.futures.thread", "_worker"]
    queue: SimpleQueue[str] = SimpleQueue()
    names = {"work_queue": queue, "executor_reference": lambda: None}
    assert waits(names)
    assert not waits({**names, "work_item": "a piece"})
    queue.put("a piece")
    assert not waits(names)


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="before Python 3.13 work stays in the queue until the thread runs"
)
def test_a_thread_of_a_pool_that_was_handed_work_does_not_wait() -> None:
    """Though it has not run yet, and the queue is empty."""
    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.current_thread).result(PATIENCE)
        until(lambda: waits_for_others(frame_of(thread)))
        pool._idle_semaphore.acquire(timeout=0)  # as `submit` does
        assert not waits_for_others(frame_of(thread))


def test_a_busy_thread_is_waited_for() -> None:
    """A busy thread is looked at repeatedly until it waits for others."""
    release, rounds = threading.Event(), iter(range(200_000))
    thread = started(lambda: [release.wait() if each == 100_000 else each for each in rounds])
    Quiescence(lambda: None, [], set()).wait()
    assert waits_for_others(frame_of(thread))
    release.set()
    thread.join(PATIENCE)


def test_a_thread_whose_answer_is_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much real time passes between two looks, as on a machine so busy that neither the simulator nor the app gets to run."""
    hours = count(step=3600)
    monkeypatch.setattr(quiescence, "real_clock", lambda: next(hours))
    answered, release = threading.Event(), threading.Event()
    app, simulator = socket.socketpair()

    def ask() -> None:
        app.recv(1)
        answered.set()
        release.wait()

    def barrier() -> None:
        simulator.send(b"x")
        answered.wait(PATIENCE)

    with app, simulator:
        thread = started(ask)
        Quiescence(barrier, [], set()).wait()
        assert waits_for_others(frame_of(thread))
        release.set()
        thread.join(PATIENCE)


@pytest.mark.slow
def test_a_thread_that_nobody_answers_is_passed_over() -> None:
    """As one of the app that accepts connections: it would stop the clock for ever."""
    app, other = socket.socketpair()
    with app, other:
        thread = started(app.recv, 1)
        rounds: list[str] = []
        Quiescence(lambda: rounds.append("barrier"), [], set()).wait()
        assert thread.is_alive()
        assert len(rounds) >= 4, "it was given time to be answered"
        other.send(b"x")
        thread.join(PATIENCE)


def test_a_slow_loop_is_asked_once() -> None:
    """Until it has answered; an answer that came after the question was given up is not used."""
    asked: list[Future[bool]] = []

    class Slow(Scripted):
        settled = Loop.settled

        def call(self, function: Callable[[], object]) -> bool:
            """At once."""
            function()
            return True

        def look(self, answer: Future[bool]) -> None:
            """Answered by the test."""
            asked.append(answer)

    loop = Slow([], [])
    assert [loop.settled(), loop.settled(), len(asked)] == [False, False, 1]
    asked[0].set_result(True)
    assert [loop.settled(), len(asked)] == [False, 2]
