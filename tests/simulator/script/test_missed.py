"""A rule remembers what the call that came nearest to it differed in."""

from __future__ import annotations

from typing import Any

from pixazo_simulator.script.engine import Script
from pixazo_simulator.script.facts import Facts
from pixazo_simulator.script.matchers import contains
from pixazo_simulator.script.rule import End, Reply, Rule


def scripted(*rules: Rule) -> Script:
    script = Script()
    for rule in rules:
        script.add(rule)
    return script


def missed(script: Script) -> dict[int, tuple[str, ...]]:
    return {each.number: each.missed for each in script.listed() if each.missed is not None}


def submit(script: Script, **facts: Any) -> None:
    script.decide(Facts("generate", facts))


def test_the_nearest_call_is_kept() -> None:
    """Of several calls that a rule passed by, the one with the fewest differences is reported, the first of equals."""
    script = scripted(Rule(when="generate", match={"prompt": contains("bear"), "duration": 6}, end=End("FAILED")))
    submit(script, prompt="A cat", duration=10)
    submit(script, prompt="A dog", duration=6)
    submit(script, prompt="A bear", duration=10)
    assert missed(script) == {1: ("prompt is 'A dog', expected: contains 'bear'",)}


def test_calls_of_another_kind_are_no_misses() -> None:
    """A rule about downloads has missed nothing when only submits came."""
    script = scripted(Rule(when="media", reply=Reply(404)))
    submit(script, prompt="A cat")
    assert missed(script) == {}


def test_a_rule_behind_another_and_one_that_lets_calls_through() -> None:
    """That another rule decided is a reason, and so is that it was too early."""
    early = Rule(when="generate", reply=Reply(429), after=2)
    script = scripted(early, Rule(when="generate", reply=Reply(503)), Rule(when="generate", reply=Reply(500)))
    submit(script, prompt="A cat")
    assert missed(script) == {
        1: ("it lets 2 more calls through first (after=2)",),
        3: ("rule 2 stands before it",),
    }
    assert [each.used for each in script.listed()] == [(0,), (1,), (0,)]
