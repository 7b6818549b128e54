"""Rules, faults and policies as a user writes them: compiled by two type checkers, never run.

Each mistake bears the comment that expects an error; a checker that finds none there complains of the comment.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

import httpx
import httpx2
from starlette.testclient import TestClient

import pixazo_simulator
import pytest_pixazo
from pixazo_simulator import PROFILES, ControlClient, Policy, Simulator, StatusAnswer, When
from pytest_pixazo import (
    ConnectionReset,
    Delay,
    Delivery,
    Drop,
    Exchange,
    Generation,
    Pixazo,
    SlowDrip,
    StatusCode,
    contains,
)


def rules(pixazo: Pixazo, control: ControlClient) -> None:
    """Every word of a rule is known."""
    rule = pixazo.when("generate", prompt=contains("bear"), headers={"X-Test": "7"}, body={"seed": 3}, after=1)
    assert_type(rule, When)
    assert_type(rule.reply(429, retry_after=2, times=2).then.end("FAILED", error="content policy"), When)
    pixazo.when("status", age={"at_least": 5}, status="COMPLETED").fault(StatusCode(502), Delay(0.2), times=1)
    pixazo.when("media", method="HEAD").fault(SlowDrip(0.5, pieces=5))
    pixazo.when("webhook", attempt=1).fault(Drop())
    pixazo.when("request", prompt="A cat").fault(ConnectionReset(committed=False))
    When(control, "submit", duration=6).reply(500)


def waits(pixazo: Pixazo) -> None:
    """What is waited for decides which conditions there are, and what is returned."""
    assert_type(pixazo.wait_for("status", path=contains("0001"), status=200, after=3), Sequence[Exchange])
    assert_type(pixazo.wait_for("webhook", delivered=False, attempts={"at_least": 2}), Sequence[Delivery])
    assert_type(pixazo.wait_for("generation", status="COMPLETED", timeout=1), Sequence[Generation])
    pixazo.wait_for("generation", method="POST")  # type: ignore[call-overload]
    pixazo.wait_for("webhook", path="/hook")  # type: ignore[call-overload]
    pixazo.wait_for("media", atempts=2)  # type: ignore[call-overload]


def transports(pixazo: Pixazo, simulator: Simulator) -> None:
    """Either library takes them, for blocking and asynchronous clients."""
    httpx2.Client(transport=pixazo.transport())
    httpx2.AsyncClient(transport=simulator.transport())
    httpx.Client(transport=simulator.transport())
    httpx.AsyncClient(transport=pixazo.transport())
    httpx.AsyncClient(transport=httpx.ASGITransport(simulator.app))
    TestClient(simulator.app)


def mistakes(pixazo: Pixazo, control: ControlClient) -> None:
    """Words that do not exist."""
    pixazo.when("genrate")  # type: ignore[call-overload]
    pixazo.when("generate", promt="A bear")  # type: ignore[call-overload]
    pixazo.when("status", duration=6)  # type: ignore[call-overload]
    pixazo.when("webhook", method="POST")  # type: ignore[call-overload]
    pixazo.when("generate").end("FAILD")  # type: ignore[arg-type]
    pixazo.when("generate").reply("429")  # type: ignore[arg-type]
    pixazo.when("generate").reply(429, retry_afer=2)  # type: ignore[call-arg]
    pixazo.when("status").fault("connection_reset")  # type: ignore[arg-type]
    pixazo.when("status").fault(Delay(second=2))  # type: ignore[call-arg]
    pixazo.when("media").fault(SlowDrip(0.5, pieces="5"))  # type: ignore[arg-type]
    _ = pixazo_simulator.Simulat, pytest_pixazo.ConectionReset  # type: ignore[attr-defined]
    When(control, "generat")  # type: ignore[arg-type]
    When(control, "generate", promt="A bear")  # type: ignore[call-arg]


def policies(pixazo: Pixazo) -> None:
    """Every field of the policy is known, and so are its words."""
    pixazo.policy(read_delay=2000, rate_limit="5/60 submits", cors=True, submit_code="200", webhook_retries=[1, 2])
    assert_type(Policy(request_id="thirteen").body_limit, int)
    assert PROFILES["observed"].submit_code == "200"
    pixazo.policy(read_dealy=2000)  # type: ignore[call-arg]
    pixazo.control.change_world(policy={"read_dealy": 2000})  # type: ignore[arg-type]
    pixazo.fresh(generations=[{"status": "FAILED", "age": 60, "error": "no bears"}])
    pixazo.fresh(generations=[{"status": "FAILD"}])  # type: ignore[typeddict-item]
    control = pixazo.control
    assert_type(control.status("id", at=pixazo.clock.now), StatusAnswer)
    control.create_world(generations=[{"age": 60}])  # type: ignore[typeddict-item]
    pixazo.policy(request_id="uuid8")  # type: ignore[arg-type]
    Policy(unknown_route="406")  # type: ignore[arg-type]
    Policy(submit_kode="200")  # type: ignore[call-arg]
