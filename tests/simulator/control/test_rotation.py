"""The rotation of a world's signing secret: for some time webhooks are signed with both."""

from __future__ import annotations

from typing import Any

import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.inprocess import InProcess
from tests.receiver import Receiver
from tests.standard_webhooks import is_signed

from pixazo_simulator import ControlClient, ControlError, Settings, Simulator
from pixazo_simulator.spec.policy import PROFILES

SIGNED = PROFILES["documented"].changed({"webhook_signature": "standard"})


def test_two_secrets_overlap() -> None:
    """During the overlap a receiver with either secret accepts; before it only one with the old, after it only one with the new."""
    with Simulator(Settings(policy=SIGNED)) as simulator, Receiver() as receiver:
        control: ControlClient = simulator.control()
        caller, old = Caller(over_http(simulator.url), simulator.api_key), str(control.world().webhook_secret)

        def callback() -> Any:
            caller.generate("[[sim:after 0]]", webhook=receiver.url)
            control.advance(0)
            return receiver.received[-1]

        first = callback()
        rotated = control.rotate_webhook_secret(overlap=60)
        new = str(rotated.webhook_secret)
        assert (rotated.former_webhook_secrets, new != old) == ([old], True)
        during = callback()
        control.advance(60)
        after = callback()
        assert [is_signed(each.body, each.headers, old) for each in (first, during, after)] == [True, True, False]
        assert [is_signed(each.body, each.headers, new) for each in (first, during, after)] == [False, True, True]
        assert [len(each.headers["webhook-signature"].split()) for each in (first, during, after)] == [1, 2, 1]
        assert control.world().former_webhook_secrets == []


def test_secrets_do_not_heap_up() -> None:
    """Eleven overlap at most; without signatures there is nothing to rotate."""
    with InProcess(Settings(policy=SIGNED)) as send:
        caller = Caller(send, "sim-key")
        for _ in range(10):
            assert caller.call("POST", "/_sim/webhook-secret/rotate", {}).status == 200
        refused = caller.call("POST", "/_sim/webhook-secret/rotate", {"overlap": 0})
        assert (
            refused.json()["message"]
            == "10 former secrets are still in use: let time pass, or rotate with a shorter overlap"
        )
        secrets = caller.sim("world")
        assert len({secrets["webhook_secret"], *secrets["former_webhook_secrets"]}) == 11
        assert caller.call("POST", GENERATE, {"prompt": "A bear"}).status == 202


def test_nothing_to_rotate() -> None:
    with (
        Simulator() as simulator,
        pytest.raises(ControlError, match="set policy webhook_signature to standard") as caught,
    ):
        simulator.control().rotate_webhook_secret()
    assert caught.value.status == 400
