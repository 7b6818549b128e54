"""Where callbacks go, when, and what they carry."""

from __future__ import annotations

import json

from tests.caller import GENERATE, Caller
from tests.receiver import Behaviour, Receiver, http_response
from tests.simulator.spec.policy_rows.effects import Effects, completed, invalid

__all__ = ["ROWS"]

ROWS = Effects()


@ROWS.shows("webhook_events", "terminal", [])
@ROWS.shows("webhook_events", "header", ["PROCESSING", "PROCESSING", "PROCESSING"])
def _(caller: Caller, on_the_way: list[str]) -> None:
    caller.change(policy={"job_times": "2+38"})
    for mode, reports in (("sync", [*on_the_way, "COMPLETED"]), ("terminal", ["COMPLETED"])):
        with Receiver() as listener:
            headers = {"X-Webhook-URL": listener.url, "X-Webhook-Mode": mode}
            caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
            caller.advance(60)
        assert [json.loads(callback.body)["status"] for callback in listener.received] == reports


@ROWS.shows("webhook_payload", "status_answer")
def _(caller: Caller) -> None:
    for prompt in ("A bear", "[[sim:failed x]]", "[[sim:error x]]"):
        with Receiver() as listener:
            identity = caller.accepted(prompt, webhook=listener.url)
            caller.advance(15)
            (callback,) = listener.received
        assert callback.body == caller.read(identity).body


RETRIES = ["10:00:15", "10:00:20", "10:05:20", "10:35:20", "12:35:20", "17:35:20", "03:35:20", "13:35:20"]


@ROWS.shows("webhook_retries", "5,300,1800", RETRIES[:4])
@ROWS.shows("webhook_retries", "none", RETRIES[:1])
@ROWS.shows("webhook_retries", "5,300,1800,7200,18000,36000,36000", RETRIES)
def _(caller: Caller, times: list[str]) -> None:
    with Receiver(http_response(500)) as listener:
        caller.accepted(webhook=listener.url)
        events = caller.advance(100_000)["events"]
        attempts = [event for event in events if event["kind"] == "webhook"]
        assert len(listener.received) == len(attempts)
        assert {attempt["problem"] for attempt in attempts} == {"answered 500"}
        assert [attempt["at"][11:19] for attempt in attempts] == times


@ROWS.shows("webhook_signature", "none", [], "")
@ROWS.shows("webhook_signature", "standard", ["webhook-id", "webhook-signature", "webhook-timestamp"], "whsec_")
def _(caller: Caller, names: list[str], secret: str) -> None:
    with Receiver() as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
    assert sorted(name for name in listener.received[0].headers if name.startswith("webhook-")) == names
    assert (caller.sim("world")["webhook_secret"] or "").startswith(secret)


@ROWS.shows("webhook_redirects", "refuse", 1, False)
@ROWS.shows("webhook_redirects", "follow", 2, True)
def _(caller: Caller, requests: int, delivered: bool) -> None:
    with Receiver(http_response(307, location="/elsewhere"), http_response(204)) as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
    assert len(listener.received) == requests
    assert caller.sim("deliveries")["deliveries"][0]["delivered"] is delivered


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


@ROWS.shows("callback_events", "end", {"post": ["COMPLETED"], "challenge": [None, "success"]})
@ROWS.shows(
    "callback_events", "updates", {"post": ["PROCESSING", "COMPLETED"], "challenge": [None, "processing", "success"]}
)  # fmt: skip
def _(caller: Caller, reports: dict[str, list[str]]) -> None:
    caller.change(policy={"job_times": "2+38"})
    for form, words in reports.items():
        caller.change(policy={"callback_url": form})
        with Receiver(Behaviour.ECHOING) as listener:
            caller.accepted(callback_url=listener.url)
            caller.advance(60)
        assert [json.loads(callback.body).get("status") for callback in listener.received] == words


@ROWS.shows("empty_callback_url", "ignore", 202)
@ROWS.shows("empty_callback_url", "refuse", 400)
def _(caller: Caller, status: int) -> None:
    assert caller.generate(callback_url="").status == status
    assert caller.call("POST", GENERATE, {"prompt": "A bear"}, {"X-Webhook-URL": ""}).status == 400


@ROWS.shows("webhook_timeout", "15", True)
@ROWS.shows("webhook_timeout", "0", False)
def _(caller: Caller, delivered: bool) -> None:
    with Receiver() as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
    assert caller.sim("deliveries")["deliveries"][0]["delivered"] is delivered


@ROWS.shows("webhook_request", "plain")
def _(caller: Caller) -> None:
    with Receiver() as listener:
        caller.accepted(webhook=listener.url)
        caller.advance(15)
    (callback,) = listener.received
    sent = {name: callback.headers[name] for name in ("content-type", "user-agent", "connection")}
    assert sent == {"content-type": "application/json", "user-agent": "pixazo-sim", "connection": "close"}
    assert (callback.line.split()[0], caller.key in str(callback)) == ("POST", False)


@ROWS.shows("both_channels", "each", ["/hook/header", "/hook/member"])
@ROWS.shows("both_channels", "header", ["/hook/header"])
@ROWS.shows("both_channels", "member", ["/hook/member"])
def _(caller: Caller, paths: list[str]) -> None:
    with Receiver() as listener:
        caller.accepted(webhook=f"{listener.url}/header", callback_url=f"{listener.url}/member")
        caller.advance(15)
    assert [callback.path for callback in listener.received] == paths


@ROWS.shows("bad_webhook_url", "refuse")
def _(caller: Caller) -> None:
    message = 'X-Webhook-URL must be an absolute http or https URL: its scheme is "ftp".'
    invalid(caller.generate(webhook="ftp://a.test/"), message)


@ROWS.shows("bad_webhook_url", "ignore")
def _(caller: Caller) -> None:
    completed(caller, caller.generate(webhook="ftp://a.test/"))
    assert caller.sim("deliveries")["deliveries"] == []


@ROWS.shows("http_webhook_url", "accept")
def _(caller: Caller) -> None:
    assert caller.generate(webhook="http://127.0.0.1:9/").status == 202


@ROWS.shows("http_webhook_url", "refuse")
def _(caller: Caller) -> None:
    invalid(caller.generate(webhook="http://127.0.0.1:9/"), "X-Webhook-URL must be an https URL.")
    assert caller.generate(webhook="https://127.0.0.1:9/").status == 202


@ROWS.shows("webhook_allow", "none", 0)
@ROWS.shows("webhook_allow", "0.0.0.0", 1)
def _(caller: Caller, count: int) -> None:
    with Receiver() as listener:
        caller.accepted(webhook=f"http://0.0.0.0:{listener.port}/")  # which is no loopback address
        caller.advance(15)
    assert len(listener.received) == count
