"""Many webhooks that fall due together: each arrives exactly once at a working receiver."""

from __future__ import annotations

import json
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import trustme
from msgspec.structs import replace

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.text import micros
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.registry import Settings
from tests.caller import Caller, over_http
from tests.command import Serving
from tests.patience import PATIENCE
from tests.receiver import Receiver

KEYS = ("one-key", "two-key")


def fast(rate: float) -> Settings:
    """Two rich worlds on a clock that runs so many times as fast as real time."""
    return Settings(keys=KEYS, clock=lambda: Clock.scaled(rate), balance=micros("1000000"))


def submit(url: str, key: str, hook: str, clients: int, each: int) -> set[str]:
    """The ids of submissions by so many clients at once, so many each."""

    def one(_: int) -> list[str]:
        with httpx2.Client(base_url=url, headers={"Ocp-Apim-Subscription-Key": key, "X-Webhook-URL": hook}) as client:
            responses = [client.post("/minimax-hailuo-ai/v1/generate", json={"prompt": "A bear"}) for _ in range(each)]
        return [response.json()["request_id"] for response in responses]

    with ThreadPoolExecutor(clients) as pool:
        return {identity for ids in pool.map(one, range(clients)) for identity in ids}


def each_came_once(simulator: Simulator, receiver: Receiver, ids: set[str]) -> None:
    """Every webhook has arrived, and was attempted only once."""
    for count in range(0, len(ids) + 1, 50):
        receiver.wait(count)
    control = simulator.control(KEYS[0])
    control.wait_for({"deliveries": {"delivered": True, "count": len(ids)}}, timeout=PATIENCE)
    deliveries = control.deliveries().deliveries
    assert {tuple(attempt.status for attempt in each.attempts) for each in deliveries} == {(204,)}
    arrived = Counter(json.loads(callback.body)["request_id"] for callback in receiver.received)
    assert arrived == dict.fromkeys(ids, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "clients", "each"),
    [(1000, 6, 50), *(pytest.param(*each, marks=pytest.mark.exhaustive) for each in ((1000, 60, 100), (20, 6, 50)))],
)
def test_each_callback_arrives_once(receiver: Receiver, rate: float, clients: int, each: int) -> None:
    """At x1000 while others submit, at x20 nearly all at one instant; a dead receiver of another world changes nothing."""
    with socket.create_server(("127.0.0.1", 0)) as dead, Simulator(fast(rate)) as simulator:
        submit(simulator.url, KEYS[1], f"http://127.0.0.1:{dead.getsockname()[1]}/", 2, 50)
        ids = submit(simulator.url, KEYS[0], receiver.url, clients, each)
        each_came_once(simulator, receiver, ids)


@pytest.mark.slow
def test_each_callback_arrives_once_over_tls(tmp_path: Path) -> None:
    """Although the TLS context is created while the first ones are due."""
    authority, served, file = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "ca.pem"
    with authority.issue_cert("localhost").private_key_and_cert_chain_pem.tempfile() as chain:
        served.load_cert_chain(chain)
    authority.cert_pem.write_to_path(str(file))
    settings = replace(fast(1000), webhook_ca=str(file))
    with Receiver(context=served) as receiver, Simulator(settings) as simulator:
        each_came_once(simulator, receiver, submit(simulator.url, KEYS[0], receiver.url, 5, 10))


def test_the_first_callback_of_a_fast_clock(serve: Callable[..., Serving], receiver: Receiver) -> None:
    """It is due before the server has loaded its HTTP library, and is attempted once."""
    serving = serve("--clock", "x1000")
    caller = Caller(over_http(serving.url), serving.key)
    caller.accepted("[[sim:after 0]]", webhook=receiver.url)
    receiver.wait(1)
    caller.call("POST", "/_sim/wait", {"deliveries": {"delivered": True}, "timeout": 10})
    (delivery,) = caller.sim("deliveries")["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [204]
    assert len(receiver.received) == 1


def test_a_server_with_callbacks_under_way_ends(serve: Callable[..., Serving]) -> None:
    """Waiting and sent webhooks to a dead receiver are abandoned and not reported as failed."""
    with socket.create_server(("127.0.0.1", 0)) as dead:
        dead.settimeout(10)
        serving = serve("--clock", "x1000", "--balance", "1000")
        submit(serving.url, serving.key, f"http://127.0.0.1:{dead.getsockname()[1]}/", 2, 25)
        with dead.accept()[0] as connection:
            assert connection.recv(4) == b"POST"
            assert serving.end() == 0
    assert "webhook about" not in serving.log
