"""The journal searched for a text: what is shown is found, in either case, and what is not shown is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import quote

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller
from tests.inprocess import InProcess

from pixazo_simulator import Settings

KEY = "canary-41c7-Zb9d"
SECRET = "hunter2-S3cr3t"


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    """A world with five exchanges, and a request that reached none."""
    with InProcess(Settings(keys=(KEY,))) as send:
        caller = Caller(send, KEY)
        rule = {"when": "imageToVideo", "reply": {"status": 418, "text": "Short and stout"}, "name": "teapot"}
        caller.call("POST", "/_sim/script/rules", rule)
        caller.generate(f'A bär says "A/B 50%" to {KEY}', webhook="http://127.0.0.1:9/hook")
        secrets = {"X-Auth-Token": SECRET, "X-Pin-Secret": "7q-Z", "Cookie": f"theme=dark; session={SECRET}"}
        body = {"prompt": "A cat", "api key": [SECRET], "token": SECRET, "deep": {"password": {"a": SECRET}}}
        caller.call("POST", f"{GENERATE}?sig={SECRET}&plain=%c3%a4", body, secrets)
        caller.call(
            "POST", "/minimax-hailuo-ai/v1/imageToVideo", b"no json\\u0041", {"Content-Type": "application/json"}
        )
        coded = "".join(f"%{ord(each):02x}" for each in KEY)
        caller.call("GET", f"/v2/requests/status/nobody?a={coded}&b=c%20d")
        caller.call(
            "GET", f"/v2/requests/status/{'x' * 20}", headers={"X-Run": "Seven", "User-Agent": f"app {KEY[:-1]}"}
        )
        caller.call("DELETE", "/nowhere", headers={KEY_HEADER: "a-real-key-by-mistake", "X-Run": "Eight"})
        yield caller


def found(caller: Caller, text: str, what: str = "journal") -> list[int]:
    """The numbers of the exchanges that are found."""
    page = caller.sim(f"{what}?text={quote(text)}")
    assert page["total"] == len(page["exchanges"])
    return [each["number"] for each in page["exchanges"]]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("post /minimax", [1, 2, 3]),
        ("DELETE", []),
        ("accepted minimax", [1, 2]),
        ("TEAPOT", [3]),
        ("x-run: seven", [5]),
        ("X-WEBHOOK", [1]),
        ("a BÄR", [1]),
        ('"prompt":"A cat"', [2]),
        ("A/B 50%", [1]),
        ("short and stout", [3]),
        ("json\\u0041", [3]),
        ("b=c d", [4]),
        ("polling_url", [1, 2]),
        ("[redacted]", [1, 2, 3, 4, 5]),
        ("hidden", [2]),
        ("to [RED", [1]),
        ("no such text", []),
    ],
)
def test_whatever_is_shown_is_found(caller: Caller, text: str, numbers: list[int]) -> None:
    """Target, reason, rule, headers and bodies, in either case; escaped or not."""
    assert found(caller, text) == numbers


def test_the_requests_that_reached_no_world_are_searched_too(caller: Caller) -> None:
    """Their hints as well; other filters hold beside it."""
    assert [found(caller, each, "unmatched") for each in ("eight", "No route is DELETE", "teapot")] == [[1], [1], []]
    assert caller.sim("unmatched?text=eight&method=GET")["total"] == 0


def strings(value: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(value, str):
        yield value
    members: Any = [*value.values(), *value] if isinstance(value, dict) else value
    nested = cast("list[object]", members) if isinstance(members, list) else []
    for each in nested:
        yield from strings(each)


def test_every_text_of_an_exchange_finds_it(caller: Caller) -> None:
    """As `/_sim` shows it, but for what the names of our own members say."""
    for shown in caller.sim("journal")["exchanges"]:
        request, response = shown["request"], shown["response"]
        parts = [shown[name] for name in ("method", "target", "reason", "request_id", "rule") if shown[name]]
        bodies = [each["body"] for each in (request, response)]
        texts = {*parts, *strings(request["headers"]), *strings(response["headers"])} - {""}
        texts |= {each for each in bodies if isinstance(each, str)}
        texts |= {json.dumps(text, ensure_ascii=False) for each in bodies for text in strings(each) if text != each}
        assert [text for text in texts if shown["number"] not in found(caller, text)] == []


@pytest.mark.parametrize("secret", [KEY, KEY[1:], KEY.upper(), SECRET, SECRET[2:-2], "7q-Z", "a-real-key-by-mistake"])
def test_what_is_not_shown_is_not_found(caller: Caller, secret: str) -> None:
    """Nobody learns by a search whether a key or another secret was sent, or a part of it."""
    page = json.dumps([caller.sim("journal"), caller.sim("unmatched")])
    assert secret.lower() not in page.lower()
    assert (found(caller, secret), found(caller, secret, "unmatched")) == ([], [])
