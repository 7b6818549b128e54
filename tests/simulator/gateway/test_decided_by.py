"""The journal names the points of the policy that decided what a caller saw, and how each is known; it names no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller
from tests.receiver import Receiver, http_response
from tests.simulator.samples import data_url, jpeg


def decided(each: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Field, value and label of each decision about an exchange or delivery."""
    return [(one["field"], one["value"], one["label"]) for one in each["decided_by"]]


def journal(caller: Caller) -> Any:
    """All exchanges of a world."""
    return caller.sim("journal?limit=1000")["exchanges"]


VALIDATION = ("validation_body", "title_message", "assumed")
T2V = ("t2v_limits", "i2v", "inferred")


def submitted(**members: object) -> Callable[[Caller], object]:
    """A text-to-video submission of these members."""
    return lambda caller: caller.call("POST", GENERATE, {"prompt": "A bear", **members})


def animated(image: str, **members: object) -> Callable[[Caller], object]:
    """An image-to-video submission."""
    body = {"prompt": "A bear", "first_frame_image": image, **members}
    return lambda caller: caller.call("POST", IMAGE_TO_VIDEO, body)


CASES: list[tuple[dict[str, str], Callable[[Caller], object], list[tuple[str, str, str]]]] = [
    ({}, submitted(), []),
    ({}, submitted(duration=10, resolution="768P", aigc_watermark=True), []),
    ({}, submitted(prompt="x" * 2000), []),
    ({}, submitted(prompt="\U0001f43b" * 2000), [("prompt_unit", "code_points", "assumed")]),
    ({}, submitted(prompt="x" * 2001), [T2V, VALIDATION]),
    ({}, submitted(prompt=5), [VALIDATION]),
    ({}, submitted(duration=7), [T2V, VALIDATION]),
    ({}, submitted(duration="6"), [("number_forms", "integral", "assumed"), VALIDATION]),
    ({}, submitted(seed=1), [("unknown_members", "ignore", "observed")]),
    ({"t2v_limits": "open"}, submitted(duration=7), [("t2v_limits", "open", "assumed")]),
    ({"t2v_limits": "open"}, submitted(), []),
    ({"t2v_limits": "open"}, submitted(prompt="\U0001f43b" * 2000), []),
    ({"submit_code": "200"}, submitted(), [("submit_code", "200", "vendor")]),
    ({"submit_code": "200"}, submitted(prompt=5), [VALIDATION]),
    ({"public_origin": "https://gateway.pixazo.ai"}, submitted(), [("public_origin", "https://gateway.pixazo.ai", "documented")]),
    ({}, submitted(callback_url=""), [("empty_callback_url", "ignore", "assumed")]),
    ({}, submitted(duration=None), [("null_members", "refuse", "assumed"), VALIDATION]),
    ({}, submitted(callback_url="http://127.0.0.1:9/"), [("callback_url", "post", "assumed"), ("callback_events", "end", "assumed")]),
    (
        {}, submitted(callback_url="http://a.test/"),
        [("http_webhook_url", "accept", "assumed"), ("callback_url", "post", "assumed"), ("callback_events", "end", "assumed")],
    ),
    ({"callback_url": "ignore"}, submitted(callback_url="http://a.test/"), [("callback_url", "ignore", "assumed")]),
    ({}, animated("https://a.test/b.png"), []),
    ({}, animated("http://a.test/b.png"), [("image_urls", "unseen", "assumed")]),
    ({}, animated(data_url(jpeg(400, 400), "jpeg")), []),
    ({}, animated(data_url(jpeg(400, 400), "png")), [("image_type", "listed", "assumed")]),
    ({}, animated(data_url(jpeg(300, 400), "jpeg")), [("image_rules", "refuse", "assumed"), VALIDATION]),
    ({}, animated("https://a.test/b.png", duration=10, resolution="1080P"), [("combo_1080p_10s", "refuse", "inferred"), VALIDATION]),
    ({}, lambda caller: caller.call("POST", GENERATE, b"{"), [("malformed_body", "400", "inferred"), VALIDATION]),
    ({}, lambda caller: caller.call("POST", "/kling-ai/v1/generate", {"prompt": "A bear"}), [("unknown_model", "400", "documented")]),
    ({}, lambda caller: caller.call("GET", "/nowhere"), [("unknown_route", "404", "inferred")]),
    ({}, lambda caller: caller.read("x"), [("unknown_id", "404", "assumed")]),
    (
        {"rate_limit": "0/60"}, submitted(duration=7),
        [("rate_limit", "0/60", "assumed"), ("check_order", "key,suspended,rate,json,model,parameters,funds", "assumed"), ("throttled", "apim", "inferred")],
    ),
    ({"rate_limit": "0/60"}, submitted(), [("rate_limit", "0/60", "assumed"), ("throttled", "apim", "inferred")]),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "send", "expected"), CASES)
