"""A test waits for what an app does elsewhere, and the error shows what it did instead."""

from __future__ import annotations

import threading
from typing import get_type_hints

import pytest
from tests.patience import PATIENCE

from pixazo_client import PixazoClient
from pixazo_simulator.control.schema.requests import (
    Condition,
    DeliveryCondition,
    ExchangeCondition,
    GenerationCondition,
)
from pytest_pixazo import Pixazo, contains
from pytest_pixazo.world.pixazo import DeliveryConditions, ExchangeConditions, GenerationConditions


def test_wait_for_an_app_in_another_thread(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """What was waited for is returned as soon as it is there, typed as the journal's."""
    app = threading.Thread(target=lambda: pixazo_client.generate("A bear").wait())
    app.start()
    (submit,) = pixazo.wait_for("submit", operation="generate")
    polls = pixazo.wait_for("status", count=2, path=contains(str(submit.request_id)))
    (done,) = pixazo.wait_for("generation", status="COMPLETED")
    app.join(PATIENCE)
    assert submit.request.body == {"prompt": "A bear"}
    assert len(polls) >= 2
    assert done.request_id == submit.response.body["request_id"]


def test_wait_for_a_callback(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """A callback is there when it was attempted."""
    pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/hook")
    pixazo.clock.advance(20)
    (delivery,) = pixazo.wait_for("webhook", delivered=False)
    assert delivery.url == "http://127.0.0.1:9/hook"


def test_a_wait_that_runs_out_says_what_is_there(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The error tells what was wanted, what came nearest, and all that is there."""
    handle = pixazo_client.generate("A bear")
    handle.status()
    with pytest.raises(TimeoutError) as caught:
        pixazo.wait_for("status", count=2, timeout=0.01)
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("waited 0.01 s for 2 x status; 1 came; ")
    assert rest[-1].split() == ["2", "10:00:00.000", "GET", f"/v2/requests/status/{handle.request_id}", "200", "status"]
    with pytest.raises(TimeoutError) as caught:
        pixazo.wait_for("generation", status="FAILED", timeout=0)
    assert str(caught.value).splitlines()[-1].split() == ["10:00:00.000", handle.request_id, "QUEUED"]
    assert "status equals 'FAILED'" in str(caught.value)


def test_what_cannot_be_waited_for(pixazo: Pixazo) -> None:
    """A word or condition that is not known is refused with the nearest one."""
    with pytest.raises(ValueError, match=r"^wait_for 'polls' is not one of generate, .*, generation$"):
        pixazo.wait_for("polls")  # type: ignore[call-overload]  # what a type checker would refuse
    with pytest.raises(Exception, match=r"\(did you mean status\?\)"):
        pixazo.wait_for("status", statu=200)  # type: ignore[call-overload]  # as above


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (ExchangeConditions, ExchangeCondition),
        (DeliveryConditions, DeliveryCondition),
        (GenerationConditions, GenerationCondition),
    ],
)
def test_the_conditions_of_a_wait_are_those_of_the_control_api(written: type, read: type[Condition]) -> None:
    """Type checkers know every condition that `/_sim/wait` takes, and no other."""
    assert [*get_type_hints(written)] == [name for name in read.__struct_fields__ if name != "count"]


def test_a_wait_that_runs_out_says_how_far_to_advance(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """A callback that will come only with time is listed with its time."""
    pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/hook")
    with pytest.raises(TimeoutError, match=r"the next webhook is due at \+15 s: pixazo\.clock\.advance\(15\) or "):
        pixazo.wait_for("webhook", delivered=True, timeout=0)
