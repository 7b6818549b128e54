"""One generated request, judged by itself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.contracts.fake_run import ORIGIN, fake_dialogue
from tests.contracts.gateways.fake_gateway import KEY, Ask, Reply, refusal

from pixazo_contracts.judge.evaluation import Expectation, Terms
from pixazo_contracts.probes.conversation import read, submit
from pixazo_contracts.report.alarm import ContractBrokenError, objection, raise_alarm
from pixazo_contracts.runner.session import RunOptions
from pixazo_contracts.suite.conftest import RequestChecker
from pixazo_contracts.trace.target import Profile, Target

MALFORMED = submit("generate", b"{", case="malformed", aims=("SUBMIT-16",), intent="refuse")
PAID = Target(Profile(origin=ORIGIN, paid=True), {"default": (KEY,)})
FUNDED = RunOptions(run="dialogue", max_generations=5)


def credulous(ask: Ask, reply: Reply) -> Reply:
    """Accepts what is not JSON."""
    body = {"request_id": "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001", "status": "QUEUED"}
    return Reply(202, {**body, "polling_url": f"{ORIGIN}/v2/requests/status/{body['request_id']}"})


def test_a_correct_response() -> None:
    """A request that is answered as the page says breaks no clause."""
    with fake_dialogue() as (dialogue, gateway):
        RequestChecker(dialogue, Terms())("malformed", MALFORMED)
        assert len(gateway.asked) == 1


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ({"target": PAID, "options": FUNDED}, (("malformed", 1), ("malformed", 1), ("another", 2))),
        ({}, (("malformed", 1), ("malformed", 2))),
    ],
)
def test_a_wrong_response(given: dict[str, Any], calls: tuple[tuple[str, int], ...]) -> None:
    """Where it costs one stops its family, which still fails as before; elsewhere a shorter example is looked for."""
    with fake_dialogue(edit=credulous, **given) as (dialogue, gateway):
        check = RequestChecker(dialogue, Terms())
        for family, sent in calls:
            with pytest.raises(ContractBrokenError, match="SUBMIT-16"):
                check(family, MALFORMED)
            assert len(gateway.asked) == sent


def test_a_known_deviation() -> None:
    """What an expectation excuses fails no request, in an objection neither."""
    terms = Terms(expectations=(Expectation(clause="SUBMIT-16", outcome="FAIL", reason="known", expires=date.max),))
    with fake_dialogue(edit=credulous) as (dialogue, _):
        RequestChecker(dialogue, terms)("malformed", MALFORMED)
        trace = dialogue.trace()
        assert raise_alarm(trace, terms, [objection("SUBMIT-16", trace.exchanges[0], "400", "202")])


def test_no_budget() -> None:
    """Where nothing was granted nothing is sent, and the test is skipped with the remedy."""
    unfunded = RunOptions(run="dialogue", max_generations=0)
    with fake_dialogue(target=PAID, options=unfunded) as (dialogue, gateway):
        with pytest.raises(pytest.skip.Exception, match="UNFUNDED: malformed: no generation is left to reserve"):
            RequestChecker(dialogue, Terms())("malformed", MALFORMED)
        assert gateway.asked == []


def test_a_refusal_that_was_none() -> None:
    """Where a refused request turns out to have begun work the session ends with code 11: nothing more is sent."""

    def betrays(ask: Ask, reply: Reply) -> Reply:
        return Reply(200, {"request_id": "minimax-hailuo-ai_1"}) if ask.method == "GET" else reply

    with fake_dialogue(edit=betrays, target=PAID, options=FUNDED) as (dialogue, gateway):
        check = RequestChecker(dialogue, Terms())
        check("malformed", MALFORMED)
        check("unknown", read("minimax-hailuo-ai_0"))
        with pytest.raises(pytest.exit.Exception, match="names the request 'minimax-hailuo-ai_1'") as stopped:
            check("malformed", MALFORMED)
        assert stopped.value.returncode == 11
        assert len(gateway.asked) == 2


def test_a_family_that_was_counted() -> None:
    """One request that was counted as a generation stops its family, though no clause was broken by the answer."""
    with fake_dialogue(
        edit=lambda _, __: refusal(429, "Too Many Requests", "Slow down"), target=PAID, options=FUNDED
    ) as (dialogue, gateway):
        check = RequestChecker(dialogue, Terms())
        check("malformed", MALFORMED)
        with pytest.raises(pytest.skip.Exception, match="an earlier request of this family was counted"):
            check("malformed", MALFORMED)
        assert len(gateway.asked) == 1
