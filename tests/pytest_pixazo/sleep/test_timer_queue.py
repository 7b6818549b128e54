"""The queue of wakeups: sleeps and deadlines in the order of their time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_pixazo.sleep.virtual_time import SWEEP, TimerQueue, Wakeup


def wakeup(due: int, *, drives: bool = True, alive: bool = True) -> Wakeup:
    """A wakeup that calls nothing."""
    return Wakeup(due, lambda: None, drives=drives, alive=lambda: alive)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans(), st.booleans())), st.integers(0, 20))
def test_which_wakeups_are_taken(entries: list[tuple[int, bool, bool, bool]], until: int) -> None:
    """Those due by then that neither left nor died, in the order of their time, then of their entry; each once."""
    queue = TimerQueue()
    entered = [wakeup(due, drives=drives, alive=alive) for due, drives, alive, _ in entries]
    for each in entered:
        queue.enter(each)
    for each, (_, _, _, leaves) in zip(entered, entries, strict=True):
        if leaves:
            queue.leave(each)
    expected = [
        each
        for each, (due, _, alive, leaves) in sorted(zip(entered, entries, strict=True), key=lambda pair: pair[1][0])
        if due <= until and alive and not leaves
    ]
    assert queue.take(until) == expected
    assert all(each.woken for each in expected)
    assert queue.take(until) == []


def test_time_moves_for_sleepers_only() -> None:
    """A deadline is met on the way to the wakeup of a sleep; alone it does not move the clock."""
    queue = TimerQueue()
    queue.enter(wakeup(3, drives=False))
    assert queue.next_due() is None
    sleeper = wakeup(5)
    queue.enter(sleeper)
    assert queue.next_due() == 3
    queue.take(3)
    assert queue.next_due() == 5
    queue.leave(sleeper)
    assert queue.next_due() is None


def test_a_dead_deadline_is_ignored() -> None:
    """The clock does not stop at a deadline that was cancelled."""
    queue = TimerQueue()
    queue.enter(wakeup(3, drives=False, alive=False))
    queue.enter(wakeup(5))
    assert queue.next_due() == 5


def test_dead_deadlines_are_swept_away() -> None:
    """Time-outs that were never reached do not pile up; pending ones stay."""
    queue = TimerQueue()
    queue.enter(wakeup(7))
    for due in range(10 * SWEEP):
        queue.enter(wakeup(due, drives=False, alive=False))
        assert queue.size <= 2 * SWEEP
    assert queue.next_due() == 7
