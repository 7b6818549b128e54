"""Where callbacks go, when, and what they carry."""

from __future__ import annotations

import json

from tests.caller import GENERATE, Caller
from tests.receiver import Behaviour, Receiver, http_response
from tests.simulator.spec.policy_rows.effects import Effects, completed, refused

__all__ = ["ROWS"]

ROWS = Effects()


def _reports(caller: Caller, mode: str) -> list[str]:
    """The statuses posted about a generation of 2 + 38 s."""
    caller.change(policy={"job_times": "2+38"})
    with Receiver() as listener:
        headers = {"X-Webhook-URL": listener.url, "X-Webhook-Mode": mode}
        caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
        caller.advance(60)
        return [json.loads(callback.body)["status"] for callback in listener.received]


@ROWS.shows("webhook_events", "terminal")
def _(caller: Caller) -> None:
    assert _reports(caller, "sync") == ["COMPLETED"]


@ROWS.shows("webhook_events", "header")
def _(caller: Caller) -> None:
    assert _reports(caller, "sync") == ["PROCESSING", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert _reports(caller, "terminal") == ["COMPLETED"]


@ROWS.shows("webhook_payload", "status_answer")
def _(caller: Caller) -> None:
    for prompt in ("A bear", "[[sim:failed x]]", "[[sim:error x]]"):
        with Receiver() as listener:
            identity = caller.accepted(prompt, webhook=listener.url)
            caller.advance(15)
            (callback,) = listener.received
        assert callback.body == caller.read(identity).body


def _attempts(caller: Caller) -> list[str]:
    """When a receiver that always answers 500 is called."""
    with Receiver(http_response(500)) as listener:
        caller.accepted(webhook=listener.url)
        events = caller.advance(100_000)["events"]
        attempts = [event for event in events if event["kind"] == "webhook"]
        assert len(listener.received) == len(attempts)
        assert {attempt["problem"] for attempt in attempts} == {"answered 500"}
        return [attempt["at"][11:19] for attempt in attempts]


@ROWS.shows("webhook_retries", "5,300,1800")
def _(caller: Caller) -> None:
    assert _attempts(caller) == ["10:00:15", "10:00:20", "10:05:20", "10:35:20"]


@ROWS.shows("webhook_retries", "none")
def _(caller: Caller) -> None:
    assert _attempts(caller) == ["10:00:15"]


@ROWS.shows("webhook_retries", "5,300,1800,7200,18000,36000,36000")
def _(caller: Caller) -> None:
    assert _attempts(caller) == [
        "10:00:15", "10:00:20", "10:05:20", "10:35:20", "12:35:20", "17:35:20", "03:35:20", "13:35:20",
    ]  # fmt: skip


def _signature(caller: Caller) -> list[str]:
    with Receiver() as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
        return sorted(name for name in listener.received[0].headers if name.startswith("webhook-"))


@ROWS.shows("webhook_signature", "none")
def _(caller: Caller) -> None:
    assert _signature(caller) == []


@ROWS.shows("webhook_signature", "standard")
def _(caller: Caller) -> None:
    assert _signature(caller) == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert caller.sim("world")["webhook_secret"].startswith("whsec_")


def _redirected(caller: Caller) -> tuple[int, bool]:
    """How many requests a receiver sees that redirects the first, and whether the callback counts as delivered."""
    with Receiver(http_response(307, location="/elsewhere"), http_response(204)) as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
        return len(listener.received), caller.sim("deliveries")["deliveries"][0]["delivered"]


@ROWS.shows("webhook_redirects", "refuse")
def _(caller: Caller) -> None:
    assert _redirected(caller) == (1, False)


@ROWS.shows("webhook_redirects", "follow")
def _(caller: Caller) -> None:
    assert _redirected(caller) == (2, True)


@ROWS.shows("callback_url", "post")
def _(caller: Caller) -> None:
    with Receiver() as listener:
        identity = caller.accepted(callback_url=listener.url)
        caller.advance(15)
        (callback,) = listener.received
    assert callback.body == caller.read(identity).body


@ROWS.shows("callback_url", "ignore")
def _(caller: Caller) -> None:
    with Receiver() as listener:
        completed(caller, caller.generate(callback_url=listener.url))
        assert listener.received == []


@ROWS.shows("callback_url", "challenge")
def _(caller: Caller) -> None:
    with Receiver(http_response(200, b'{"challenge":"wrong"}')) as deaf, Receiver(Behaviour.ECHOING) as listener:
        caller.accepted(callback_url=deaf.url)
        identity = caller.accepted(callback_url=listener.url)
        caller.advance(15)
        assert len(deaf.received) == 1
        challenge, report = (json.loads(callback.body) for callback in listener.received)
    assert list(challenge) == ["challenge"]
    expected = {"status_code": 0, "status_msg": "success"}
    assert report == {"task_id": identity, "status": "success", "base_resp": expected}


def _channels(caller: Caller) -> list[str]:
    """The paths called when header and member are both given."""
    with Receiver() as listener:
        caller.accepted(webhook=f"{listener.url}/header", callback_url=f"{listener.url}/member")
        caller.advance(15)
        return [callback.line.split()[1] for callback in listener.received]


@ROWS.shows("both_channels", "each")
def _(caller: Caller) -> None:
    assert _channels(caller) == ["/hook/header", "/hook/member"]


@ROWS.shows("both_channels", "header")
def _(caller: Caller) -> None:
    assert _channels(caller) == ["/hook/header"]


@ROWS.shows("both_channels", "member")
def _(caller: Caller) -> None:
    assert _channels(caller) == ["/hook/member"]


@ROWS.shows("bad_webhook_url", "refuse")
def _(caller: Caller) -> None:
    expected = "X-Webhook-URL must be an absolute http or https URL."
    refused(caller.generate(webhook="ftp://a.test/"), 400, {"error": "Invalid request", "message": expected})


@ROWS.shows("bad_webhook_url", "ignore")
def _(caller: Caller) -> None:
    completed(caller, caller.generate(webhook="ftp://a.test/"))
    assert caller.sim("deliveries")["deliveries"] == []


@ROWS.shows("http_webhook_url", "accept")
def _(caller: Caller) -> None:
    assert caller.generate(webhook="http://127.0.0.1:9/").status == 202


@ROWS.shows("http_webhook_url", "refuse")
def _(caller: Caller) -> None:
    expected = "X-Webhook-URL must be an https URL."
    refused(caller.generate(webhook="http://127.0.0.1:9/"), 400, {"error": "Invalid request", "message": expected})
    assert caller.generate(webhook="https://127.0.0.1:9/").status == 202


def _blocked(caller: Caller) -> bool:
    """Whether a callback to 0.0.0.0, which is no loopback address, is held back."""
    with Receiver() as listener:
        caller.accepted(webhook=f"http://0.0.0.0:{listener.port}/")
        caller.advance(15)
        return listener.received == []


@ROWS.shows("webhook_allow", "none")
def _(caller: Caller) -> None:
    assert _blocked(caller)


@ROWS.shows("webhook_allow", "0.0.0.0")
def _(caller: Caller) -> None:
    assert not _blocked(caller)
