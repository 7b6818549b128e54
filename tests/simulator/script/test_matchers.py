"""Conditions that compose, and their form in JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.command import python

from pixazo_simulator.script.matchers import (
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
    weight,
)
from pixazo_simulator.spec.text import shown

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


@pytest.mark.slow
@given(MATCHERS, MATCHERS, VALUES)
def test_de_morgan(one: Matcher, other: Matcher, value: object) -> None:
    """And, or and not are those of logic."""
    assert (~(one & other)).holds(value) == (~one | ~other).holds(value)
    assert (~(one | other)).holds(value) == (~one & ~other).holds(value)
    assert (~~one).holds(value) == one.holds(value)
    assert (one & other).holds(value) == (one.holds(value) and other.holds(value))


@pytest.mark.slow
@given(MATCHERS, VALUES)
def test_json_and_back_changes_nothing(matcher: Matcher, value: object) -> None:
    """What is rendered reads the same and holds of the same values."""
    read = read_matcher(json.loads(json.dumps(matcher.as_json())))
    assert read == matcher
    assert read.holds(value) == matcher.holds(value)


@pytest.mark.slow
@given(MATCHERS)
def test_every_condition_can_be_put_into_words(matcher: Matcher) -> None:
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
        ({"matches": 1}, "matches 1: give it a string"),
        ({"starts_with": 1}, "starts_with 1: give it a string"),
        ({"at_least": "6"}, "at_least '6': give it a number"),
        ({"at_most": True}, "at_most True: give it a number"),
        ({"one_of": "abc"}, "one_of 'abc': give it a list"),
        ({"all": {"contains": "a"}}, "all .*: give it a list"),
        ({"any": [{"contans": "x"}]}, "operator 'contans'"),
        ({"present": 1}, "present 1: give it true or false"),
    ],
)
def test_what_means_nothing_is_refused(value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_matcher(value)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "matches '(' is not a regular expression of RE2's syntax: missing ): ("),
        ("a(?=b)", "there is no lookahead, lookbehind, atomic group"),
        ("(?<!a)b", "combine conditions with all, any and not instead"),
        (r"(a)\1", "there are no backreferences"),
        (r"a\Z", r"the end of the string is \z or $"),
        ("a++", "there are no possessive quantifiers; write one quantifier after each part"),
        ("(a{1000}){1000}", "a part is repeated at most 1000 times, nested repetitions multiplied; write * or + instead"),
        (r"(\pL{99}){9}", "it compiles to more than 256 KiB; write shorter repetitions and fewer alternatives"),
        ("\ud800", "is not Unicode text: remove the lone surrogate"),
        ("a" * 501, "matches a pattern of 501 characters: write at most 500, or several conditions"),
    ],
)  # fmt: skip
def test_a_regular_expression_that_cannot_be_searched_safely_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        matches(pattern)


@pytest.mark.parametrize("pattern", [r"(.+)+\d$", "(a|a)*b", "(a*)*b", "(?:a|aa|aaa)*b", "(a|b)*a(a|b){50}c"])
@pytest.mark.parametrize("text", ["a" * 2000, "a " * 1000])
def test_no_pattern_tries_the_same_text_again_and_again(pattern: str, text: str) -> None:
    """Python's own engine would not come back from most of these."""
    assert not matches(pattern).holds(text)


@pytest.mark.parametrize("condition", [matches("end$"), matches(r"end\z"), contains("end")])
def test_a_text_is_searched_in_its_first_two_thousand_characters(condition: Matcher) -> None:
    """Whatever a character takes in bytes; and what lies beyond is as if it were not there."""
    for letter in ("a", "\u4e00", "\U0001f43b"):
        assert condition.holds(letter * 1997 + "end")
        assert not condition.holds(letter * 1998 + "end")


def test_a_list_is_searched_in_its_first_two_hundred_elements() -> None:
    """What lies beyond is as if it were not there."""
    assert contains(1).holds([0] * 199 + [1])
    assert not contains(1).holds([0] * 200 + [1])


