"""Rules in order: which decides, how often, and why another does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.script.engine import Script
from pixazo_simulator.script.facts import Facts
from pixazo_simulator.script.faults import (
    CompletedWithoutMedia,
    ConnectionReset,
    NotFoundWindow,
    StatusCode,
    UnknownStatus,
)
from pixazo_simulator.script.matchers import compiled as original
from pixazo_simulator.script.rule import UNANSWERED, UNREADABLE, End, Reply, Rule, Step

FAIL = End(status="FAILED")


def submit(prompt: str = "A bear", **members: object) -> Facts:
    """A submit of these members."""
    body = {"prompt": prompt, **members}
    return Facts("generate", {**body, "headers": {"x-test": "7"}, "body": body})


def read(status: str = "QUEUED", **facts: object) -> Facts:
    """A read of a generation in this status."""
    return Facts("status", {"request_id": "x", "status": status, "headers": {}, **facts})


def script(*rules: Rule) -> Script:
    """A script of these rules."""
    made = Script()
    for rule in rules:
        made.add(rule)
    return made


def uses(of: Script) -> dict[int, tuple[int, ...]]:
    """How often each step of each rule was used."""
    return {each.number: each.used for each in of.listed()}


def decisions(of: Script, *calls: Facts) -> list[int | None]:
    """The number of the rule that decides each, in order."""
    found = [of.decide(facts) for facts in calls]
    return [each.number if each else None for each in found]


def test_the_first_rule_that_matches_decides() -> None:
    of = script(
        Rule(when="status", end=None, faults=(StatusCode(),)),
        Rule(when="generate", match={"prompt": {"contains": "cat"}}, end=FAIL),
        Rule(when="submit", end=FAIL),
        Rule(when="generate", end=FAIL),
    )
    assert decisions(of, submit(), submit("A cat"), read()) == [3, 2, 1]


def test_a_rule_that_is_used_up_lets_the_next_one_decide() -> None:
    """The list shows how often each was used."""
    of = script(Rule(when="generate", end=FAIL, times=2), Rule(when="generate", end=FAIL, times=1))
    assert decisions(of, *[submit()] * 4) == [1, 1, 2, None]
    assert uses(of) == {1: (2,), 2: (1,)}


@given(after=st.integers(0, 4), times=st.integers(1, 4), calls=st.integers(0, 12))
def test_after_and_times_count_matching_calls(after: int, times: int, calls: int) -> None:
    """The first are let through, then so many are decided; calls of other kinds count for nothing."""
    of = script(Rule(when="generate", match={"prompt": "A bear"}, end=FAIL, after=after, times=times))
    mixed = [each for _ in range(calls) for each in (submit("A cat"), submit(), read())]
    decided = decisions(of, *mixed)
    expected = [1 if after <= number < after + times else None for number in range(calls)]
    assert decided[1::3] == expected
    assert set(decided[0::3] + decided[2::3]) <= {None}


@pytest.mark.slow
@given(st.lists(st.integers(1, 3) | st.none(), min_size=1, max_size=4), st.integers(0, 12))
def test_steps_follow_each_other(counts: list[int | None], calls: int) -> None:
    """Each as often as it says; without a number once, and the last for ever."""
    first, *rest = [Step(end=FAIL, times=times) for times in counts]
    rule = Rule(when="generate", end=FAIL, times=first.times, then=tuple(rest))
    of = script(rule)
    expected = [index for index, times in enumerate(counts) for _ in range(times or 1)]
    if counts[-1] is None:
        expected += [len(counts) - 1] * calls
    found = [of.decide(submit()) for _ in range(calls)]
    assert [each.index for each in found if each] == expected[:calls]
    assert [each.step for each in found if each] == [rule.steps[index] for index in expected[:calls]]


def test_peeking_uses_nothing() -> None:
    """It says what deciding would."""
    of = script(Rule(when="generate", end=FAIL, times=1))
    assert of.peek(submit()) == of.peek(submit()) == of.decide(submit())
    assert of.peek(submit()) is None


def test_a_decision_can_be_given_back() -> None:
    """As if the call had never been made, for the count of steps too; one of a rule that is gone is nothing."""
    of = script(Rule(when="generate", end=FAIL, times=1, then=(Step(end=FAIL, times=1),)))
    first = of.decide(submit())
    assert first is not None
    of.give_back(first)
    assert uses(of) == {1: (0, 0)}
    assert [each.index for each in (of.decide(submit()), of.decide(submit())) if each] == [0, 1]
    of.set(())
    of.give_back(first)
    assert len(of) == 0


def test_rules_come_and_go() -> None:
    """Their numbers are never used again; one that replaces another keeps its place and starts unused."""
    of = script(Rule(when="generate", end=FAIL), Rule(when="status", faults=(StatusCode(),)))
    of.decide(submit())
    of.replace(1, Rule(when="generate", end=FAIL, times=3))
    assert uses(of)[1] == (0,)
    of.remove(1)
    assert of.add(Rule(when="generate", end=FAIL)) == 3
    assert list(uses(of)) == [2, 3]
    with pytest.raises(KeyError):
        of.remove(1)
    with pytest.raises(KeyError):
        of.replace(1, Rule(when="generate", end=FAIL))


def test_a_script_is_bounded() -> None:
    of = script(*[Rule(when="generate", end=FAIL)] * 1000)
    with pytest.raises(ValueError, match="the script has 1000 rules already: clear it, or remove some"):
        of.add(Rule(when="generate", end=FAIL))


def test_the_use_of_each_step_is_listed() -> None:
    """Of every rule, those that were never used included."""
    of = script(Rule(when="generate", end=FAIL, then=(Step(end=FAIL),)), Rule(when="generate", end=FAIL))
    assert uses(of) == {1: (0, 0), 2: (0,)}
    of.decide(submit())
    assert uses(of) == {1: (1, 0), 2: (0,)}


@pytest.mark.parametrize(
    ("fault", "idle", "busy"),
    [
        (CompletedWithoutMedia(), [read("QUEUED"), read("FAILED")], [read("COMPLETED")]),
        (UnknownStatus(), [Facts("status", {"request_id": "x"})], [read("QUEUED")]),
        (NotFoundWindow(3), [read(age=3.0), read(age=100.0), read()], [read(age=0.0), read(age=2.999)]),
    ],
)
def test_a_fault_waits_for_a_response_that_it_can_change(fault: Any, idle: list[Facts], busy: list[Facts]) -> None:
    """Until then its rule does not match and is not used up; beside a fault that always applies it does."""
    alone = script(Rule(when="status", faults=(fault,), times=1))
    assert decisions(alone, *idle, busy[0], busy[0]) == [None] * len(idle) + [1, None]
    both = script(Rule(when="status", faults=(fault, ConnectionReset())))
    assert decisions(both, *idle) == [1] * len(idle)


def test_a_diagnosis_says_what_differs() -> None:
    """Nearest first: the rule that decides, those that would, the one with one difference, then rules about other calls."""
    of = script(
        Rule(when="status", faults=(StatusCode(),)),
        Rule(when="generate", match={"prompt": {"contains": "cat"}, "duration": 10}, end=FAIL),
        Rule(when="generate", match={"prompt": {"contains": "cat"}, "headers": {"X-Test": "7"}}, end=FAIL),
        Rule(when="generate", end=FAIL),
        Rule(when="submit", end=FAIL),
        Rule(when="submit", end=FAIL, after=2),
        Rule(when="status", faults=(CompletedWithoutMedia(),)),
    )
    found = of.diagnose(submit(duration=6))
    assert [(each.number, each.decides) for each in found][:2] == [(4, True), (3, False)]
    assert {each.number: each.differences for each in found} == {
        4: (),
        3: ("prompt is 'A bear', expected: contains 'cat'",),
        5: ("rule 4 comes first",),
        6: ("it lets 2 more calls through first (after=2)",),
        2: ("prompt is 'A bear', expected: contains 'cat'", "duration is 6, expected: equals 10"),
        1: ("it is about status, this is generate",),
        7: ("it is about status, this is generate",),
    }
    assert [each.number for each in found][-2:] == [1, 7]
    (idle, *_) = script(Rule(when="status", faults=(CompletedWithoutMedia(),))).diagnose(read("QUEUED"))
    assert idle.differences == ("completed_without_media needs COMPLETED, not QUEUED",)


def test_a_used_up_rule_is_diagnosed_as_such() -> None:
    """It would match."""
    of = script(Rule(when="generate", end=FAIL, times=1, name="the bear fails"))
    of.decide(submit())
    (found,) = of.diagnose(submit())
    assert (found.label, found.decides, found.differences) == (
        "rule 1: the bear fails",
        False,
        ("it is used up: 1 time",),
    )


def test_what_was_not_sent_is_absent() -> None:
    """A default of the gateway is not what the caller sent; of mappings any member may be asked."""
    of = script(
        Rule(when="generate", match={"duration": {"present": False}, "body": {"extra": {"at_least": 3}}}, end=FAIL)
    )
    assert decisions(of, submit(extra=3), submit(extra=3, duration=6), submit(), submit(extra="3")) == [
        1,
        None,
        None,
        None,
    ]


def test_a_label_names_the_rule() -> None:
    """By number and conditions, or by the name that it was given."""
    of = script(
        Rule(when="generate", match={"prompt": {"contains": "bear"}, "headers": {"X-A": "b"}}, reply=Reply(429))
    )
    found = of.decide(Facts("generate", {"prompt": "bear", "headers": {"x-a": "b"}}))
    assert found is not None
    assert found.label == "rule 1: when generate, prompt contains 'bear', headers.X-A equals 'b'"


def test_the_conditions_and_steps_of_a_script_have_a_weight_that_is_bounded() -> None:
    """A rule that does not fit is refused with the remedy, and leaves the rules as they were."""
    half = Rule(when="generate", match={"prompt": {"one_of": ["x"] * 4990}}, end=FAIL)
    small, larger = (
        Rule(when="generate", then=(Step(end=FAIL),) * 10),
        Rule(when="generate", then=(Step(end=FAIL),) * 19),
    )
    of = script(half, half)
    with pytest.raises(
        ValueError, match="of one script weigh at most 10000, this rule more than the 16 left: write fewer"
    ):
        of.add(larger)
    assert len(of) == 2
    assert of.add(small) == 3
    with pytest.raises(ValueError, match="this rule more than the 5 left"):
        of.add(small)
    of.replace(1, small)
    of.remove(2)
    assert [of.add(half), len(of)] == [4, 3]


def test_regular_expressions_weigh_what_searching_them_costs() -> None:
    """However many rules they are spread over."""
    rule = Rule(when="generate", match={"prompt": {"matches": "a{900}"}})
    with pytest.raises(ValueError, match=r"rules\[3\]: the steps and conditions of one script weigh at most 10000"):
        Script().set([rule] * 5)


def test_the_rules_of_a_script_are_bounded_in_bytes() -> None:
    """Together."""
    rule = Rule(when="generate", reply=Reply(status=500, text="x" * 3_000_000))
    of = script(rule)
    with pytest.raises(
        ValueError, match=r"at most 4194304 bytes, this rule 30000\d\d of the 11942\d\d left: write shorter strings"
    ):
        of.add(rule)


HALF = "\udc80"


@pytest.mark.parametrize(
    "members",
    [
        {"match": {"prompt": HALF}, "reply": {"status": 500}},
        {"match": {"body": {"x": {"contains": HALF}}}, "reply": {"status": 500}},
        {"name": HALF, "reply": {"status": 500}},
        {"reply": {"status": 500, "text": HALF}},
        {"reply": {"status": 500, "json": {HALF: 1}}},
        {"end": {"status": "FAILED", "error": HALF}},
    ],
)
def test_a_text_that_is_not_unicode_is_refused(members: dict[str, Any]) -> None:
    """Nobody could receive or compare it; the message shows it as an escape."""
    with pytest.raises(ValueError, match=r"'\\udc80' is not Unicode text: remove the lone surrogate"):
        Script().set([msgspec.convert({"when": "generate", **members}, Rule)])


def test_a_script_is_set_as_a_whole() -> None:
    """Or not at all; numbers are never given again."""
    rule = Rule(when="generate", end=FAIL)
    of = script(rule, rule)
    bad = Rule(when="generate", match={"prompt": {"matches": "("}})
    with pytest.raises(ValueError, match=r"rules\[1\]: matches '\(' is not a regular expression"):
        of.set([rule, bad])
    assert list(uses(of)) == [1, 2]
    of.set([rule])
    assert list(uses(of)) == [3]


def test_a_regular_expression_is_compiled_once_for_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked, and by however many twins."""
    compiled: list[str] = []

    def counting(text: str) -> Any:
        compiled.append(text)
        return original(text)

    monkeypatch.setattr("pixazo_simulator.script.matchers.compiled", counting)
    of = script(Rule(when="generate", match={"prompt": {"matches": "cat"}}, end=FAIL))
    for asked in (of, of.fork(), of.fork()):
        assert decisions(asked, submit(), submit("A cat")) == [None, 1]
        asked.diagnose(submit())
    assert compiled == ["cat"]


