"""What was said, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pixazo_simulator.spec import Header
from pixazo_simulator.world.journal import Exchange, Journal, Limits


def exchange(
    target: str = "/", body: bytes = b"", response: bytes = b"", headers: list[Header] | None = None
) -> Exchange:
    """An exchange of which only these parts matter."""
    sent = [(b"host", b"a")] if headers is None else headers
    return Exchange(
        0, 5, "POST", target, sent, body, len(body), 202, response, "accepted", response_length=len(response)
    )


def kept(limits: Limits, entry: Exchange, header_bytes: int | None = None) -> Exchange:
    """What a journal keeps of an exchange."""
    journal = Journal(limits)
    journal.record(entry, header_bytes)
    (found,) = journal
    return found


def test_an_exchange_is_kept_as_it_was() -> None:
    entry = exchange("/a", b"question", b"answer")
    assert kept(Limits(), entry) == replace(entry, number=1)


def test_bodies_are_cut_and_their_length_kept() -> None:
    found = kept(Limits(body=4), exchange("/a", b"question", b"answer"))
    assert (found.request_body, found.request_length, found.response_body, found.response_length) == (
        b"ques",
        8,
        b"answ",
        6,
    )


@given(sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6), head=st.none() | st.integers(0, 50))
def test_headers_are_kept_as_long_as_they_fit(sizes: list[tuple[int, int]], head: int | None) -> None:
    """In their order, with the number of those that did not; one who knows that they fit may say so."""
    headers = [(b"n" * name, b"v" * value) for name, value in sizes]
    total = sum(name + value for name, value in sizes)
    found = kept(Limits(headers=20), exchange(headers=headers), None if head is None else total + head)
    assert [*found.request_headers, *headers[len(found.request_headers) :]] == headers
    assert sum(len(name) + len(value) for name, value in found.request_headers) <= 20
    assert found.headers_left_out == len(headers) - len(found.request_headers)
    assert found.headers_left_out == 0 or total > 20


def test_a_journal_full_of_long_heads_is_bounded() -> None:
    """64 KiB each, of which 8 KiB are kept."""
    found = kept(Limits(), exchange(headers=[(b"x", b"a" * 8000)] * 8), 64 * 1024)
    assert (len(found.request_headers), found.headers_left_out) == (1, 7)


def test_of_a_long_head_the_secrets_are_kept_first() -> None:
    """By them they are taken out of the rest when it is shown."""
    found = kept(Limits(headers=20), exchange(headers=[(b"x", b"a" * 15), (b"y", b"b"), (b"x-key", b"of-mine")]))
    assert found.request_headers == [(b"x-key", b"of-mine")]
    assert found.headers_left_out == 2


def test_of_a_head_with_secrets_that_do_not_fit_nothing_is_kept_that_may_hold_them() -> None:
    """Only the lengths of both bodies."""
    secrets = [(b"x-key", b"a" * 10), (b"x-token", b"b" * 20)]
    found = kept(Limits(headers=20), exchange("/bbb", b"bbb", b"bbb", secrets))
    assert (found.target, found.request_body, found.response_body, found.reason) == ("[hidden]", b"", b"", "[hidden]")
    assert (found.request_length, found.response_length) == (3, 3)


@given(limit=st.integers(0, 5), count=st.integers(0, 12))
def test_the_oldest_gives_way(limit: int, count: int) -> None:
    """The number of those that did is returned."""
    journal = Journal(Limits(exchanges=limit))
    for number in range(count):
        journal.record(exchange(f"/{number}"))
    assert [each.target for each in journal] == [f"/{number}" for number in range(count)][max(0, count - limit) :]
    assert (journal.total, journal.dropped, len(journal)) == (count, max(0, count - limit), min(limit, count))


def test_a_journal_may_grow_while_it_is_read() -> None:
    """The reader sees it as it was."""
    journal = Journal(Limits())
    journal.record(exchange("/a"))
    for _ in journal:
        journal.record(exchange("/b"))
    assert len(journal) == 2


@pytest.mark.parametrize(("number", "instant", "cut"), [(2, 5, "a"), (1, 5, None), (3, 5, None), (2, 6, None)])
def test_what_was_not_received_is_entered_in_that_exchange_only(number: int, instant: int, cut: str | None) -> None:
    """Not in one that has its number after the world was brought back, nor over what is known, nor after it gave way."""
    journal = Journal(Limits(exchanges=1))
    journal.record(exchange())
    journal.record(exchange())
    journal.cut(number, instant, "a")
    journal.cut(number, instant, "b")
    assert [each.cut for each in journal] == [cut]


@given(limit=st.integers(1, 5), recorded=st.integers(0, 8), number=st.integers(0, 10))
def test_those_beyond_a_number_are_the_later_ones(limit: int, recorded: int, number: int) -> None:
    """Of those that are kept, in their order."""
    journal = Journal(Limits(exchanges=limit))
    for _ in range(recorded):
        journal.record(exchange())
    assert journal.beyond(number) == [each for each in journal if each.number > number]
