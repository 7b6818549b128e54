"""The orders that the explorer tries: legal, distinct and complete."""

from __future__ import annotations

import pytest

from pytest_pixazo.explorer.run import EventStep, Kind, Order, Sees, orders

SUBMIT, OVERTAKEN = EventStep(Kind.SUBMIT), EventStep(Kind.SUBMIT, overtaken=1)
CALLBACK, POLL_END = EventStep(Kind.CALLBACK), EventStep(Kind.POLL, Sees.END)


def up_to(size: int, *, polls: bool = True, callbacks: bool = True) -> list[Order]:
    """Every order of up to `size` events."""
    return [order for each in range(1, size + 1) for order in orders(each, polls=polls, callbacks=callbacks)]


def test_the_smallest_orders_are_these() -> None:
    """Of two events: the callback overtakes the 202, or comes after it, or the app polls the end."""
    assert up_to(2) == [Order((OVERTAKEN,)), Order((SUBMIT, CALLBACK)), Order((SUBMIT, POLL_END))]


def test_an_app_without_polls_or_without_callbacks_meets_none() -> None:
    """Without polls, the events are arrivals; without callbacks, no response is overtaken."""
    assert up_to(3, polls=False)[2:] == [
        Order((EventStep(Kind.SUBMIT, overtaken=2),)),
        Order((OVERTAKEN, CALLBACK)),
        Order((SUBMIT, CALLBACK, CALLBACK)),
    ]
    assert {order.arrivals for order in up_to(5, callbacks=False)} == {0}
    assert {step.overtaken for order in up_to(5, callbacks=False) for step in order.steps} == {0}


@pytest.mark.parametrize(("size", "count"), [(1, 0), (2, 3), (3, 17), (4, 63), (5, 191)])
def test_the_number_of_orders_is_known(size: int, count: int) -> None:
    """The number of orders of up to each size; no two are alike."""
    found = up_to(size)
    assert len(found) == len(set(found)) == count
    assert all(order.size <= size for order in found)


def test_states_never_go_back() -> None:
    """A poll sees the same state as before, or a later one; after a callback it sees the end."""
    for order in up_to(5):
        seen = Sees.QUEUED
        for step in order.steps:
            if step.kind is Kind.POLL:
                assert step.sees >= seen
                seen = step.sees
            if step.arrivals:
                seen = Sees.END


def test_every_order_begins_with_the_only_submit_and_reveals_the_end() -> None:
    """Nothing happens before the submission, the app can know the end, and at most three callbacks arrive."""
    for order in up_to(5):
        assert [step.kind for step in order.steps].count(Kind.SUBMIT) == 1
        assert order.steps[0].kind is Kind.SUBMIT
        assert order.arrivals or order.steps[-1].sees is Sees.END
        assert order.arrivals <= 3


def test_every_kind_of_order_is_tried() -> None:
    """Before the 202, while a poll's response is in transit, after a poll that saw the end, repeatedly, and never."""
    found = set(up_to(3))
    assert Order((OVERTAKEN, POLL_END)) in found
    assert Order((SUBMIT, EventStep(Kind.POLL, Sees.PROCESSING, overtaken=1))) in found
    assert Order((SUBMIT, POLL_END, CALLBACK)) in found
    assert Order((SUBMIT, CALLBACK, CALLBACK)) in found
    assert Order((SUBMIT, EventStep(Kind.POLL, Sees.QUEUED), POLL_END)) in found
