"""What was said, within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.world.state.journal import Exchange, Journal, Limits


def record(journal: Journal, target: str, body: bytes = b"", answer: bytes = b"") -> None:
    """Enter an exchange of which only these parts matter."""
    journal.record(5, "POST", target, [(b"host", b"a")], body, 202, answer, "accepted")


def test_an_exchange_is_kept_as_it_was() -> None:
    """Numbered from 1."""
    journal = Journal(Limits())
    record(journal, "/a", b"question", b"answer")
    assert list(journal) == [
        Exchange(1, 5, "POST", "/a", [(b"host", b"a")], b"question", 8, 202, b"answer", "accepted", [], 6),
    ]


def test_bodies_are_cut_and_their_length_kept() -> None:
    """Both sides."""
    journal = Journal(Limits(body=4))
    record(journal, "/a", b"question", b"answer")
    (kept,) = journal
    assert (kept.request_body, kept.request_length, kept.response_body) == (b"ques", 8, b"answ")


@given(sizes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6), head=st.none() | st.integers(0, 50))
def test_headers_are_kept_as_long_as_they_fit(sizes: list[tuple[int, int]], head: int | None) -> None:
    """In their order, and it is told how many did not; one who knows that they fit may say so."""
    headers = [(b"n" * name, b"v" * value) for name, value in sizes]
    total = sum(name + value for name, value in sizes)
    journal = Journal(Limits(headers=20))
    journal.record(5, "GET", "/", headers, b"", 200, b"", "status", head=None if head is None else total + head)
    (kept,) = journal
    assert [*kept.request_headers, *headers[len(kept.request_headers) :]] == headers
    assert sum(len(name) + len(value) for name, value in kept.request_headers) <= 20
    assert kept.headers_left_out == len(headers) - len(kept.request_headers)
    assert kept.headers_left_out == 0 or total > 20


def test_a_journal_full_of_long_heads_is_bounded() -> None:
    """Whoever sends them: 64 KiB each, of which 8 KiB are kept."""
    journal = Journal(Limits())
    journal.record(5, "GET", "/", [(b"x", b"a" * 8000)] * 8, b"", 200, b"", "status", head=64 * 1024)
    (kept,) = journal
    assert (len(kept.request_headers), kept.headers_left_out) == (1, 7)


def test_of_a_long_head_the_secrets_are_kept_first() -> None:
    """By them they are taken out of the rest when it is told."""
    journal = Journal(Limits(headers=20))
    journal.record(5, "GET", "/", [(b"x", b"a" * 15), (b"y", b"b"), (b"x-key", b"of-mine")], b"", 200, b"", "status")
    (kept,) = journal
    assert kept.request_headers == [(b"x-key", b"of-mine")]
    assert kept.headers_left_out == 2


def test_of_a_head_with_secrets_that_do_not_fit_nothing_is_kept_that_may_hold_them() -> None:
    """Neither before nor after the answer was corrected."""
    journal = Journal(Limits(headers=20))
    secrets = [(b"x-key", b"a" * 10), (b"x-token", b"b" * 20)]
    journal.record(5, "GET", "/bbb", secrets, b"bbb", 200, b"bbb", "said bbb")
    journal.amend(500, [], b"bbb", "edited")
    (kept,) = journal
    assert (kept.target, kept.request_body, kept.response_body) == ("[hidden]", b"", b"")
    assert (kept.request_length, kept.response_length, kept.reason) == (3, 3, "[hidden]; edited")


def test_an_opaque_answer_is_not_kept() -> None:
    """Only its length."""
    journal = Journal(Limits())
    journal.record(5, "GET", "/", [], b"", 200, b"a video", "media", opaque=True)
    (kept,) = journal
    assert (kept.response_body, kept.response_length) == (b"", 7)


def test_an_answer_can_be_corrected() -> None:
    """That of the latest exchange, its headers and length too; in an empty journal there is nothing to correct."""
    journal = Journal(Limits(body=4))
    journal.amend(500, [], b"", "x")
    record(journal, "/a", answer=b"answer")
    journal.amend(500, [(b"a", b"b")], b"another", "edited")
    (kept,) = journal
    assert (kept.status, kept.response_headers, kept.response_body, kept.response_length) == (
        500,
        [(b"a", b"b")],
        b"anot",
        7,
    )
    assert kept.reason == "accepted; edited"


@given(limit=st.integers(0, 5), count=st.integers(0, 12))
def test_the_oldest_gives_way(limit: int, count: int) -> None:
    """And it is told how many did."""
    journal = Journal(Limits(exchanges=limit))
    for number in range(count):
        record(journal, f"/{number}")
    assert [each.target for each in journal] == [f"/{number}" for number in range(count)][max(0, count - limit) :]
    assert (journal.total, journal.dropped, len(journal)) == (count, max(0, count - limit), min(limit, count))


def test_a_journal_may_grow_while_it_is_read() -> None:
    """The reader sees it as it was."""
    journal = Journal(Limits())
    record(journal, "/a")
    for _ in journal:
        record(journal, "/b")
    assert len(journal) == 2


@given(kept=st.integers(1, 5), said=st.integers(0, 8), number=st.integers(0, 10))
def test_those_beyond_a_number_are_the_later_ones(kept: int, said: int, number: int) -> None:
    """Of those that are kept, in their order."""
    journal = Journal(Limits(exchanges=kept))
    for _ in range(said):
        record(journal, "/")
    assert journal.beyond(number) == [each for each in journal if each.number > number]
