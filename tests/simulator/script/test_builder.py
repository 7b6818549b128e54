"""The builder of rules, without a simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pixazo_simulator.script.builder import When
from pixazo_simulator.script.faults import ConnectionReset, Delay, Duplicate, ReplyLost
from pixazo_simulator.script.matchers import contains
from pixazo_simulator.script.rule import Rule


class Book:
    """Keeps rules by number, and every version of them that was placed."""

    def __init__(self) -> None:
        self.placed: list[tuple[int, dict[str, Any]]] = []
        self._made = 0

    def add_rule(self, rule: Rule) -> int:
        self._made += 1
        self.placed.append((self._made, rule.as_json()))
        return self._made

    def replace_rule(self, number: int, rule: Rule) -> None:
        self.placed.append((number, rule.as_json()))


def test_one_statement_places_one_rule() -> None:
    """As it is written in the documentation."""
    book = Book()
    When(book, "generate").reply(429, retry_after=2, times=2)
    When(book, "generate", prompt=contains("bear")).end("FAILED", error="content policy")
    When(book, "status").fault(ConnectionReset(), times=1)
    When(book, "webhook").fault(Duplicate())
    assert book.placed == [
        (1, {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 2}),
        (
            2,
            {
                "when": "generate",
                "match": {"prompt": {"contains": "bear"}},
                "end": {"status": "FAILED", "error": "content policy"},
            },
        ),
        (3, {"when": "status", "faults": [{"fault": "connection_reset"}], "times": 1}),
        (4, {"when": "webhook", "faults": [{"fault": "duplicate"}]}),
    ]


def test_nothing_is_placed_before_the_first_verb() -> None:
    """The beginning of a sentence is no rule."""
    book = Book()
    begun = When(book, "generate", after=3, name="busy")
    assert (book.placed, begun.number) == ([], None)
    assert repr(begun) == "<busy, not placed yet>"
    begun.reply(503)
    assert begun.number == 1
    assert book.placed == [(1, {"when": "generate", "after": 3, "name": "busy", "reply": {"status": 503}})]
    assert repr(begun) == "<busy, number 1>"


def test_verbs_in_a_row_add_to_one_step() -> None:
    """The rule is placed once and then replaced; a later number of times counts, none leaves the earlier."""
    book = Book()
    When(book, "generate").end("ERROR", times=3).fault(Delay(1)).fault(ConnectionReset(), Delay(2))
    end = {"status": "ERROR"}
    first, second = {"fault": "delay", "seconds": 1}, {"fault": "delay", "seconds": 2}
    reset = {"fault": "connection_reset"}
    assert book.placed == [
        (1, {"when": "generate", "times": 3, "end": end}),
        (1, {"when": "generate", "times": 3, "end": end, "faults": [first]}),
        (1, {"when": "generate", "times": 3, "end": end, "faults": [first, reset, second]}),
    ]


def test_then_begins_the_next_step() -> None:
    """In the same rule; a `then` without a verb behind it says nothing."""
    book = Book()
    chain = When(book, "status").reply(500, times=2).then.fault(Delay(1), times=1).then.reply(404).then
    assert book.placed[-1] == (
        1,
        {
            "when": "status",
            "reply": {"status": 500},
            "times": 2,
            "then": [{"faults": [{"fault": "delay", "seconds": 1}], "times": 1}, {"reply": {"status": 404}}],
        },
    )
    assert len(book.placed) == 3
    assert chain.rule.as_json() == book.placed[-1][1]


def test_every_part_of_a_reply_and_an_end_can_be_written() -> None:
    """What is left out is left out of the rule."""
    book = Book()
    When(book, "status").reply(200, json={"a": [None]}, headers={"x-a": "b"})
    When(book, "status").reply(502, text="<html>")
    When(book, "submit").end(queued=1, processing=2.5)
    When(book, "submit").end("FAILED", after=3)
    placed = [rule for _, rule in book.placed]
    assert [each.get("reply") or each.get("end") for each in placed] == [
        {"status": 200, "json": {"a": [None]}, "headers": {"x-a": "b"}},
        {"status": 502, "text": "<html>"},
        {"queued": 1, "processing": 2.5},
        {"status": "FAILED", "after": 3},
    ]


REFUSED: list[tuple[Callable[[Book], object], str]] = [
    (lambda book: When(book, "generat"), r"when 'generat' is not one of .* \(did you mean generate\?\)"),  # type: ignore[arg-type]
    (lambda book: When(book, "generate", promt="x"), r"has no fact 'promt' \(did you mean prompt\?\)"),  # type: ignore[call-arg]
    (lambda book: When(book, "status", probabilty=1), r"no fact 'probabilty' \(did you mean probability\?\)"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    (lambda book: When(book, "status").end("FAILED"), "only a submission can have an end"),
    (lambda book: When(book, "webhook").reply(200), "a webhook has no reply"),
    (lambda book: When(book, "generate").fault(Duplicate()), "fault 'duplicate' applies only to webhook"),
    (lambda book: When(book, "generate").end("DONE"), "'DONE' is not one of COMPLETED, FAILED, ERROR"),  # type: ignore[arg-type]
    (lambda book: When(book, "generate").fault(ReplyLost), "^ReplyLost is not a fault: write one such as Rep"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda book: When(book, "generate").fault("connection_reset"), "^'connection_reset' is not a fault: "),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda book: When(book, "generate").fault(ReplyLost(), 429), "^429 is not a fault: "),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda book: When(book, "generate").fault(), r"^fault\(\) names no fault: write one such as ReplyLost"),
]


@pytest.mark.parametrize(("write", "complaint"), REFUSED)
def test_a_rule_that_means_nothing_is_refused_where_it_is_written(
    write: Callable[[Book], object], complaint: str
) -> None:
    book = Book()
    with pytest.raises((ValueError, TypeError), match=complaint):
        write(book)
    assert book.placed == []


def test_a_verb_that_was_refused_has_no_effect() -> None:
    """The statement can continue as if the verb had not been called."""
    book = Book()
    rule = When(book, "generate").reply(500, times=1)
    with pytest.raises(ValueError, match="reply and end exclude each other"):
        rule.end("FAILED")
    with pytest.raises(ValueError, match="applies only to webhook"):
        rule.then.fault(Duplicate())
    rule.end("FAILED")
    assert book.placed[-1] == (
        1,
        {"when": "generate", "reply": {"status": 500}, "times": 1, "then": [{"end": {"status": "FAILED"}}]},
    )


def test_a_part_of_a_text_is_a_text() -> None:
    """A number can be contained in no prompt, however deep it stands; in a list of the body it can."""
    for condition in (contains(3), ~(contains("a") & contains(3))):
        with pytest.raises(ValueError, match="prompt contains 3: no prompt is a list: give it a string"):
            When(Book(), "generate", prompt=condition)
    assert When(Book(), "generate", body={"sizes": contains(3)}).rule.when == "generate"


def test_a_sentence_that_was_only_begun_says_so() -> None:
    """From `when` or `then` on until a verb is said, even one that was refused."""
    rule = When(Book(), "generate")
    incomplete = [rule.incomplete, rule.reply(429, times=1).incomplete, rule.then.incomplete]
    with pytest.raises(ValueError, match="'DONE'"):
        rule.end("DONE")  # type: ignore[arg-type]
    assert [*incomplete, rule.incomplete] == [
        'when("generate") does not say what happens: add .reply, .end or .fault',
        None,
        'when("generate"), step 2, does not say what happens: add .reply, .end or .fault',
        None,
    ]