def test_a_response_names_what_decided_it(
    caller: Caller, policy: dict[str, str], send: Callable[[Caller], object], expected: list[tuple[str, str, str]]
) -> None:
    """With the value and its label; a field that was read and changed nothing is not named. The reason says the same in words."""
    caller.change(policy=policy)
    send(caller)
    (exchange,) = journal(caller)
    assert sorted(decided(exchange)) == sorted(expected)
    for field, value, label in expected:
        assert f"; policy {field}={value} ({label})" in exchange["reason"]


def test_of_402_the_price_counts_unless_the_wallet_is_empty(caller: Caller) -> None:
    """With nothing in it no price can be paid."""
    for balance, expected in (("0", []), ("0.10", [("price", "*/6/*=0.35, */10/*=0.60, */*/*=0.60", "vendor")])):
        caller.change(balance=balance)
        assert caller.generate().status == 402
        assert decided(journal(caller)[-1]) == [*expected, ("insufficient_balance", "printed", "documented")]


def test_a_generation_names_at_its_end_what_decided_it(caller: Caller) -> None:
    """The times at each read, when they are not those of the page; a failure by policy from the end on; a script is no policy."""
    caller.change(policy={"job_times": "1+1", "combo_1080p_10s": "fail"})
    identity = caller.accepted(duration=10, resolution="1080P")
    caller.read(identity)
    caller.advance(2)
    caller.read(identity)
    first, last = (decided(each) for each in journal(caller)[-2:])
    assert first == [("job_times", "1+1", "assumed")]
    assert sorted(last) == [("combo_1080p_10s", "fail", "assumed"), ("job_times", "1+1", "assumed"), T2V]
    scripted = caller.accepted("[[sim:after 3]]")
    caller.read(scripted)
    assert decided(journal(caller)[-1]) == []


def test_a_delivery_names_what_decided_its_attempts(caller: Caller) -> None:
    """A first success rests on the page; a failed attempt on the retries; a redirect on how redirects are taken."""
    for response, expected in (
        (http_response(204), []),
        (http_response(500), ["webhook_retries"]),
        (http_response(307, location="/x"), ["webhook_redirects", "webhook_retries"]),
    ):
        with Receiver(response) as receiver:
            caller.accepted(webhook=receiver.url)
            caller.advance(15)
        delivery = caller.sim("deliveries")["deliveries"][-1]
        assert sorted(field for field, _, _ in decided(delivery)) == expected


def test_a_late_receiver_names_the_time_out(caller: Caller) -> None:
    """Whatever the time-out is."""
    caller.change(policy={"webhook_timeout": "0"})
    with Receiver() as receiver:
        caller.accepted(webhook=receiver.url)
        caller.advance(15)
    delivery = caller.sim("deliveries")["deliveries"][-1]
    assert ("webhook_timeout", "0", "assumed") in decided(delivery)


def test_explain_names_the_same_as_the_journal(caller: Caller) -> None:
    """In its exchange, and in its one line."""
    asked = {"method": "POST", "path": GENERATE, "body": {"prompt": "A bear", "duration": 7}}
    explained = caller.call("POST", "/_sim/explain", asked).json()
    caller.generate(duration=7)
    assert decided(explained["exchange"]) == decided(journal(caller)[-1]) == [T2V, VALIDATION]
    assert "policy t2v_limits=i2v (inferred)" in explained["summary"]


def test_a_rule_that_words_the_response_itself_rests_on_no_policy(caller: Caller) -> None:
    """One that only chooses the status code has the policy word it."""
    replies: list[tuple[dict[str, object], list[tuple[str, str, str]]]] = [
        ({"status": 429, "json": {}}, []),
        ({"status": 429}, [("throttled", "apim", "inferred")]),
    ]
    for reply, expected in replies:
        rule: dict[str, object] = {"when": "generate", "reply": reply}
        assert caller.call("PUT", "/_sim/script", {"rules": [rule]}).status == 200
        assert caller.generate().status == 429
        assert decided(journal(caller)[-1]) == expected
