"""The lines that a receiver prints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixazo_simulator.cli.listen.callback import (
    MOST_SHOWN,
    Answer,
    Callback,
    KeptCallback,
    judge,
    ordinal,
    shown,
    text_line,
    to_json,
)

from .listening import NOW

BODY = b'{"request_id": "r-1", "status": "COMPLETED"}'


def entry(
    *answers: Answer, body: bytes = BODY, target: str = "/hook", times: int = 1, secrets: tuple[bytes, ...] = ()
) -> KeptCallback:
    """A webhook that was answered so."""
    callback = Callback(at=NOW, method="POST", target=target, headers=(), body=body)
    verdict = judge(callback, secrets, NOW)
    return KeptCallback(number=7, callback=callback, verdict=verdict, times=times, answers=answers)


def answer(status: int, problem: str | None = None) -> Answer:
    """An answer after 12 ms."""
    return Answer(at=NOW, status=status, milliseconds=12, problem=problem)


@pytest.mark.parametrize(
    ("forwards", "latest", "line", "tone"),
    [
        (True, entry(), "#7  10:00:15Z  POST /hook  COMPLETED r-1  44 bytes  not signed", "plain"),
        (True, entry(times=2), "#7  10:00:15Z  POST /hook  COMPLETED r-1  44 bytes  again, 2nd time  not signed", "notable"),
        (True, entry(body=b"?", secrets=(b"a",)), "#7  10:00:15Z  POST /hook  1 bytes  signature missing: there is no webhook-id", "bad"),
        (True, entry(answer(204)), "#7  answered 204 in 12 ms", "good"),
        (True, entry(answer(500)), "#7  answered 500 in 12 ms", "bad"),
        (True, entry(answer(204), answer(302)), "#7  sent again: answered 302 in 12 ms", "bad"),
        (True, entry(answer(502, "the app cannot be reached")), "#7  answered 502: the app cannot be reached", "bad"),
        (False, entry(answer(204)), "#7  10:00:15Z  POST /hook  COMPLETED r-1  44 bytes  not signed  answered 204", "plain"),
    ],
)  # fmt: skip
def test_what_has_happened_is_a_line(forwards: bool, latest: KeptCallback, line: str, tone: str) -> None:
    """With a tone, which a terminal shows as a colour."""
    assert text_line(latest, forwards=forwards) == (line, tone)


def test_where_nothing_is_forwarded_arrival_and_answer_are_one_line() -> None:
    """So there is none before the answer."""
    assert text_line(entry(), forwards=False) is None


def test_what_is_long_is_cut() -> None:
    """A line stays one that can be read, and an object one that can be kept."""
    long = entry(
        body=b'{"request_id": "%b", "status": "%b"}' % (b"a" * 100_000, b"b" * 100_000), target="/" + "c" * 60_000
    )
    line = text_line(long, forwards=True)
    assert line is not None
    assert len(line[0]) < 700
    assert len(to_json(shown(long))) < MOST_SHOWN + 2000


@pytest.mark.parametrize("body", [b"\x1b[2K\x07\x7f\xc2\x85\xe2\x80\xae", b"\xff\x1b", b"<script>alert(1)</script>"])
def test_an_object_is_one_line_of_printable_ascii(body: bytes) -> None:
    """Whatever came, and it says the same."""
    line = to_json(shown(entry(body=body)))
    assert line.isascii()
    assert line.isprintable()
    read: dict[str, Any] = json.loads(line)
    assert read["body"] == body.decode(errors="backslashreplace")


def test_ordinals() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)
    words = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th"]
    assert [ordinal(number) for number in numbers] == words
