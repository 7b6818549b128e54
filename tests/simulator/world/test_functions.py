"""The plan of an accepted submit."""

from __future__ import annotations

from random import Random

import pytest

from pixazo_simulator.script.rule import End
from pixazo_simulator.spec.errors import Problem, Violation
from pixazo_simulator.spec.lifecycle import NEVER, Plan, Status
from pixazo_simulator.spec.parameters import Magic
from pixazo_simulator.spec.policy import Policy
from pixazo_simulator.world.admission import Admitted
from pixazo_simulator.world.generations import plan_for

FAULT = (Problem("prompt", Violation.BLANK),)
NO_VIDEO = "The model could not generate a video for this request."


def plan(magic: Magic | None = None, fails: tuple[Problem, ...] = (), **policy: str) -> Plan:
    """The plan of a admitted of 6 s at 768P."""
    admitted = Admitted(6, "768P", 350_000, fails, magic or Magic())
    return plan_for(admitted, Policy().changed(policy), Random(0))


@pytest.mark.parametrize(
    ("magic", "expected"),
    [
        (Magic(), Plan(2_000, 13_000)),
        (Magic(outcome=Status.FAILED, error="too wild"), Plan(2_000, 13_000, Status.FAILED, "too wild")),
        (Magic(outcome=Status.FAILED), Plan(2_000, 13_000, Status.FAILED, NO_VIDEO)),
        (Magic(outcome=Status.ERROR), Plan(2_000, 13_000, Status.ERROR, "Description of the error")),
        (Magic(stuck=True), Plan(2_000, NEVER)),
        (Magic(after=30_000), Plan(4_000, 26_000)),
        (Magic(after=0), Plan(0, 0)),
        (Magic(after=1), Plan(0, 1)),
        (Magic(after=30_000, stuck=True), Plan(4_000, NEVER)),
    ],
)
def test_what_a_prompt_asks_for(magic: Magic, expected: Plan) -> None:
    """Outcome, text, length; queued and processing keep their proportion of 2 to 13."""
    assert plan(magic) == expected


def test_a_problem_that_fails_the_generation_later_wins() -> None:
    """Its sentence is the error."""
    expected = Plan(2_000, 13_000, Status.FAILED, "prompt must not be blank.")
    assert plan(fails=FAULT) == expected
    assert plan(Magic(outcome=Status.ERROR, error="disk full"), FAULT) == expected


def test_a_script_wins() -> None:
    """Over a problem and over magic; it may leave the times to them."""
    wild = Magic(outcome=Status.ERROR, error="wild", after=30_000, stuck=True)
    admitted = Admitted(6, "768P", 350_000, FAULT, wild, end=End(status="COMPLETED"))
    assert plan_for(admitted, Policy(), Random(0)) == Plan(4_000, 26_000)
    admitted = Admitted(6, "768P", 350_000, (), wild, end=End(status="FAILED", queued=1.5, processing=0.25))
    assert plan_for(admitted, Policy(), Random(0)) == Plan(1_500, 250, Status.FAILED, NO_VIDEO)
    admitted = Admitted(6, "768P", 350_000, (), Magic(), stuck=True)
    assert plan_for(admitted, Policy(), Random(0)) == Plan(2_000, NEVER)


def test_generations_may_fail_straight_from_the_queue() -> None:
    """They fail after the same time; a completed one still processes."""
    assert plan(Magic(outcome=Status.ERROR, error="x"), queued_to_end="yes") == Plan(15_000, 0, Status.ERROR, "x")
    assert plan(queued_to_end="yes") == Plan(2_000, 13_000)


def test_a_length_for_times_of_nothing() -> None:
    """0+0 leaves no proportion: all of it is processing."""
    assert plan(Magic(after=5_000), job_times="0+0") == Plan(0, 5_000)


def test_times_come_from_the_source_given() -> None:
    assert plan(job_times="5-20+60-180") == plan(job_times="5-20+60-180")
    drawn = plan(job_times="5-20+60-180")
    assert 5_000 <= drawn.queued <= 20_000
    assert 60_000 <= drawn.processing <= 180_000