def test_of_many_differences_the_first_twenty_are_listed() -> None:
    """And how many more there are."""
    of = script(Rule(when="generate", match={"body": {f"m{number}": "x" for number in range(50)}}))
    of.decide(submit())
    (reported,) = (list(each.missed or ()) for each in of.listed())
    assert reported[0] == "body.m0 is absent, expected: equals 'x'"
    assert reported[19:] == ["body.m19 is absent, expected: equals 'x'", "30 more differences"]


def test_a_long_value_is_shown_by_its_start() -> None:
    """This holds in differences and in labels."""
    of = script(Rule(when="generate", match={"prompt": "y" * 300, "body": {"x": "z" * 1000}}))
    of.decide(submit("x" * 1_000_000))
    ((one, two),) = (list(each.missed or ()) for each in of.listed())
    assert one == f"prompt is '{'x' * 200}[cut]', expected: equals '{'y' * 192}[cut]"
    assert two.startswith("body.x is absent, expected: equals 'zzz")
    (diagnosis,) = of.diagnose(submit())
    assert diagnosis.label.startswith("rule 1: when generate, prompt equals 'yyy")
    assert len(diagnosis.label) < 600


def missed(of: Script) -> dict[int, tuple[str, ...]]:
    """What the call that came nearest to each rule differed in."""
    return {each.number: each.missed for each in of.listed() if each.missed is not None}


