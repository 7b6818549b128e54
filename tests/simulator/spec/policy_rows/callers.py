"""Who may call, how often, for how much, and how a refusal reads."""

from __future__ import annotations

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


def _unknown_caller(field: str, value: str, key: str) -> Reply:
    """The response to a caller without a world, by a server with this policy."""
    with InProcess(Settings(policy=PROFILES["documented"].changed({field: value}))) as send:
        return Caller(send, key).generate()


@ROWS.shows("missing_key", "apim")
def _(_: Caller) -> None:
    reply = _unknown_caller("missing_key", "apim", "")
    refused(reply, 401, {"statusCode": 401, "message": MISSING})
    assert reply.headers["www-authenticate"] == (
        'AzureApiManagementKey realm="http://127.0.0.1:8900/minimax-hailuo-ai/v1/generate",'
        'name="Ocp-Apim-Subscription-Key",type="header"'
    )


@ROWS.shows("missing_key", "queue")
def _(_: Caller) -> None:
    reply = _unknown_caller("missing_key", "queue", "")
    refused(reply, 401, {"error": "Unauthorized", "message": MISSING})
    assert "www-authenticate" not in reply.headers


@ROWS.shows("unknown_key", "apim")
def _(_: Caller) -> None:
    reply = _unknown_caller("unknown_key", "apim", "nobody")
    refused(reply, 401, {"statusCode": 401, "message": INVALID})
    assert reply.headers["www-authenticate"].startswith("AzureApiManagementKey realm=")


@ROWS.shows("unknown_key", "queue")
def _(_: Caller) -> None:
    reply = _unknown_caller("unknown_key", "queue", "nobody")
    refused(reply, 401, {"error": "Unauthorized", "message": INVALID})
    assert "www-authenticate" not in reply.headers


def _by_query(caller: Caller) -> tuple[int, int]:
    """How a submit and a read are answered whose key stands in the query alone."""
    identity, query, bare = caller.accepted(), f"?subscription-key={caller.key}", {KEY_HEADER: ""}
    submit = caller.call("POST", GENERATE + query, {"prompt": "A bear"}, bare)
    return submit.status, caller.call("GET", f"/v2/requests/status/{identity}{query}", headers=bare).status


@ROWS.shows("query_key", "refuse")
def _(caller: Caller) -> None:
    assert _by_query(caller) == (401, 401)


@ROWS.shows("query_key", "accept")
def _(caller: Caller) -> None:
    assert _by_query(caller) == (202, 200)
    wrong = caller.call("POST", f"{GENERATE}?subscription-key={caller.key}", {"prompt": "A"}, {KEY_HEADER: "nobody"})
    assert wrong.status == 401


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


def _throttle(caller: Caller) -> Reply:
    caller.change(policy={"rate_limit": "0/60"})
    return caller.generate()


@ROWS.shows("throttled", "apim")
def _(caller: Caller) -> None:
    reply = _throttle(caller)
    refused(reply, 429, {"statusCode": 429, "message": THROTTLED})
    assert reply.headers["retry-after"] == "60"


@ROWS.shows("throttled", "queue")
def _(caller: Caller) -> None:
    reply = _throttle(caller)
    refused(reply, 429, {"error": "Too Many Requests", "message": THROTTLED})
    assert reply.headers["retry-after"] == "60"


@ROWS.shows("throttled", "apim_bare")
def _(caller: Caller) -> None:
    reply = _throttle(caller)
    refused(reply, 429, {"statusCode": 429, "message": THROTTLED})
    assert "retry-after" not in reply.headers


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


def _foreign_id(caller: Caller) -> str:
    """The id of another caller's generation on the same server."""
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, {KEY_HEADER: "sim-key"})
    identity: str = reply.json()["request_id"]
    return identity


@ROWS.shows("unknown_id", "404")
def _(caller: Caller) -> None:
    for identity in (UNKNOWN_ID, "nonsense", _foreign_id(caller)):
        refused(caller.read(identity), 404, NOT_FOUND)


@ROWS.shows("unknown_id", "403_foreign")
def _(caller: Caller) -> None:
    for identity in (UNKNOWN_ID, "nonsense"):
        refused(caller.read(identity), 404, NOT_FOUND)
    expected = "This request belongs to another account."
    refused(caller.read(_foreign_id(caller)), 403, {"error": "Forbidden", "message": expected})


@ROWS.shows("unknown_model", "400")
def _(caller: Caller) -> None:
    reply = caller.call("POST", "/kling-ai/v1/generate", {"prompt": "A bear"})
    refused(reply, 400, {"error": "Model not found", "message": "Model 'kling-ai' not found or is disabled"})
    caller.change(model_enabled=False)
    expected = "Model 'minimax-hailuo-ai' not found or is disabled"
    refused(caller.generate(), 400, {"error": "Model not found", "message": expected})


@ROWS.shows("insufficient_balance", "printed")
def _(caller: Caller) -> None:
    caller.change(balance="0")
    expected = "Your wallet does not have enough balance."
    refused(caller.generate(), 402, {"error": "Insufficient Balance", "message": expected})


@ROWS.shows("insufficient_balance", "required")
def _(caller: Caller) -> None:
    caller.change(balance="0.34")
    expected = "Your wallet does not have enough balance. Required: $0.35"
    refused(caller.generate(), 402, {"error": "Insufficient Balance", "message": expected})


def _wrong_in_every_way(caller: Caller) -> int:
    """How a submit is answered that has no money, bad parameters and too high a rate."""
    caller.change(balance="0", policy={"rate_limit": "0/60"})
    return caller.generate("").status


@ROWS.shows("check_order", "key,suspended,rate,json,model,parameters,funds")
def _(caller: Caller) -> None:
    assert _wrong_in_every_way(caller) == 429


@ROWS.shows("check_order", "json,parameters,model,key,suspended,rate,funds")
def _(caller: Caller) -> None:
    assert _wrong_in_every_way(caller) == 400


@ROWS.shows("check_order", "key,json,funds,parameters,model,rate,suspended")
def _(caller: Caller) -> None:
    assert _wrong_in_every_way(caller) == 402


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


@ROWS.shows("refunds", "error")
def _(caller: Caller) -> None:
    for prompt in ("A bear", "[[sim:failed x]]", "[[sim:error x]]"):
        ended(caller, caller.generate(prompt))
    assert balance(caller) == "99.30"


@ROWS.shows("refunds", "error_failed")
def _(caller: Caller) -> None:
    for prompt in ("A bear", "[[sim:failed x]]", "[[sim:error x]]"):
        ended(caller, caller.generate(prompt))
    assert balance(caller) == "99.65"


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
