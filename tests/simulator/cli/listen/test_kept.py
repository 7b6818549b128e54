"""What a receiver keeps, and within which bounds."""

from __future__ import annotations

import pytest

from pixazo_simulator.cli.listen.callback import Answer, Callback, Kept, judge

from .listening import NOW


def callback(body: bytes = b"{}", identity: str = "", target: str = "/") -> Callback:
    """A webhook, with an id if it has one."""
    headers = ((b"webhook-id", identity.encode()),) if identity else ()
    return Callback(at=NOW, method="POST", target=target, headers=headers, body=body)


def times(kept: Kept, *callbacks: Callback) -> list[int]:
    """How often each of them has come by then."""
    return [kept.add(each, judge(each, (), NOW)).times for each in callbacks]


def test_the_same_webhook_is_known_again() -> None:
    """By its id if it has one, by its bytes otherwise."""
    kept = Kept()
    first, second = callback(b"a", "msg_1"), callback(b"a", "msg_2")
    assert times(kept, first, second, callback(b"b", "msg_1"), first) == [1, 1, 2, 3]
    assert times(kept, callback(b"c"), callback(b"d"), callback(b"c"), callback(b"c", target="/x")) == [1, 1, 2, 1]


def test_the_latest_are_kept() -> None:
    """Of so many, and of so many bytes; their numbers go on."""
    few, small = Kept(most=2), Kept(most_bytes=10)
    for kept in (few, small):
        assert times(kept, callback(b"aaaa"), callback(b"bbbb"), callback(b"cccc")) == [1, 1, 1]
        assert [each.number for each in kept] == [2, 3]
        assert (kept.get(1), kept.total) == (None, 3)
    times(small, callback(b"d" * 100))
    assert [each.number for each in small] == [4]


def test_answers_count_as_well() -> None:
    """What the app says at length takes the place of older webhooks."""
    kept = Kept(most_bytes=100)
    first, second = (kept.add(each, judge(each, (), NOW)) for each in (callback(b"a"), callback(b"b")))
    kept.answered(first, Answer(at=NOW, status=200, body=b"a" * 90))
    kept.answered(second, Answer(at=NOW, status=200, body=b"b" * 5))
    assert [(each.number, len(each.answers)) for each in kept] == [(1, 1), (2, 1)]
    kept.answered(second, Answer(at=NOW, status=200, body=b"bb"))
    assert [(each.number, len(each.answers)) for each in kept] == [(2, 2)]


def test_watchers_are_told_of_what_is_not_kept_any_more() -> None:
    """A late answer is shown, and does not bring its webhook back."""
    kept, told = Kept(most=1), list[tuple[int, int]]()
    kept.watchers.append(lambda entry: told.append((entry.number, len(entry.answers))))
    first = kept.add(callback(), judge(callback(), (), NOW))
    kept.add(callback(), judge(callback(), (), NOW))
    kept.answered(first, Answer(at=NOW, status=204))
    assert told == [(1, 0), (2, 0), (1, 1)]
    assert [each.number for each in kept] == [2]


def test_few_answers_and_a_part_of_each_are_kept() -> None:
    """Somebody may send one again all day, to an app that answers at length."""
    kept = Kept()
    entry = kept.add(callback(), judge(callback(), (), NOW))
    for status in range(200, 230):
        entry = kept.answered(entry, Answer(at=NOW, status=status, body=b"a" * 100_000))
    assert [each.status for each in entry.answers] == list(range(210, 230))
    assert {len(each.body) for each in entry.answers} == {65_536}


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (b'{"request_id": "r-1", "status": "FAILED"}', ("r-1", "FAILED")),
        (b'{"challenge": "abc"}', (None, "challenge")),
        (b'{"request_id": 7, "status": {}}', (None, None)),
        (b"[" * 100_000, (None, None)),
        (b"\xff", (None, None)),
        (b"null", (None, None)),
    ],
)
def test_what_a_body_is_about(body: bytes, subject: tuple[str | None, str | None]) -> None:
    assert callback(body).subject == subject
