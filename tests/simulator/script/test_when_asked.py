"""When a rule is asked at all: a share of the calls by chance, and a window on the world's clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.script.engine import Script
from pixazo_simulator.script.facts import Facts
from pixazo_simulator.script.rule import Reply, Rule, Step

START = 1_774_951_200_000
"""2026-03-31T10:00:00.000Z."""


def submit(seconds: float = 0) -> Facts:
    """A submission so many seconds after the start."""
    return Facts("generate", {}, START + round(seconds * 1000))


def script(seed: int = 0, **options: object) -> Script:
    """A script of one rule about submissions, added at the start."""
    made = Script(seed)
    made.add(Rule(when="generate", reply=Reply(503), **options), START)  # type: ignore[arg-type]
    return made


def decided(of: Script, *calls: Facts) -> list[bool]:
    """Whether the rule decides each call."""
    return [of.decide(each) is not None for each in calls]


@pytest.mark.slow
@given(st.integers(0, 2**64), st.floats(0.01, 0.99))
def test_chance_is_reproducible_and_foreseen(seed: int, probability: float) -> None:
    """The same seed draws the same, and a peek, a diagnosis and a fork know what the next call will meet."""
    one, other = script(seed, probability=probability), script(seed, probability=probability)
    for _ in range(20):
        foreseen = one.peek(submit()) is not None
        (diagnosis,) = one.diagnose(submit())
        forked = decided(one.fork(), submit())
        assert [diagnosis.decides, *forked, *decided(one, submit()), *decided(other, submit())] == [foreseen] * 4


@pytest.mark.parametrize(("probability", "least", "most"), [(0.1, 50, 150), (0.5, 420, 580), (1, 1000, 1000)])
def test_a_share_of_the_calls_is_decided(probability: float, least: int, most: int) -> None:
    """Of a thousand calls as many as the probability says, nearly; another seed decides other ones."""
    drawn, other = (decided(script(seed, probability=probability), *[submit()] * 1000) for seed in (1, 2))
    assert least <= sum(drawn) <= most
    assert (drawn == other) == (probability == 1)


def test_a_call_that_chance_lets_through_uses_no_step() -> None:
    """Two steps of one use each are used by the first two calls that the draw gives to the rule."""
    of = script(seed=3, probability=0.5, times=1, then=(Step(reply=Reply(500), times=1),))
    drawn = decided(of, *[submit()] * 50)
    (rule,) = of.listed()
    assert (sum(drawn), rule.used, rule.matched) == (2, (1, 1), 50)


def test_what_was_drawn_is_told() -> None:
    """To whoever asks, with the rule."""
    of, told = script(seed=1, probability=0.01), list[str]()
    assert of.decide(submit(), told) is None
    (sentence,), (missed,) = told, of.listed()[0].missed or ("",)
    assert re.fullmatch(r"it drew 0\.\d{3}, not below its probability 0\.01", missed)
    assert sentence == f"rule 1: when generate, probability 0.01 let it through: {missed}"


INSTANT = datetime(2026, 3, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (10, 20),
        ("2026-03-31T10:00:10Z", "2026-03-31T12:00:20+02:00"),
        ((INSTANT + timedelta(seconds=10)).isoformat(), 20),
    ],
)
def test_a_window_on_the_clock(since: object, until: object) -> None:
    """From `since` on and before `until`, in seconds since the rule was added or as instants."""
    seconds = (0, 9.999, 10, 19.999, 20, 1e6)
    assert decided(script(since=since, until=until), *map(submit, seconds)) == [False, False, True, True, False, False]


def test_outside_of_its_window_a_rule_says_so() -> None:
    """And a call that comes then does not count as one that it lets through."""
    of = script(since=10, until=60, after=1)
    assert of.diagnose(submit(4))[0].differences == ("it begins in 6 s (since=10)",)
    assert decided(of, submit(4), submit(10), submit(11)) == [False, False, True]
    assert of.diagnose(submit(61.5))[0].differences == ("it ended 1.5 s ago (until=60)",)


def test_a_time_to_live_begins_anew() -> None:
    """When a script begins, as that of a new world does, and when a rule is replaced."""
    of = script(until=5)
    of.begin(START + 100_000, seed=1)
    assert decided(of, submit(104), submit(105)) == [True, False]
    of.replace(1, Rule(when="generate", reply=Reply(500), until=5), START + 200_000)
    assert decided(of, submit(204), submit(205)) == [True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"since": "soon"},
            "since 'soon' is neither a number of seconds nor an instant with a time zone, such as 2026-03-31T10:00:00Z",
        ),
        ({"until": "2026-03-31T10:00:00"}, "until '2026-03-31T10:00:00' is neither a number"),
        ({"since": 5, "until": 5}, "until 5 is not after since 5: the rule would never be tried"),
        ({"since": "2026-03-31T10:00:10Z", "until": "2026-03-31T10:00:00Z"}, "is not after since"),
    ],
)
def test_a_window_that_is_none(options: dict[str, object], message: str) -> None:
    """A moment that is none, and a window that ends before it begins, are refused."""
    with pytest.raises(ValueError, match=message):
        script(0, **options)
