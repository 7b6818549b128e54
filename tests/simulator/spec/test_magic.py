"""Marks in a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.errors import Problem
from pixazo_simulator.spec.lifecycle import Status
from pixazo_simulator.spec.parameters import Magic, read_magic


@pytest.mark.parametrize(
    ("prompt", "magic"),
    [
        ("A bear", Magic()),
        ("A bear [[or two]]", Magic()),
        ("[[sim:failed]]", Magic(outcome=Status.FAILED)),
        ("A [[sim:failed too wild]] bear", Magic(outcome=Status.FAILED, error="too wild")),
        ("[[sim: failed  too\nwild ]]", Magic(outcome=Status.FAILED, error="too\nwild")),
        ("[[sim:error disk full]]", Magic(outcome=Status.ERROR, error="disk full")),
        ("[[sim:failed a]] [[sim:error b]]", Magic(outcome=Status.ERROR, error="b")),
        ("[[sim:stuck]]", Magic(stuck=True)),
        ("[[sim:moderated]]", Magic(moderated=True)),
        ("[[sim:after 0]]", Magic(after=0)),
        ("[[sim:after 1.25]]", Magic(after=1250)),
        ("[[sim:after 999999999]]", Magic(after=999_999_999_000)),
        ("[[sim:after 3]][[sim:failed x]]", Magic(outcome=Status.FAILED, error="x", after=3000)),
        ("[[Sim:FAILED x]]", Magic(outcome=Status.FAILED, error="x")),
        ("[[ sim :stuck]]", Magic(stuck=True)),
        ("[[sim:failed x]] ]]", Magic(outcome=Status.FAILED, error="x")),
    ],
)
def test_marks_are_read(prompt: str, magic: Magic) -> None:
    """Anywhere in the prompt, alone or together; the last of a kind counts."""
    assert read_magic(prompt) == magic


@pytest.mark.parametrize(
    ("prompt", "word", "remedy"),
    [
        ("[[sim:faild]]", "[[sim:faild]]", "(did you mean failed?)"),
        ("[[sim:zebra]]", "[[sim:zebra]]", "known are [[sim:failed TEXT]], [[sim:error TEXT]], [[sim:stuck]]"),
        ("[[sim:]]", "[[sim:]]", "known are "),
        ("[[sim:stuck now]]", "[[sim:stuck]]", "write [[sim:stuck]]"),
        ("[[sim:after]]", "[[sim:after]]", "write [[sim:after SECONDS]]"),
        ("[[sim:after -1]]", "[[sim:after]]", "write [[sim:after SECONDS]]"),
        ("[[sim:after soon]]", "[[sim:after]]", "write [[sim:after SECONDS]]"),
        ("[[sim:failed too wild", "[[sim:failed", "write [[sim:failed TEXT]]"),
        ("[[sim:failed [[sim:stuck]]", "[[sim:failed", "write [[sim:failed TEXT]]"),
        (f"[[sim:{'x' * 5000}]]", f"[[sim:{'x' * 40}]]", "known are "),
    ],
)
def test_a_mark_that_means_nothing_is_reported(prompt: str, word: str, remedy: str) -> None:
    """It is not silently ignored: the error has the mark and its remedy."""
    read = read_magic(prompt)
    assert isinstance(read, Problem)
    assert read.values[0] == word
    assert remedy in str(read.values[1])


@pytest.mark.parametrize(
    ("prompt", "header", "magic"),
    [
        ("A bear", "failed too wild", Magic(outcome=Status.FAILED, error="too wild")),
        ("A bear", "STUCK", Magic(stuck=True)),
        ("A bear", "after 3; error a; b ;Failed c", Magic(outcome=Status.FAILED, error="c", after=3000)),
        ("A bear", "error a; b", Magic(outcome=Status.ERROR, error="a; b")),
        ("A bear", "error a; stuckness", Magic(outcome=Status.ERROR, error="a; stuckness")),
        ("[[sim:failed x]] [[sim:after 3]]", "error y", Magic(outcome=Status.ERROR, error="y", after=3000)),
        ("[[sim:after 3]]", "polls 2", Magic(polls=2)),
        ("[[sim:polls 2]]", "after 3", Magic(after=3000)),
        ("A bear", "moderated", Magic(moderated=True)),
    ],
)
def test_the_header_says_the_same(prompt: str, header: str, magic: Magic) -> None:
    """Without brackets, after the marks of the prompt; a semicolon separates where a word of ours follows it."""
    assert read_magic(prompt, header) == magic


@pytest.mark.parametrize(
    ("header", "shown", "remedy"),
    [
        ("faild x", "'faild'", "known are failed TEXT, error TEXT, stuck, after SECONDS, polls N, moderated (did you mean failed?)"),
        ("polls 0", "'polls'", "write polls N"),
        ("stuck; now", "'stuck;'", "(did you mean stuck?)"),
        ("after 3; after", "'after'", "write after SECONDS"),
        (" ", "''", "known are "),
        ("[[sim:stuck]]", "'[[sim:stuck]]'", "known are "),
    ],
)  # fmt: skip
def test_a_header_that_means_nothing_is_reported(header: str, shown: str, remedy: str) -> None:
    read = read_magic("A bear", header)
    assert isinstance(read, Problem)
    assert (read.member, read.values[0]) == ("X-Sim-Outcome", shown)
    assert remedy in str(read.values[1])


@pytest.mark.parametrize("prompt", ["[[sim:" + " " * 100_000, "[[sim:" * 100_000, "[[sim:failed " + "] " * 100_000])
def test_a_hostile_prompt_is_read_in_linear_time(prompt: str) -> None:
    """A backtracking pattern would not come back from these."""
    assert isinstance(read_magic(prompt), Problem)


@given(st.lists(st.sampled_from(["[[sim:", "]]", " ", "failed", "after", "stuck", "3", "é", "\0", "["])).map("".join))
def test_reading_never_raises(prompt: str) -> None:
    """Whatever stands around the brackets."""
    read = read_magic(prompt)
    assert isinstance(read, Magic | Problem)
    assert "[[sim:" in prompt or read == Magic()


def test_marks_are_looked_for_in_the_first_20_000_characters() -> None:
    """A longer prompt is a long one, not a wish."""
    mark = "[[sim:stuck]]"
    assert read_magic("a" * (20_000 - len(mark)) + mark) == Magic(stuck=True)
    assert read_magic("a" * 20_000 + mark) == Magic()


def test_the_text_of_a_mark_is_cut() -> None:
    """It is in every status response."""
    read = read_magic(f"[[sim:failed {'x' * 3000}]]")
    assert isinstance(read, Magic)
    assert read.error == "x" * 2000
