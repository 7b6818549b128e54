"""Conditions that compose, and their form in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.matcher import (
    ABSENT,
    Matcher,
    absent,
    at_least,
    at_most,
    contains,
    ends_with,
    equals,
    matches,
    one_of,
    present,
    read_matcher,
    starts_with,
)

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text("abé\n", max_size=3)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.just(ABSENT)
LEAVES = st.one_of(
    SCALARS.map(equals),
    SCALARS.map(contains),
    st.text("ab", max_size=2).map(starts_with),
    st.text("ab", max_size=2).map(ends_with),
    st.sampled_from(["a", "^b", "a.b", ""]).map(matches),
    st.integers(-3, 3).map(at_least),
    st.floats(-3, 3).map(at_most),
    st.lists(SCALARS, max_size=3).map(lambda values: one_of(*values)),
    st.sampled_from([present(), absent()]),
)
MATCHERS = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]) | inner.map(lambda one: ~one) | st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]), max_leaves=6
)  # fmt: skip


@given(MATCHERS, MATCHERS, VALUES)
def test_de_morgan(one: Matcher, other: Matcher, value: object) -> None:
    """And, or and not are those of logic."""
    assert (~(one & other)).holds(value) == (~one | ~other).holds(value)
    assert (~(one | other)).holds(value) == (~one & ~other).holds(value)
    assert (~~one).holds(value) == one.holds(value)
    assert (one & other).holds(value) == (one.holds(value) and other.holds(value))


@given(MATCHERS, VALUES)
def test_json_and_back_changes_nothing(matcher: Matcher, value: object) -> None:
    """What is told reads the same and holds of the same values."""
    read = read_matcher(json.loads(json.dumps(matcher.told())))
    assert read == matcher
    assert read.holds(value) == matcher.holds(value)


@given(MATCHERS)
def test_every_condition_can_be_put_into_words(matcher: Matcher) -> None:
    """In one line."""
    assert str(matcher)
    assert "\n" not in str(matcher)


@given(SCALARS)
def test_a_plain_value_means_equals(value: object) -> None:
    """As in `prompt="A bear"`."""
    assert read_matcher(value) == equals(value)
    assert read_matcher(value).holds(value)


@pytest.mark.parametrize(
    ("matcher", "yes", "no"),
    [
        (equals("a"), ["a"], ["b", "aa", ABSENT, None, ["a"]]),
        (equals(1), [1, 1.0], [True, "1", 2, ABSENT]),
        (equals(True), [True], [1, "true", ABSENT]),
        (equals(None), [None], [ABSENT, "", 0]),
        (contains("bear"), ["a bear", ["cat", "bear"]], ["Bear", "", ABSENT, None, 7, ["a bear"]]),
        (contains(7), [[7]], ["7", 7, [8]]),
        (starts_with("a"), ["ab"], ["ba", ABSENT, ["a"]]),
        (ends_with("b"), ["ab"], ["ba", ABSENT, None]),
        (matches("b.a"), ["a bear"], ["ber", ABSENT, 3]),
        (at_least(6), [6, 6.5, 10], [5, "6", True, ABSENT]),
        (at_most(6), [6, -1], [7, "6", False, ABSENT]),
        (one_of("a", 1), ["a", 1], [True, "b", ABSENT]),
        (one_of(), [], ["a", None, ABSENT]),
        (present(), ["", None, 0, False], [ABSENT]),
        (absent(), [ABSENT], ["", None]),
        (contains("a") & ~contains("b"), ["a"], ["ab", "b"]),
        (equals("a") | absent(), ["a", ABSENT], ["b"]),
    ],
    ids=str,
)
def test_what_holds(matcher: Matcher, yes: list[object], no: list[object]) -> None:
    """And what does not; what was not sent fulfils only a condition that says so."""
    assert [value for value in yes if not matcher.holds(value)] == []
    assert [value for value in no if matcher.holds(value)] == []


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (contains("bear"), "contains 'bear'"),
        (at_least(6), "at least 6"),
        (present(), "is present"),
        (absent(), "is absent"),
        (~contains("bear"), "not (contains 'bear')"),
        (equals(1) | one_of("a", 2), "(equals 1) or (one of ('a', 2))"),
        (starts_with("a") & ends_with("b"), "(starts with 'a') and (ends with 'b')"),
    ],
)
def test_conditions_in_words(matcher: Matcher, words: str) -> None:
    """As they stand in reports."""
    assert str(matcher) == words


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"contans": "x"}, r"operator 'contans' is not one of .* \(did you mean contains\?\)"),
        ({}, "has 0 operators: write one"),
        ({"contains": "a", "matches": "b"}, "has 2 operators: write one"),
        ({"matches": 1}, "matches 1: give it a text"),
        ({"starts_with": 1}, "starts_with 1: give it a text"),
        ({"at_least": "6"}, "at_least '6': give it a number"),
        ({"at_most": True}, "at_most True: give it a number"),
        ({"one_of": "abc"}, "one_of 'abc': give it a list"),
        ({"all": {"contains": "a"}}, "all .*: give it a list"),
        ({"any": [{"contans": "x"}]}, "operator 'contans'"),
        ({"present": 1}, "present 1: give it true or false"),
    ],
)
def test_what_means_nothing_is_refused(value: Any, problem: str) -> None:
    """With the remedy."""
    with pytest.raises(ValueError, match=problem):
        read_matcher(value)
