"""Who may call, how often, for how much, and how a refusal reads."""

from __future__ import annotations

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, Reply
from tests.inprocess import InProcess
from tests.simulator.spec.policy_rows.effects import NOT_FOUND, Effects, animate, balance, ended, refused

from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings

__all__ = ["ROWS"]

ROWS = Effects()

UNKNOWN_ID = "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000000"
THROTTLED = "Rate limit is exceeded. Try again in 60 seconds."

MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
INVALID = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."


CHALLENGE = (
    'AzureApiManagementKey realm="http://127.0.0.1:8900/minimax-hailuo-ai/v1/generate",'
    'name="Ocp-Apim-Subscription-Key",type="header"'
)


@ROWS.shows("missing_key", "apim", {"missing_key": "apim"}, "", {"statusCode": 401, "message": MISSING}, CHALLENGE)
@ROWS.shows("missing_key", "queue", {"missing_key": "queue"}, "", {"error": "Unauthorized", "message": MISSING}, None)
@ROWS.shows("unknown_key", "apim", {"unknown_key": "apim"}, "who", {"statusCode": 401, "message": INVALID}, CHALLENGE)
@ROWS.shows(
    "unknown_key", "queue", {"unknown_key": "queue"}, "who", {"error": "Unauthorized", "message": INVALID}, None
)
def _(_: Caller, policy: dict[str, str], key: str, members: dict[str, object], challenge: str | None) -> None:
    settings = Settings(policy=PROFILES["documented"].changed(policy))  # the server decides, as for no world
    with InProcess(settings) as send:
        reply = Caller(send, key).generate()
    refused(reply, 401, members)
    assert reply.headers.get("www-authenticate") == challenge


@ROWS.shows("query_key", "refuse", (401, 401))
@ROWS.shows("query_key", "accept", (202, 200))
def _(caller: Caller, statuses: tuple[int, int]) -> None:
    identity, query, bare = caller.accepted(), f"?subscription-key={caller.key}", {KEY_HEADER: ""}
    submit = caller.call("POST", GENERATE + query, {"prompt": "A bear"}, bare)
    read = caller.call("GET", f"/v2/requests/status/{identity}{query}", headers=bare)
    assert (submit.status, read.status) == statuses
    assert caller.call("POST", GENERATE + query, {"prompt": "A"}, {KEY_HEADER: "nobody"}).status == 401


SUSPENDED = {"error": "Forbidden", "message": "Your subscription key is suspended or not subscribed to this product."}


@ROWS.shows("forbidden", "queue")
def _(caller: Caller) -> None:
    caller.change(suspended=True)
    refused(caller.generate(), 403, SUSPENDED)
    refused(caller.read(UNKNOWN_ID), 403, SUSPENDED)


@ROWS.shows("forbidden", "apim_quota")
def _(caller: Caller) -> None:
    caller.change(suspended=True)
    expected = "Out of call volume quota. Quota will be replenished in 01:00:00."
    for reply in (caller.generate(), caller.read(UNKNOWN_ID)):
        refused(reply, 403, {"statusCode": 403, "message": expected})
        assert reply.headers["retry-after"] == "3600"


