"""Who is to be woken when: an agenda of sleepers and deadlines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_pixazo.sleep.timer_queue import SWEEP, Agenda, Ticket


def ticket(due: int, *, drives: bool = True, alive: bool = True) -> Ticket:
    """A ticket that wakes nobody."""
    return Ticket(due, lambda: None, drives=drives, alive=lambda: alive)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans(), st.booleans())), st.integers(0, 20))
def test_who_is_taken(entries: list[tuple[int, bool, bool, bool]], until: int) -> None:
    """Those due by then that neither left nor died, in the order of their instants, then of their entry; each once."""
    agenda = Agenda()
    entered = [ticket(due, drives=drives, alive=alive) for due, drives, alive, _ in entries]
    for each in entered:
        agenda.enter(each)
    for each, (_, _, _, leaves) in zip(entered, entries, strict=True):
        if leaves:
            agenda.leave(each)
    expected = [
        each
        for each, (due, _, alive, leaves) in sorted(zip(entered, entries, strict=True), key=lambda pair: pair[1][0])
        if due <= until and alive and not leaves
    ]
    assert agenda.take(until) == expected
    assert all(each.woken for each in expected)
    assert agenda.take(until) == []


def test_time_moves_for_sleepers_only() -> None:
    """A deadline is an instant on the way of a sleeper; alone it moves nothing."""
    agenda = Agenda()
    agenda.enter(ticket(3, drives=False))
    assert agenda.next_due() is None
    sleeper = ticket(5)
    agenda.enter(sleeper)
    assert agenda.next_due() == 3
    agenda.take(3)
    assert agenda.next_due() == 5
    agenda.leave(sleeper)
    assert agenda.next_due() is None


def test_a_dead_deadline_is_no_instant() -> None:
    """Time does not stop where nobody waits any more."""
    agenda = Agenda()
    agenda.enter(ticket(3, drives=False, alive=False))
    agenda.enter(ticket(5))
    assert agenda.next_due() == 5


def test_dead_deadlines_are_swept_away() -> None:
    """Time-outs that were never reached do not pile up; those that still matter stay."""
    agenda = Agenda()
    agenda.enter(ticket(7))
    for due in range(10 * SWEEP):
        agenda.enter(ticket(due, drives=False, alive=False))
        assert agenda.size <= 2 * SWEEP
    assert agenda.next_due() == 7
