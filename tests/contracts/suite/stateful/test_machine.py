"""The state machine: a faithful gateway keeps every clause, a wrong one is found with a short counterexample."""

from __future__ import annotations

import runpy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from tests.contracts.fake_run import ORIGIN, fake_dialogue, full_target, observe, some
from tests.contracts.gateways.edits import accepted, envelope, having, is_read, members, without
from tests.contracts.gateways.fake_gateway import KEY, Ask, Reply, Work

from pixazo_contracts.probes import generations
from pixazo_contracts.probes.conversation import Send
from pixazo_contracts.runner.session import RunOptions
from pixazo_contracts.suite.stateful.counterexample import CounterexampleError
from pixazo_contracts.suite.stateful.machine import DEFAULT_SETTINGS, IdleRuleError, run_examples
from pixazo_contracts.suite.stateful.machine import RULES as MACHINE_RULES
from pixazo_contracts.trace.settings import ConfigurationError
from pixazo_contracts.trace.target import Profile, Target

if TYPE_CHECKING:
    from pathlib import Path

RULES = {
    *("submit_valid", "submit_invalid", "submit_with_callback", "break_receiver", "submit_failing", "replay"),
    *("read", "read_in_parallel", "read_foreign", "read_unknown", "let_time_pass", "wait_for_end"),
}

#: Attempts at a shorter failure, with a margin: Hypothesis draws constants of our source, so examples change with it.
FEW = 80


def fickle(ask: Ask, reply: Reply) -> Reply:
    """What has completed fails at the third look."""
    looks = fickle.looks  # type: ignore[attr-defined]  # a function that counts
    if is_read(ask) and reply.code == 200 and members(reply)["status"] == "COMPLETED":
        looks[ask.path] = looks.get(ask.path, 0) + 1
        if looks[ask.path] > 2:
            return replace(reply, value={**members(reply), "status": "FAILED", "error": "no", "output": None})
    return reply


fickle.looks = {}  # type: ignore[attr-defined]  # as above


def deaf_to_failures(work: Work) -> Work:
    return replace(work, hooks=()) if work.end != "COMPLETED" else work


def stuck(work: Work) -> Work:
    return replace(work, accepted=work.accepted + 1e9) if work.operation == "imageToVideo" else work


def nested(body: dict[str, object]) -> dict[str, object]:
    return {"data": body}


#: Wrong gateways, and the clauses of which one at least must say so.
WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no polling_url": ({"edit": accepted(without("polling_url"))}, {"SUBMIT-03"}),
    # Reads at once have no order: the first end may then show the later state, and only `updated_at` tells on the change.
    "an end that changes": ({"edit": fickle}, {"FLOW-03", "TIME-06"}),
    "failures without a reason": ({"edit": envelope(having(error=None), "FAILED")}, {"FAIL-01"}),
    "failures not called back": ({"plan": deaf_to_failures}, {"WEBHOOK-07", "WEBHOOK-19"}),
    "callbacks nested": ({"tell": nested}, {"WEBHOOK-04"}),
    "stuck": ({"plan": stuck}, {"FLOW-05"}),
}


def submits(error: CounterexampleError) -> list[Send]:
    return [step for step, _ in error.steps if isinstance(step, Send) and step.method == "POST"]


def test_rules() -> None:
    """The machine submits, reads and waits in these ways."""
    assert set(MACHINE_RULES) == RULES


@pytest.mark.slow
def test_faithful_gateway() -> None:
    """A faithful gateway breaks nothing, every rule fires, and some requests were accepted."""
    with fake_dialogue() as (dialogue, gateway):
        fired = run_examples(dialogue)
    assert set(fired) == RULES
    assert len(gateway.works) > 20


@pytest.mark.slow
def test_without_receiver_and_prompts() -> None:
    """Where the target offers nothing but a key, the rules that need more are not missed."""
    target = Target(replace(full_target().profile, capabilities=()), {"default": (KEY,)})
    with fake_dialogue(target=target, options=RunOptions(run="dialogue", receiver=None)) as (dialogue, _):
        fired = run_examples(dialogue)
    assert set(fired) == RULES - {"submit_with_callback", "break_receiver", "submit_failing"}


@pytest.mark.slow
@pytest.mark.parametrize("name", some({name: name for name in WRONG}, 1))
def test_wrong_gateway(name: str) -> None:
    """A gateway wrong in one respect is found out by a clause concerned, with few submits, a cURL line and no key.

    With as many attempts as by default, a failure that one submit shows is reported with one submit.
    """
    fickle.looks.clear()  # type: ignore[attr-defined]  # as above
    knobs, clauses = WRONG[name]
    attempts, most = (None, 1) if name == "no polling_url" else (FEW, 6)
    with fake_dialogue(**knobs) as (dialogue, _), pytest.raises(CounterexampleError) as caught:
        run_examples(dialogue, attempts=attempts)
    text = str(caught.value)
    assert clauses & set(caught.value.clauses)
    assert any(f"FAIL {clause}" in text for clause in clauses)
    assert "curl -i -X" in text or name == "callbacks nested"
    assert len(submits(caught.value)) <= most
    assert KEY not in text


@pytest.mark.exhaustive
def test_counterexample_is_a_probe(tmp_path: Path) -> None:
    """Its file is a module of probes; carried out anew they break the same clause, and hold no key."""
    edit = envelope(having(error=None), "FAILED")
    with fake_dialogue(edit=edit) as (dialogue, _), pytest.raises(CounterexampleError) as caught:
        run_examples(dialogue, attempts=FEW)
    path = caught.value.save(tmp_path)
    assert path.name == "counterexample_fail_01.py"
    assert KEY not in path.read_text(encoding="utf-8")
    found = observe(edit=edit, probes=(*generations.SMOKE, *runpy.run_path(str(path))["PROBES"]))
    assert found.outcomes("FAIL") == {"FAIL-01"}
    assert observe(probes=(*generations.SMOKE, *runpy.run_path(str(path))["PROBES"])).outcomes("FAIL", "ERROR") == set()


def test_idle_rule() -> None:
    """Where the examples are too few to try everything, that is an error that names the rules."""
    one_step = settings(DEFAULT_SETTINGS, max_examples=1, stateful_step_count=1)
    with (
        fake_dialogue() as (dialogue, _),
        pytest.raises(IdleRuleError, match=r"wait_for_end.* never fired in 1 examples"),
    ):
        run_examples(dialogue, examples=one_step)


def test_never_on_a_target_that_charges() -> None:
    """Not a request is sent where generations cost money."""
    target = Target(Profile(origin=ORIGIN, paid=True), {"default": (KEY,)})
    with fake_dialogue(target=target) as (dialogue, gateway):
        with pytest.raises(ConfigurationError, match=r"do not use it on http://127\.0\.0\.1:8900"):
            run_examples(dialogue)
        assert gateway.asked == []
