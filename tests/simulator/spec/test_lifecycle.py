"""What a reader sees follows from plan and instant alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.lifecycle import NEVER, TERMINAL, Plan, Status, StatusSpan, finish, status_span

ORDER = {Status.QUEUED: 0, Status.PROCESSING: 1, Status.COMPLETED: 2, Status.FAILED: 2, Status.ERROR: 2}
TIMES = st.integers(0, 10**7)
PLANS = st.builds(Plan, TIMES, TIMES | st.just(NEVER), st.sampled_from(sorted(TERMINAL)))


def test_each_state_begins_at_its_instant() -> None:
    """Accepted at 1000, 2 s queued, 13 s processing: the bounds belong to the later state."""
    plan = Plan(2_000, 13_000)
    assert status_span(1_000, plan, 1_000) == StatusSpan(Status.QUEUED, 1_000, 3_000)
    assert status_span(1_000, plan, 2_999) == StatusSpan(Status.QUEUED, 1_000, 3_000)
    assert status_span(1_000, plan, 3_000) == StatusSpan(Status.PROCESSING, 3_000, 16_000)
    assert status_span(1_000, plan, 15_999) == StatusSpan(Status.PROCESSING, 3_000, 16_000)
    assert status_span(1_000, plan, 16_000) == StatusSpan(Status.COMPLETED, 16_000, None)
    assert finish(1_000, plan) == 16_000


def test_no_processing_goes_straight_to_the_outcome() -> None:
    plan = Plan(2_000, 0, Status.ERROR)
    assert status_span(0, plan, 1_999).status is Status.QUEUED
    assert status_span(0, plan, 2_000) == StatusSpan(Status.ERROR, 2_000, None)


def test_never_is_beyond_every_clock() -> None:
    """At the last instant of the year 9999 it still runs."""
    assert status_span(0, Plan(0, NEVER), 253_402_300_799_999).status is Status.PROCESSING


@given(plan=PLANS, accepted=TIMES, instants=st.lists(st.integers(0, 10**8), min_size=2))
def test_states_never_go_back(plan: Plan, accepted: int, instants: list[int]) -> None:
    """In the order of time, statuses never fall and an end is never left."""
    seen = [status_span(accepted, plan, accepted + instant) for instant in sorted(instants)]
    ranks = [ORDER[each.status] for each in seen]
    assert ranks == sorted(ranks)
    assert len({each for each in seen if each.status in TERMINAL}) <= 1


@given(plan=PLANS, accepted=TIMES, instant=st.integers(0, 10**8))
def test_a_status_span_holds_from_since_until_until(plan: Plan, accepted: int, instant: int) -> None:
    """Every instant in that span gives the same span; the one at its end gives another."""
    seen = status_span(accepted, plan, accepted + instant)
    assert seen.since <= accepted + instant
    assert status_span(accepted, plan, seen.since) == seen
    assert (seen.until is None) == (seen.status in TERMINAL)
    if seen.until is not None:
        assert accepted + instant < seen.until
        assert status_span(accepted, plan, seen.until - 1) == seen
        assert status_span(accepted, plan, seen.until).status is not seen.status
