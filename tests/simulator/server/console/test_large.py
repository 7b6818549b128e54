"""Large worlds: a page shows a bounded number of rows, and the rest is a click away."""

from __future__ import annotations

import re

import pytest
from tests.caller import GENERATE, Caller
from tests.inprocess import InProcess
from tests.simulator.server.console.visitor import PAGES, Visitor


def rows(page: bytes) -> int:
    """How many rows and rules a page shows, at most in one of its tables."""
    tables = re.findall(r"<tbody.*?</tbody>", page.decode(), re.DOTALL)
    return max(page.count(b"<article"), *(str(each).count("<tr") for each in tables), 0)


def test_a_long_script_is_shown_at_its_ends() -> None:
    """The first rules decide before others, the last were added last."""
    rule = {"when": "generate", "match": {"prompt": "storm"}, "reply": {"status": 503}}
    with InProcess() as send:
        for count, shown in ((200, 200), (1000, 200)):
            assert Caller(send, "sim-key").call("PUT", "/_sim/script", {"rules": [rule] * count}).status == 200
            page = Visitor(send).get("/worlds/1/script").body.decode()
            numbers = list(map(int, re.findall(r'id="rule-(\d+)"', page)))
            assert len(numbers) == shown
            assert numbers == [*range(numbers[0], numbers[0] + 100), *range(numbers[-1] - 99, numbers[-1] + 1)]
            assert numbers[-1] - numbers[0] == count - 1
            assert ("showing the first and last of 1000" in page) is (count == 1000)


@pytest.mark.exhaustive
def test_no_page_of_a_large_world_is_long() -> None:
    """It has as many exchanges as are kept, with the longest bodies that are, many generations, webhooks and rules."""
    rule = {"when": "status", "reply": {"status": 503}, "times": 1}
    with InProcess() as send:
        caller, asked = Caller(send, "sim-key"), Visitor(send)
        caller.change(balance="100000")
        for number in range(10_000):
            caller.accepted(f"A bear {number}", webhook="http://127.0.0.1:9/hook" if number % 10 == 0 else None)
        caller.advance(1000)
        for number in range(4096):
            caller.call("POST", GENERATE, {"prompt": f"{number}" + "x" * 16_000, "duration": 99})
        assert caller.call("PUT", "/_sim/script", {"rules": [rule] * 1000}).status == 200
        for path in (
            *PAGES[2:4],
            *PAGES[5:-1],
            "/worlds/1?moment=-9",
            "/worlds/1/requests?before=9000",
            "/worlds/1/requests?text=xx",
        ):
            reply = asked.get(path.replace("requests/1", "requests/14000"))
            assert reply.status == 200
            assert rows(reply.body) <= 200
            assert len(reply.body) < 500_000
