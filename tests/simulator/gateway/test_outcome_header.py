"""The header X-Sim-Outcome: one request chooses its outcome, as a mark in its prompt would."""

from __future__ import annotations

import httpx2
import pytest
from tests.caller import GENERATE, Caller, Reply
from tests.inprocess import InProcess
from tests.receiver import Receiver

from pixazo_simulator.script.rule import End, Rule
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings


def submitted(settings: Settings, outcome: str, prompt: str = "A bear") -> tuple[Reply, list[str]]:
    """The response to a submission with this header, and the outcomes that are planned."""
    with InProcess(settings) as send:
        caller = Caller(send, "sim-key")
        reply = caller.call("POST", GENERATE, {"prompt": prompt}, {"X-Sim-Outcome": outcome})
        plans = [each["plan"] for each in caller.sim("generations")["generations"]]
        return reply, [f"{plan['outcome']} {plan['error']}" for plan in plans]


BY_SCRIPT = (Rule(when="generate", end=End(status="FAILED", error="by the script")),)
POLLS = PROFILES["documented"].changed({"job_times": "polls:2"})


@pytest.mark.parametrize(
    ("settings", "planned"),
    [
        (Settings(), "ERROR by the header"),
        (Settings(policy=POLLS), "ERROR by the header"),
        (Settings(script=BY_SCRIPT), "FAILED by the script"),
        (Settings(magic=False), "COMPLETED None"),
    ],
)
def test_its_rank_is_that_of_magic(settings: Settings, planned: str) -> None:
    """Below the script, above the policy, and off where magic is."""
    reply, plans = submitted(settings, "error by the header", "A bear [[sim:failed by the prompt]]")
    assert (reply.status, plans) == (202, [planned])


def test_a_mistake_is_refused() -> None:
    """With 400 and the remedy; with magic switched off the header means nothing."""
    reply, _ = submitted(Settings(), "faild no bears")
    assert reply.status == 400
    assert reply.json()["message"].startswith(
        "X-Sim-Outcome contains 'faild', which is not a magic mark of the simulator"
    )
    assert submitted(Settings(magic=False), "faild no bears")[0].status == 202


def test_it_goes_no_further() -> None:
    """Neither the responses nor the webhook have it, whose text is in UTF-8."""
    with Simulator() as simulator, Receiver() as receiver:
        control = simulator.control()
        headers = [
            (b"Ocp-Apim-Subscription-Key", simulator.api_key.encode()),
            (b"X-Webhook-URL", receiver.url.encode()),
        ]
        accepted = httpx2.post(
            f"{simulator.url}{GENERATE}", json={"prompt": "A bear"},
            headers=[*headers, (b"X-Sim-Outcome", b"after 1"), (b"X-Sim-Outcome", "failed no Bären".encode())],
        )  # fmt: skip
        control.advance(1)
        (callback,) = receiver.received
        assert b"no B\xc3\xa4ren" in callback.body
        assert "x-sim-outcome" not in {*accepted.headers, *(name.lower() for name in callback.headers)}
