"""What a caller probably meant, reported where no test of a body would look for it: in the journal and the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller
from tests.inprocess import InProcess
from tests.simulator.samples import KEY

from pixazo_simulator import PROFILES, Settings
from pixazo_simulator.gateway.exchange import Request
from pixazo_simulator.gateway.gateway import hint
from pixazo_simulator.spec.errors import (
    InsufficientFunds,
    InvalidKey,
    MissingKey,
    Refusal,
    UnknownRequest,
    UnknownRoute,
)

KNOWN = (
    "known are POST /minimax-hailuo-ai/v1/generate, POST /minimax-hailuo-ai/v1/imageToVideo, "
    "GET /v2/requests/status/{request_id}, GET /v1/{request_id}/output.mp4"
)
ROUTES = tuple(KNOWN.removeprefix("known are ").split(", "))
REQUEST_ID = "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000ffff"


def told(
    refusal: Refusal, method: str = "POST", path: str = GENERATE, headers: Sequence[tuple[bytes, bytes]] = ()
) -> str | None:
    """The hint for a request that is refused."""
    return hint(refusal, Request(method, path, b"", headers), path, None, ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("POST", "/minimax-hailuo-ai/v1/genrate", "POST /minimax-hailuo-ai/v1/generate"),
        ("POST", "/minimax-hailuo-ai/v1/generate/", "POST /minimax-hailuo-ai/v1/generate"),
        ("POST", "/minimax-hailuo/v1/generate", "POST /minimax-hailuo-ai/v1/generate"),
        ("POST", "/minimax-hailuo-ai/v1/image-to-video", "POST /minimax-hailuo-ai/v1/imageToVideo"),
        ("GET", "/minimax-hailuo-ai/v1/generate", "POST /minimax-hailuo-ai/v1/generate"),
        ("DELETE", "/minimax-hailuo-ai/v1/imageToVideo", "POST /minimax-hailuo-ai/v1/imageToVideo"),
        ("GET", f"/v1/requests/status/{REQUEST_ID}", "GET /v2/requests/status/{request_id}"),
        ("POST", f"/v2/requests/status/{REQUEST_ID}", "GET /v2/requests/status/{request_id}"),
        ("GET", f"/v2/request/status/{REQUEST_ID}", "GET /v2/requests/status/{request_id}"),
        ("GET", f"/v1/{REQUEST_ID}/output.mov", "GET /v1/{request_id}/output.mp4"),
    ],
)
def test_the_nearest_route_is_named(method: str, path: str, meant: str) -> None:
    assert told(UnknownRoute(), method, path) == f"no route is {method} {path} (did you mean {meant}?): {KNOWN}"


def test_the_hint_for_a_path_like_none_lists_all_routes() -> None:
    """Only the beginning of a long path is repeated."""
    assert told(UnknownRoute(), "GET", "/" + "x" * 500) == f"no route is GET /{'x' * 119}: {KNOWN}"


@pytest.mark.parametrize(
    ("headers", "instead"),
    [
        ([], ""),
        ([(b"authorization", b"Bearer x")], ", not in authorization"),
        ([(b"x-api-key", b"x")], ", not in x-api-key"),
    ],
)
def test_the_hint_for_a_missing_key_names_the_right_header(headers: list[tuple[bytes, bytes]], instead: str) -> None:
    """It also names the place where the key was put instead."""
    expected = f"the key is missing: send it in the header Ocp-Apim-Subscription-Key{instead}"
    assert told(MissingKey(), headers=headers) == expected


@pytest.mark.parametrize("refusal", [InsufficientFunds(1), UnknownRequest("x")])
def test_normal_responses_have_no_hint(refusal: Refusal) -> None:
    """They are what a gateway sends."""
    assert told(refusal) is None


def test_a_hint_is_in_the_journal_and_the_log(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """The response itself stays as documented."""
    caplog.set_level(logging.INFO, "pixazo_simulator")
    reply = caller.call("POST", "/minimax-hailuo-ai/v1/genrate", {"prompt": "A bear"})
    assert (reply.status, reply.json()) == (404, {"statusCode": 404, "message": "Resource not found"})
    (exchange,) = caller.sim("journal")["exchanges"]
    assert exchange["expected"] is False
    assert exchange["hint"].startswith(
        "no route is POST /minimax-hailuo-ai/v1/genrate (did you mean POST /minimax-hailuo-ai/v1/generate?)"
    )
    assert caplog.messages[0].endswith(f'"message":"Resource not found"}}; {exchange["hint"]}')


@pytest.mark.parametrize("path", ["/minimax-hailuo/v1/generate", "/minimax-hailuo-ai2/v1/imageToVideo"])
def test_another_model_is_a_normal_answer(caller: Caller, path: str) -> None:
    """As long as the rest of its path is a route."""
    assert caller.call("POST", path, {"prompt": "A bear"}).status == 400
    assert caller.sim("journal")["exchanges"][0]["expected"]


@pytest.mark.parametrize(
    "path", ["/minimax-hailuo/generate", "/v1/minimax-hailuo-ai/generate", "/hailuo/v1/text/generate"]
)
def test_another_path_is_a_mistake_whatever_model_it_names(caller: Caller, path: str) -> None:
    assert caller.call("POST", path, {"prompt": "A bear"}).status in (400, 404)
    (exchange,) = caller.sim("journal")["exchanges"]
    assert not exchange["expected"]
    assert exchange["hint"].startswith(f"no route is POST {path}")


def test_what_the_policy_ignores_is_in_the_journal_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Without the key that was sent; a call of which nothing is ignored is not logged."""
    caplog.set_level(logging.INFO, "pixazo_simulator")
    with InProcess(Settings(policy=PROFILES["observed"])) as send:
        caller = Caller(send, "sim-key")
        assert caller.generate().status == 200
        assert caplog.messages == []
        reply = caller.call(
            "POST",
            GENERATE,
            {"prompt": "A bear"},
            {"X-Webhook-URL": "http://a.test/sim-key", "X-Webhook-Mode": "sim-key"},
        )
        noted = (
            f"accepted {reply.json()['request_id']}; X-Webhook-URL ignored: it is http (policies http_webhook_url=refuse, "
            "bad_webhook_url=ignore): give an https URL, or set http_webhook_url=accept; "
            "X-Webhook-Mode ignored: '[redacted]' (policy webhook_events=header)"
        )
        assert caplog.messages == [f"POST {GENERATE} {noted}"]
        assert caller.sim("journal")["exchanges"][-1]["reason"].startswith(f"{noted}; policy http_webhook_url=refuse (")