@ROWS.shows("forbidden", "html_reads")
def _(caller: Caller) -> None:
    caller.change(suspended=True)
    refused(caller.generate(), 403, SUSPENDED)
    page = caller.read(UNKNOWN_ID)
    assert (page.status, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert page.body.startswith(b"<!DOCTYPE html>")


@ROWS.shows("throttled", "apim", {"statusCode": 429, "message": THROTTLED}, "60")
@ROWS.shows("throttled", "queue", {"error": "Too Many Requests", "message": THROTTLED}, "60")
@ROWS.shows("throttled", "apim_bare", {"statusCode": 429, "message": THROTTLED}, None)
def _(caller: Caller, members: dict[str, object], retry_after: str | None) -> None:
    caller.change(policy={"rate_limit": "0/60"})
    reply = caller.generate()
    refused(reply, 429, members)
    assert reply.headers.get("retry-after") == retry_after


@ROWS.shows("rate_limit", "off")
def _(caller: Caller) -> None:
    assert {caller.generate().status for _ in range(70)} == {202}


@ROWS.shows("rate_limit", "3/60")
def _(caller: Caller) -> None:
    identity = caller.accepted()
    assert [caller.read(identity).status for _ in range(3)] == [200, 200, 429]
    assert caller.generate().headers["retry-after"] == "60"
    caller.advance(60)
    assert caller.read(identity).status == 200


@ROWS.shows("rate_limit", "1/60 submits")
def _(caller: Caller) -> None:
    identity = caller.accepted()
    assert [caller.read(identity).status for _ in range(5)] == [200] * 5
    assert caller.generate().status == 429


@ROWS.shows("concurrency", "off")
def _(caller: Caller) -> None:
    assert {caller.generate().status for _ in range(70)} == {202}


@ROWS.shows("concurrency", "2")
def _(caller: Caller) -> None:
    caller.accepted()
    caller.advance(5)
    caller.accepted("[[sim:stuck]]")
    reply = caller.generate()
    refused(reply, 429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 10 seconds."})
    assert reply.headers["retry-after"] == "10"
    caller.advance(9.999)
    assert caller.generate().headers["retry-after"] == "1"
    caller.advance(0.001)
    assert [caller.generate("[[sim:after 0]]").status for _ in range(3)] == [202] * 3


@ROWS.shows("concurrency", "1")
def _(caller: Caller) -> None:
    identity = caller.accepted("[[sim:polls 1]]")
    assert caller.generate().headers["retry-after"] == "1"  # nobody knows when it ends
    assert [caller.read(identity).status for _ in range(2)] == [200, 200]
    caller.accepted()


@ROWS.shows("unknown_route", "404")
def _(caller: Caller) -> None:
    for method, path in [("GET", GENERATE), ("DELETE", f"/v2/requests/status/{UNKNOWN_ID}"), ("GET", "/nowhere")]:
        refused(caller.call(method, path), 404, {"statusCode": 404, "message": "Resource not found"})


@ROWS.shows("unknown_route", "405")
def _(caller: Caller) -> None:
    for method, path, allow in [("GET", GENERATE, "POST"), ("DELETE", f"/v2/requests/status/{UNKNOWN_ID}", "GET")]:
        reply = caller.call(method, path)
        refused(reply, 405, {"statusCode": 405, "message": "Method not allowed"})
        assert reply.headers["allow"] == allow
    assert caller.call("GET", "/nowhere").status == 404


@ROWS.shows("status_head", "refuse", 404)
@ROWS.shows("status_head", "answer", 200)
def _(caller: Caller, status: int) -> None:
    identity = caller.accepted()
    path = f"/v2/requests/status/{identity}"
    reply = caller.call("HEAD", path)
    assert (reply.status, reply.body) == (status, b"")
    if status == 200:
        assert reply.headers["content-length"] == str(len(caller.call("GET", path).body))
    assert caller.call("HEAD", GENERATE).status == 404


@ROWS.shows("paths", "exact")
def _(caller: Caller) -> None:
    for path in (
        f"{GENERATE}/",
        GENERATE.replace("v1", "V1"),
        GENERATE.replace("/v1", "//v1"),
        GENERATE.replace("gen", "Gen"),
    ):
        assert caller.call("POST", path, {"prompt": "A bear"}).status == 404
    assert caller.call("POST", GENERATE.replace("generate", "%67enerate"), {"prompt": "A bear"}).status == 202


@ROWS.shows("rate_window", "fixed")
def _(caller: Caller) -> None:
    caller.change(policy={"rate_limit": "2/60"})
    assert [caller.generate().status for _ in range(4)] == [202, 202, 429, 429]
    caller.advance(60)
    assert [caller.generate().status for _ in range(3)] == [202, 202, 429]


@ROWS.shows("charge", "at_submit")
def _(caller: Caller) -> None:
    for prompt in ("A bear", "[[sim:failed x]]"):
        before = float(balance(caller))
        reply = caller.generate(prompt)
        assert float(balance(caller)) == pytest.approx(before - 0.35)
        ended(caller, reply)
        assert float(balance(caller)) == pytest.approx(before - 0.35)


FOREIGN = {"error": "Forbidden", "message": "This request belongs to another account."}


@ROWS.shows("unknown_id", "404", 404, NOT_FOUND)
@ROWS.shows("unknown_id", "403_foreign", 403, FOREIGN)
def _(caller: Caller, status: int, members: dict[str, object]) -> None:
    for identity in (UNKNOWN_ID, "nonsense"):
        refused(caller.read(identity), 404, NOT_FOUND)
    foreign = caller.call("POST", GENERATE, {"prompt": "A bear"}, {KEY_HEADER: "sim-key"}).json()["request_id"]
    refused(caller.read(foreign), status, members)


@ROWS.shows("unknown_model", "400")
def _(caller: Caller) -> None:
    for rest in ("v1/generate", "v1/extend", "generate", "v1/text-to-video/generate/"):
        path = f"/kling-ai/{rest}"
        reply = caller.call("POST", path, {"prompt": "A bear"})
        refused(reply, 400, {"error": "Model not found", "message": "Model 'kling-ai' not found or is disabled"})
        for key in ("", "nobody"):
            reply = caller.call("POST", path, {"prompt": "A bear"}, {KEY_HEADER: key})
            refused(reply, 404, {"statusCode": 404, "message": "Resource not found"})
    caller.change(model_enabled=False)
    expected = "Model 'minimax-hailuo-ai' not found or is disabled"
    refused(caller.generate(), 400, {"error": "Model not found", "message": expected})


@ROWS.shows("insufficient_balance", "printed", "Your wallet does not have enough balance.")
@ROWS.shows("insufficient_balance", "required", "Your wallet does not have enough balance. Required: $0.35")
def _(caller: Caller, message: str) -> None:
    caller.change(balance="0.34")
    refused(caller.generate(), 402, {"error": "Insufficient Balance", "message": message})


@ROWS.shows("check_order", "key,suspended,rate,json,model,parameters,funds", 429)
@ROWS.shows("check_order", "json,parameters,model,key,suspended,rate,funds", 400)
@ROWS.shows("check_order", "key,json,funds,parameters,model,rate,suspended", 402)
def _(caller: Caller, status: int) -> None:
    caller.change(balance="0", policy={"rate_limit": "0/60"})
    assert caller.generate("").status == status


@ROWS.shows("price", "6=0.35,10=0.60,*=0.60")
def _(caller: Caller) -> None:
    caller.accepted()
    caller.accepted(resolution="1080P")
    caller.accepted(duration=10)
    assert animate(caller, duration=10).status == 202
    assert balance(caller) == "98.10"


@ROWS.shows("price", "imageToVideo/6/1080P=1.5,generate/*=2,*=3")
def _(caller: Caller) -> None:
    assert animate(caller, resolution="1080P").status == 202
    caller.accepted(resolution="1080P")
    assert animate(caller).status == 202
    assert balance(caller) == "93.50"


@ROWS.shows("refunds", "error", "99.30")
@ROWS.shows("refunds", "error_failed", "99.65")
def _(caller: Caller, left: str) -> None:
    for prompt in ("A bear", "[[sim:failed x]]", "[[sim:error x]]"):
        ended(caller, caller.generate(prompt))
    assert balance(caller) == left


def _from_a_page(value: str) -> tuple[Reply, Reply]:
    """A preflight and a submit from a page of another origin, to a server with this policy."""
    origin = {"Origin": "https://app.test"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": KEY_HEADER.lower()}
    with InProcess(Settings(policy=PROFILES["documented"].changed({"cors": value}))) as send:
        caller = Caller(send, "sim-key")
        preflight = send("OPTIONS", GENERATE, origin | asked, b"")
        return preflight, caller.call("POST", GENERATE, {"prompt": "A bear"}, origin)


@ROWS.shows("cors", "off")
def _(_: Caller) -> None:
    preflight, submit = _from_a_page("off")
    assert (preflight.status, submit.status) == (404, 202)
    assert not [name for name in (*preflight.headers, *submit.headers) if name.startswith("access-control-")]


@ROWS.shows("cors", "on")
def _(_: Caller) -> None:
    preflight, submit = _from_a_page("on")
    assert (preflight.status, submit.status) == (200, 202)
    assert submit.headers["access-control-allow-origin"] == "*"
    assert KEY_HEADER.lower() in preflight.headers["access-control-allow-headers"]