def test_the_nearest_call_is_kept() -> None:
    """Of several calls that a rule passed by, the one with the fewest differences is reported, the first of equals."""
    of = script(Rule(when="generate", match={"prompt": {"contains": "bear"}, "duration": 6}, end=FAIL))
    decisions(of, submit("A cat", duration=10), submit("A dog", duration=6), submit("A bear", duration=10))
    assert missed(of) == {1: ("prompt is 'A dog', expected: contains 'bear'",)}


def test_calls_of_another_kind_are_no_misses() -> None:
    """A rule about downloads has missed nothing when only submits came."""
    of = script(Rule(when="media", reply=Reply(404)))
    of.decide(submit())
    assert missed(of) == {}


def test_a_rule_behind_another_and_one_that_lets_calls_through() -> None:
    """That another rule decided is a reason, and so is that it was too early."""
    early = Rule(when="generate", reply=Reply(429), after=2)
    of = script(early, Rule(when="generate", reply=Reply(503)), Rule(when="generate", reply=Reply(500)))
    assert decisions(of, submit()) == [2]
    assert missed(of) == {1: ("it lets 2 more calls through first (after=2)",), 3: ("rule 2 comes first",)}


def test_what_a_caller_does_not_get_is_said_by_each_fault() -> None:
    """Bill and conduct take the faults that leave nothing to read from here."""
    assert frozenset({"reply_lost", "empty_reply", "connection_reset", "hang"}) == UNANSWERED
    assert frozenset({"truncated_body", "garbled_body"}) == UNREADABLE - UNANSWERED
