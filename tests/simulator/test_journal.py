"""What was said, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.journal import Exchange, Journal, Limits, redacted


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


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("the key canary-5f1d twice: canary-5f1d", "canary-5f1d", "the key [redacted] twice: [redacted]"),
        ("sim-key is no secret", "sim-key", "sim-key is no secret"),
        ("12345678", "12345678", "[redacted]"),
        (r'{"a":"se\"cr\\et k"}', 'se"cr\\et k', '{"a":"[redacted]"}'),
        ("GET /se%22cr/et%20k?se%22cr%2Fet%20k", 'se"cr/et k', "GET /[redacted]?[redacted]"),
        ("nobody's", None, "nobody's"),
        ("empty", "", "empty"),
    ],
)
def test_a_key_is_taken_out(text: str, key: str | None, told: str) -> None:
    """Wherever it stands and however it is written; of 8 characters and more, shorter ones are words."""
    assert redacted(text, key) == told
