"""The wallet: entries, and the balance that they fold to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.text import dollars, micros
from pixazo_simulator.world.account import Entry, EntryKind, Ledger


@pytest.mark.parametrize(
    ("text", "amount"), [("0", 0), ("0.35", 350_000), ("12.5", 12_500_000), ("1000000000", 10**15), ("1e2", 10**8)]
)
def test_dollars_are_read_as_millionths(text: str, amount: int) -> None:
    """No float is involved."""
    assert micros(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-1",
        "0.0000001",
        "1000000000.000001",
        "nan",
        "inf",
        "1e999999",
        "1e-999999",
        "1,5",
        "\u0663",
        "\uff11",
    ],
)
def test_what_is_no_sum_is_refused_with_the_remedy(text: str) -> None:
    """Too small, too large, too fine, or no number."""
    with pytest.raises(ValueError, match=r"is not a sum of US dollars from 0 to 1000000000, such as 12\.50"):
        micros(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (350_000, "0.35"), (-350_000, "-0.35"), (1, "0.000001"), (12_500_000, "12.50"), (-1, "-0.000001")],
)
def test_millionths_are_written_as_dollars(amount: int, text: str) -> None:
    """At least two decimals, and no more than needed."""
    assert dollars(amount) == text


@given(st.integers(0, 10**15))
def test_writing_and_reading_are_inverse(amount: int) -> None:
    """And the decimal library agrees."""
    assert micros(dollars(amount)) == amount == Decimal(dollars(amount)) * 1_000_000


def test_a_debit_and_its_refund() -> None:
    """A refund that lies ahead counts from its instant on, and is listed then."""
    ledger = Ledger.opened(1_000_000, now=0)
    ledger.debit(10, 350_000, "a")
    ledger.refund(500, 350_000, "a")
    assert ledger.balance(499) == 650_000
    assert ledger.balance(500) == 1_000_000
    assert ledger.entries(500) == [
        Entry(0, EntryKind.OPENING, 1_000_000),
        Entry(10, EntryKind.DEBIT, -350_000, "a"),
        Entry(500, EntryKind.REFUND, 350_000, "a"),
    ]


def test_a_refund_is_entered_before_what_comes_after_it() -> None:
    """A debit at 600 stands below the refund of 500, though nobody asked in between."""
    ledger = Ledger.opened(1_000_000, now=0)
    ledger.refund(500, 1, "a")
    ledger.debit(600, 2, "b")
    assert [entry.kind for entry in ledger.entries(600)] == [EntryKind.OPENING, EntryKind.REFUND, EntryKind.DEBIT]


def test_an_adjustment_makes_the_balance_what_it_should_be() -> None:
    """The entry is the difference, so that the entries still fold to the balance."""
    ledger = Ledger.opened(1_000_000, now=0)
    ledger.adjust(5, 400_000)
    assert ledger.balance(5) == 400_000
    assert ledger.entries(5)[-1] == Entry(5, EntryKind.ADJUSTMENT, -600_000)


def test_a_list_handed_out_is_no_window_into_the_ledger() -> None:
    """Whoever changes it changes nothing."""
    ledger = Ledger.opened(7, now=0)
    ledger.entries(0).clear()
    assert ledger.balance(0) == 7
    assert len(ledger.entries(0)) == 1


AMOUNTS = st.integers(0, 10**9)
DOINGS = st.lists(
    st.tuples(st.sampled_from(["debit", "refund", "adjust", "look"]), st.integers(0, 1000), AMOUNTS), max_size=40
)


@given(opening=AMOUNTS, doings=DOINGS)
def test_entries_fold_to_the_balance_in_the_order_of_their_instants(
    opening: int, doings: list[tuple[str, int, int]]
) -> None:
    """Whatever is done in whatever order, at every instant; and what was entered once is never changed."""
    ledger, now, known = Ledger.opened(opening, now=0), 0, list[Entry]()
    for number, (doing, pause, amount) in enumerate(doings):
        now += pause
        match doing:
            case "debit":
                ledger.debit(now, amount, str(number))
            case "refund":
                ledger.refund(now + amount % 3000, amount, str(number))
            case "adjust":
                ledger.adjust(now, amount)
                assert ledger.balance(now) == amount
            case _:
                pass
        entries = ledger.entries(now)
        assert entries[: len(known)] == known
        assert sum(entry.amount for entry in entries) == ledger.balance(now)
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
        assert all(entry.at <= now for entry in entries)
        known = entries


def test_many_entries_stay_in_order() -> None:
    """Those of a copy, too, which goes on by itself."""
    ledger = Ledger.opened(10**9, now=0)
    for number in range(10_000):
        ledger.debit(number, 1, str(number))
    other = ledger.fork()
    other.debit(10_000, 1, "another")
    names = [str(number) for number in range(10_000)]
    assert [entry.request_id for entry in ledger.entries(10_000)[1:]] == names
    assert [entry.request_id for entry in other.entries(10_000)[1:]] == [*names, "another"]