def test_a_key_in_the_query_is_no_key(caller: Caller) -> None:
    """The hint names its parameter and the policy."""
    assert caller.call("POST", f"{GENERATE}?subscription-key=x", {"prompt": "A"}, {KEY_HEADER: ""}).status == 401
    hinted = caller.sim("unmatched")["exchanges"][-1]["hint"]
    assert hinted.endswith(
        "Ocp-Apim-Subscription-Key, not in the query parameter subscription-key (policy query_key=refuse)"
    )


def test_mistakes_of_nobody_known_are_unmatched_requests(caller: Caller) -> None:
    """A wrong key, none, a video of no generation; a known caller's refusals are expected."""
    before = caller.sim("unmatched")["total"]
    caller.call("POST", GENERATE, {"prompt": "A"}, {KEY_HEADER: "a-wrong-key"})
    caller.call("POST", GENERATE, {"prompt": "A"}, {KEY_HEADER: "", "Authorization": "Bearer x"})
    caller.call("GET", "/v1/x/output.mp4")
    caller.generate("")
    caller.read("x")
    exchanges = caller.sim("unmatched")["exchanges"][-3:]
    assert caller.sim("unmatched")["total"] == before + 3
    assert [(each["expected"], each["hint"].partition(":")[0]) for each in exchanges] == [
        (False, "no world has the key that was sent"),
        (False, "the key is missing"),
        (False, "no generation has this request id"),
    ]
    assert [(each["expected"], each["hint"]) for each in caller.sim("journal")["exchanges"]] == [(True, None)] * 2


def test_the_hint_for_an_invalid_key_says_how_to_register_it() -> None:
    assert told(InvalidKey()) == (
        "no world has the key that was sent: in a pytest test use pixazo.api_key or pixazo_env, "
        "else start with --api-key or --open-keys, or create one with POST /_sim/worlds"
    )


def test_a_key_in_a_long_path_is_taken_out_before_the_path_is_cut(caller: Caller) -> None:
    caller.call("GET", f"/{'x' * 110}{caller.key}")
    (seen,) = caller.sim("journal")["exchanges"]
    assert seen["hint"].startswith(f"no route is GET /{'x' * 110}[redacted: known are ")


def test_an_answer_that_repeats_a_part_of_the_request_repeats_no_key() -> None:
    """The caller may log it."""
    with InProcess(Settings(keys=(KEY,))) as send:
        caller = Caller(send, KEY)
        for members in ({"resolution": KEY}, {"duration": f"{KEY} and more"}, {"callback_url": f"{KEY}:"}):
            reply = caller.generate(**members)
            assert (reply.status, KEY.encode() in reply.body) == (400, False)
        assert b"[redacted]" in caller.generate(resolution=KEY).body
