"""Three servers over one Redis are one gateway."""

# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from threading import Barrier
from typing import Any

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.patience import PATIENCE
from tests.servers import Nginx, Redis
from tests.serving import ServeProcess

from .load import OPTIONS, Counting

ROUNDS = [50, pytest.param(1000, marks=pytest.mark.exhaustive)]
RACES = [30, pytest.param(1000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(600)])]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServeProcess]]:
    """They run over a Redis of their own."""
    folder = tmp_path_factory.mktemp("shared")
    with Redis(folder / "redis") as redis, ExitStack() as running:
        made = [ServeProcess(folder / f"server-{number}", *OPTIONS, "--state", redis.url) for number in range(3)]
        yield [running.enter_context(each) for each in made]


def _callers(servers: list[ServeProcess], key: str) -> list[Caller]:
    """Callers with one key, one of each server."""
    return [Caller(over_http(each.url), key) for each in servers]


@pytest.mark.slow
@pytest.mark.parametrize("rounds", ROUNDS)
def test_what_is_submitted_to_one_is_read_of_another(servers: list[ServeProcess], rounds: int, tmp_path: Any) -> None:
    """At once, behind a proxy that asks another server each time."""
    key = {KEY_HEADER: f"reader-{rounds}"}
    with Nginx(tmp_path / "nginx", *(each.port for each in servers)) as nginx:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=PATIENCE)
        codes: Counter[int] = Counter()
        for _ in range(rounds):
            connection.request(
                "POST", GENERATE, json.dumps({"prompt": "A bear"}), {**key, "Content-Type": "application/json"}
            )
            identity = json.load(connection.getresponse())["request_id"]
            connection.request("GET", f"/v2/requests/status/{identity}", headers=key)
            response = connection.getresponse()
            codes[response.status] += 1
            response.read()
        connection.close()
    assert codes == {200: rounds}


@pytest.mark.slow
@pytest.mark.parametrize("races", RACES)
def test_the_last_money_is_spent_once(servers: list[ServeProcess], races: int) -> None:
    """Of two submissions at once, through two servers, one is accepted and one refused."""
    together = Barrier(2)

    def submit(sender: ServeProcess, race: int) -> int:
        caller = Caller(over_http(sender.url), f"sim-one-video-{races}-{race}")
        together.wait(PATIENCE)
        return caller.generate().status

    with ThreadPoolExecutor(2) as pool:
        for race in range(races):
            found = pool.map(partial(submit, race=race), servers[race % 3 :: 1 - 2 * (race % 3 // 2)][:2])
            assert sorted(found) == [202, 402]


@pytest.mark.exhaustive
def test_a_rate_limit_holds_over_all(servers: list[ServeProcess]) -> None:
    callers = _callers(servers, "limited")
    callers[0].change(policy={"rate_limit": "10/3600"})
    turns = cycle(callers)
    with ThreadPoolExecutor(6) as pool:
        codes = Counter(pool.map(lambda caller: caller.generate().status, [next(turns) for _ in range(40)]))
    assert codes == {202: 10, 429: 30}


@pytest.mark.slow
def test_time_passes_for_all(servers: list[ServeProcess]) -> None:
    """An advance through one server is one for the others; of several at once none is lost."""
    one, two, three = _callers(servers, "timekeeper")
    began = one.sim("clock")["now"]
    identity = one.accepted()
    assert two.advance(60)["now"] == three.sim("clock")["now"] == one.sim("clock")["now"] != began
    assert three.status(identity) == "COMPLETED"
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda caller: caller.advance(1), [one, two, three] * 20))
    assert one.advance(0)["now"] == two.advance(0)["now"] == "2026-03-31T10:02:00.000Z"


@pytest.mark.slow
def test_webhooks_are_sent_once(servers: list[ServeProcess]) -> None:
    """Also when all servers let the time pass in which they fall due."""
    with Counting() as receiver:
        callers = _callers(servers, "notified")
        ids = [caller.accepted(webhook=receiver.url) for caller in callers * 10]
        with ThreadPoolExecutor(3) as pool:
            events = [
                event
                for advanced in pool.map(lambda caller: caller.advance(30), callers)
                for event in advanced["events"]
            ]
        assert receiver.arrived == dict.fromkeys(ids, 1)
    assert Counter(each["kind"] for each in events) == {"transition": 2 * len(ids), "webhook": len(ids)}
    (attempts,) = {
        tuple(each["status"] for each in delivery["attempts"])
        for delivery in callers[0].sim("deliveries")["deliveries"]
    }
    assert attempts == (204,)


@pytest.mark.exhaustive
def test_webhooks_of_a_running_clock_are_sent_once(servers: list[ServeProcess]) -> None:
    """By the one server that sends what falls due by itself."""
    with Counting() as receiver:
        callers = _callers(servers, "running")
        assert callers[0].call("POST", "/_sim/worlds", {"key": "running", "clock": "x100"}).status == 201
        ids = [caller.accepted(webhook=receiver.url) for caller in callers * 10]
        wanted = {"deliveries": {"delivered": True, "count": len(ids)}, "timeout": PATIENCE}
        assert {caller.call("POST", "/_sim/wait", wanted).status for caller in callers} == {200}
        assert receiver.arrived == dict.fromkeys(ids, 1)


@pytest.mark.exhaustive
def test_worlds_are_created_and_deleted_for_all(servers: list[ServeProcess]) -> None:
    for number in range(10):
        one, two, three = _callers(servers, f"passing-{number}")
        assert one.call("POST", "/_sim/worlds", {"key": one.key, "name": "passing"}).status == 201
        identity = two.accepted()
        assert three.read(identity).status == 200
        assert three.call("DELETE", "/_sim/world").status == 200
        assert [one.read(identity).status, two.generate().status, one.call("GET", "/_sim/world").status] == [
            401,
            401,
            404,
        ]
