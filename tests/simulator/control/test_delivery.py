"""One webhook with what was posted, and when it is attempted next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.caller import Caller, over_http
from tests.receiver import Receiver, http_response
from tests.standard_webhooks import is_signed

from pixazo_simulator import ControlClient, ControlError, DeliveryDetail, Simulator


@pytest.fixture
def control(simulator: Simulator) -> Iterator[ControlClient]:
    """Of a world of its own that signs its webhooks, and attempts each of them twice."""
    own = simulator.control().create_world(policy={"webhook_signature": "standard", "webhook_retries": [10]})
    yield own
    own.delete_world()


def submitted(control: ControlClient, receiver: Receiver | None = None, prompt: str = "A bear") -> DeliveryDetail:
    """The webhook of a submission that is accepted now."""
    caller = Caller(over_http(control.url), control.api_key or "")
    caller.accepted(prompt, webhook=receiver.url if receiver else "http://127.0.0.1:9/hook")
    return control.delivery(control.deliveries().deliveries[-1].number)


SIGNING = ["bad_signature", "stale_signature"]


@pytest.mark.parametrize(
    "fault", ["none", "tampered_body", *SIGNING, "garbled_body", "wrong_content_type", "duplicate"]
)
def test_what_was_posted_is_shown(control: ControlClient, receiver: Receiver, fault: str) -> None:
    """Byte for byte, whatever a fault did to it and whatever has changed since."""
    if fault != "none":
        control.add_rule({"when": "webhook", "faults": [{"fault": fault}], "times": 1})
    submitted(control, receiver)
    control.advance(15)
    control.change_world(policy={"timestamps": "mixed"})
    control.rotate_webhook_secret()
    for number, arrived in enumerate(receiver.received, 1):
        shown = control.delivery(number)
        assert (shown.exact, shown.method, shown.text) == (True, "POST", arrived.body.decode(errors="replace"))
        assert shown.headers
        assert set(shown.headers) == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
        assert shown.headers.items() <= arrived.headers.items()
        assert shown.next_attempt_at is None
    assert len(receiver.received) == 1 + (fault == "duplicate")


def test_what_will_be_posted_is_computed(control: ControlClient, receiver: Receiver) -> None:
    """It is what arrives, if nothing changes; but for the signature, which is that of the present instant."""
    foretold = submitted(control, receiver)
    assert (foretold.exact, foretold.attempts, foretold.next_attempt_at) == (False, (), foretold.due_at)
    assert foretold.body["status"] == "COMPLETED"
    assert is_signed((foretold.text or "").encode(), foretold.headers or {}, control.world().webhook_secret or "")
    control.advance(15)
    shown = control.delivery(foretold.number)
    assert (shown.text, shown.body, shown.url) == (foretold.text, foretold.body, foretold.url)
    assert (foretold.headers or {})["webhook-timestamp"] == "1774951200"
    assert (shown.headers or {})["webhook-timestamp"] == "1774951215"


def test_elsewhere_it_is_computed_for_the_instant_of_the_latest_attempt(control: ControlClient) -> None:
    """In a world that was exported it is the same, but nobody can say so."""
    with Receiver(http_response(500)) as receiver:
        number = submitted(control, receiver).number
        control.advance(40)
        posted = control.delivery(number)
        assert (posted.headers or {}).items() <= receiver.received[-1].headers.items()
    with Simulator() as other:
        copy = other.control().create_world(name="copy", log=control.export_world(), key=control.api_key)
        computed = copy.delivery(number)
    assert (posted.exact, computed.exact) == (True, False)
    assert (computed.text, computed.attempts) == (posted.text, posted.attempts)
    assert (computed.headers or {})["webhook-timestamp"] == (posted.headers or {})["webhook-timestamp"] == "1774951225"


def test_an_attempt_that_posted_nothing_does_not_show_the_one_before(control: ControlClient) -> None:
    """What a script has dropped was not posted."""
    control.add_rule({"when": "webhook", "match": {"attempt": 2}, "faults": [{"fault": "drop"}]})
    with Receiver(http_response(500)) as receiver:
        number = submitted(control, receiver).number
        exact = [control.delivery(number).exact for seconds in (15, 10) if control.advance(seconds)]
    assert exact == [True, False]


def test_only_the_latest_webhooks_are_remembered(
    control: ControlClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the others it is computed."""
    monkeypatch.setattr("pixazo_simulator.webhooks.dispatcher.MOST_POSTED", 2)
    for _ in range(3):
        submitted(control, receiver)
    control.advance(15)
    assert [control.delivery(number).exact for number in (1, 2, 3)] == [False, True, True]


def test_an_end_that_nobody_knows_is_not_made_up(control: ControlClient) -> None:
    """Its webhook has no body yet, and no instant."""
    stuck = submitted(control, prompt="A bear [[sim:stuck]]")
    assert (stuck.headers, stuck.text, stuck.body, stuck.next_attempt_at) == (None, None, None, None)


def test_when_the_next_attempt_is_due_is_told(control: ControlClient) -> None:
    """In the list and by itself, until no attempt is left."""
    with Receiver(http_response(500)) as receiver:
        number = submitted(control, receiver).number
        for instant in (15, 25, None):
            (listed,) = control.deliveries().deliveries
            assert control.delivery(number).next_attempt_at == listed.next_attempt_at
            begun = control.generations().generations[0].accepted_at
            assert listed.next_attempt_at == (None if instant is None else begun + timedelta(seconds=instant))
            control.advance(until="next")
            control.advance(until="next")


def test_a_webhook_that_there_is_not_is_refused(control: ControlClient) -> None:
    with pytest.raises(ControlError, match="no delivery has the number 9: GET /_sim/deliveries lists them") as caught:
        control.delivery(9)
    assert caught.value.status == 404