def test_a_text_that_is_not_unicode_can_be_searched() -> None:
    """A lone surrogate is a character like others."""
    assert matches("^A.c$").holds("A\ud800c")


def nested(levels: int, inner: object = 1) -> Any:
    """A value in so many lists."""
    return inner if levels == 0 else [nested(levels - 1, inner)]


def test_conditions_and_their_values_nest_thirty_two_levels_deep() -> None:
    """However they are made."""
    made, read = equals(1), cast("Any", {"equals": 1})
    for _ in range(32):
        made, read = ~made, {"not": read}
    assert read_matcher(read) == made
    assert made.as_json() == read
    assert str(made).startswith("not (not (")
    deeper_ones: list[Callable[[], Matcher]] = [lambda: ~made, lambda: read_matcher({"not": read}), lambda: made & made]
    for deeper in deeper_ones:
        with pytest.raises(ValueError, match="nested more than 32 levels deep: write several rules, or shorter ones"):
            deeper()
    assert equals(nested(32)).holds(nested(32))
    assert (~~~equals(nested(29))).holds("other")
    with pytest.raises(ValueError, match="condition equals is nested more than 32 levels deep"):
        equals(nested(33))


def test_a_condition_is_compared_with_a_value_of_any_depth() -> None:
    """It looks no deeper than it is deep itself."""
    assert not equals(nested(32)).holds(nested(400))
    assert not contains(nested(31)).holds(nested(400))


@pytest.mark.parametrize("make", [lambda: one_of(*range(10_000)), lambda: equals({"x": [0] * 9_999})])
def test_a_condition_has_at_most_ten_thousand_values(make: Callable[[], Matcher]) -> None:
    """Itself included."""
    with pytest.raises(
        ValueError, match=r"condition \w+ is more than 10000 values: write several rules, or shorter ones"
    ):
        make()


@pytest.mark.parametrize(
    ("condition", "weighs"),
    [
        (equals("bear"), 1),
        (one_of("a", "b", "c"), 4),
        (equals({"a": [1, 2]}), 4),
        (contains("a") & ~contains("b"), 4),
        (matches("a" * 30), 1 + 3 * matches("a" * 30).pattern.programsize),
        (matches("|".join(f"{n:04}" for n in range(100))), 1 + 499),
    ],
    ids=str,
)
def test_what_conditions_weigh(condition: Matcher, weighs: int) -> None:
    """One for each condition and value, and for a regular expression what searching it costs."""
    assert weight([condition], 10_000) == weighs
    assert weight([condition, condition], 10_000) == 2 * weighs


def test_weighing_ends_at_the_limit() -> None:
    """What stands behind it is not even compiled."""
    assert weight([equals(1), equals(2), Matcher("matches", "(")], 1) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A cat", "'A cat'"),
        ("a" * 200, repr("a" * 200)),
        ("a" * 201, f"'{'a' * 200}[cut]'"),
        ([1, [2], {"a": 1}], "[1, [...], {...}]"),
        (nested(400), "[[...]]"),
        (10**4000, "100000000000000000...0000000000000000000"),
    ],
    ids=["short", "just short", "long", "nested", "deep", "huge"],
)
def test_a_value_is_shown_in_a_few_words(value: object, expected: str) -> None:
    """As Python writes it, or its start."""
    assert shown(value) == expected


@pytest.mark.slow
def test_what_uses_no_regular_expression_does_not_import_the_library() -> None:
    """It takes time that the start of a test run need not take."""
    source = (
        "import sys; from pixazo_simulator import Rule, Simulator, contains; contains('x'); print('re2' in sys.modules)"
    )
    assert python(source) == "False\n"


def test_without_the_library_a_regular_expression_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(
        ValueError, match="needs the package google-re2: install it, or write contains, starts_with or ends_with"
    ):
        matches("a")
