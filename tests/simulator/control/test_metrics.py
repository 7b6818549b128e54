"""What a monitoring system is told: readiness and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.caller import KEY_HEADER, Caller, over_http
from tests.inprocess import InProcess
from tests.receiver import Receiver, http_response

from pixazo_simulator import ControlError, Settings, Simulator
from pixazo_simulator.control.metrics import BOUNDS, TIMED, Traffic, exposition
from pixazo_simulator.state.sqlite import SqliteStore
from pixazo_simulator.webhooks.dispatcher import Dispatcher
from pixazo_simulator.world import StateUnavailableError
from pixazo_simulator.world.registry import Worlds

Metrics = dict[tuple[str, ...], float]


def read(text: str) -> Metrics:
    """Each sample by its name and labels, as Prometheus' own parser reads them."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Of this test alone."""
    with Simulator() as running:
        yield running


def told(simulator: Simulator) -> Metrics:
    """The metrics of a simulator."""
    return read(simulator.control().metrics())


def test_requests_are_counted_by_operation_and_code(simulator: Simulator) -> None:
    """Those that the gateway answered, whoever called, and no others."""
    app = Caller(over_http(simulator.url), simulator.api_key)
    identity = app.accepted()
    for _ in range(3):
        app.read(identity)
    app.read("unknown")
    app.generate("")
    app.call("GET", "/nowhere")
    app.call("GET", f"/v1/{identity}/output.mp4", headers={KEY_HEADER: ""})
    app.sim("world")
    app.change(suspended=True)
    app.read(identity)
    counts = {key[1:]: value for key, value in told(simulator).items() if key[0] == "pixazo_requests_total"}
    assert counts == {
        ("generate", "202"): 1, ("generate", "400"): 1, ("status", "200"): 3, ("status", "404"): 1, ("status", "403"): 1,
        ("media", "404"): 1, ("other", "404"): 1,
    }  # fmt: skip


def test_a_response_that_waits_and_a_large_body_are_counted_once(simulator: Simulator, receiver: Receiver) -> None:
    """On whichever way they are answered."""
    control, app = simulator.control(), Caller(over_http(simulator.url), simulator.api_key)
    control.add_rule({"when": "webhook", "faults": [{"fault": "before_reply"}]})
    app.accepted(webhook=receiver.url)
    app.generate("x" * 100_000)
    counts = told(simulator)
    assert (counts["pixazo_requests_total", "generate", "202"], counts["pixazo_requests_total", "generate", "400"]) == (
        1,
        1,
    )


def test_one_of_many_responses_is_timed() -> None:
    """The first of each code, then every 64th; a class has all that took no longer."""
    traffic = Traffic()
    for _ in range(TIMED + 1):
        traffic.count("status", 200, 1e9)  # it took no time at all
    traffic.count("status", 404, -1e9)  # it took very long
    worlds = Worlds(Settings())
    found = read(exposition(worlds, traffic, Dispatcher(worlds, None)))  # type: ignore[arg-type]  # nothing is posted
    name = "pixazo_request_duration_seconds"
    assert [found[f"{name}_bucket", "status", str(bound)] for bound in BOUNDS] == [2] * len(BOUNDS)
    assert (found[f"{name}_bucket", "status", "+Inf"], found[f"{name}_count", "status"]) == (3, 3)
    assert found["pixazo_requests_total", "status", "200"] == TIMED + 1


def test_the_metrics_are_in_order_before_anything_has_happened(simulator: Simulator) -> None:
    """Every family is there with its type, and those without labels have a value."""
    families = {each.name: each.type for each in text_string_to_metric_families(simulator.control().metrics())}
    assert families == {
        "pixazo_requests": "counter", "pixazo_request_duration_seconds": "histogram", "pixazo_worlds": "gauge",
        "pixazo_generations": "counter", "pixazo_webhooks_pending": "gauge", "pixazo_webhook_attempts": "counter",
        "pixazo_store_up": "gauge",
    }  # fmt: skip
    found = told(simulator)
    assert (found["pixazo_worlds",], found["pixazo_generations_total",], found["pixazo_store_up",]) == (1, 0, 1)


def test_worlds_generations_and_webhooks(simulator: Simulator, receiver: Receiver) -> None:
    """Generations of deleted worlds have been accepted, too; an attempt is delivered, refused or failed."""
    control = simulator.control()
    gone = control.create_world(generations=[{"status": "FAILED"}])
    gone.delete_world()
    app = Caller(over_http(simulator.url), simulator.api_key)
    with Receiver(http_response(500)) as refusing:
        for url in (receiver.url, refusing.url, "http://127.0.0.1:9/"):
            app.accepted(webhook=url)
        before = told(simulator)
        control.advance(15)
    found = told(simulator)
    assert (before["pixazo_webhooks_pending",], found["pixazo_webhooks_pending",]) == (3, 2)
    assert {result: found["pixazo_webhook_attempts_total", result] for result in ("delivered", "refused", "failed")} == {
        "delivered": 1, "refused": 1, "failed": 1,
    }  # fmt: skip
    assert (found["pixazo_generations_total",], found["pixazo_worlds",]) == (4, 1)


def test_the_metrics_are_plain_text(simulator: Simulator) -> None:
    """In the format that their type names; a refusal is JSON."""
    send = over_http(simulator.url)
    assert send("GET", "/_sim/metrics", {}, b"").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert send("GET", "/_sim/metrics?x=1", {}, b"").headers["content-type"] == "application/json"


@pytest.mark.parametrize("route", ["/_sim/ready", "/_sim/metrics"])
def test_both_obey_the_rules_of_access(route: str) -> None:
    """They need no key, but a caller on this machine, or the token."""
    for settings, peer, headers, status in (
        (Settings(), "127.0.0.1", {}, 200),
        (Settings(), "192.0.2.7", {}, 403),
        (Settings(control_token="a token"), "192.0.2.7", {}, 403),
        (Settings(control_token="a token"), "192.0.2.7", {"x-pixazo-control-token": "a token"}, 200),
    ):
        with InProcess(settings, peer=peer) as send:
            assert send("GET", route, headers, b"").status == status


def test_a_server_is_ready_while_its_worlds_can_be_used(simulator: Simulator) -> None:
    """Else it says why, and when to ask again; the metrics are told nevertheless."""
    control, send = simulator.control(), over_http(simulator.url)
    assert control.ready().status == "ready"
    assert send("GET", "/_sim/ready", {}, b"").body == b'{"status":"ready"}'
    application = simulator._application  # pyright: ignore[reportPrivateUsage]  # no store of this server can be away
    assert application is not None
    away = SimpleNamespace(unavailable="the store does not answer: start it", dispatches=False, is_shared=True)
    application.worlds.log = cast("Any", away)
    reply = send("GET", "/_sim/ready", {}, b"")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert reply.json() == {"error": "Not ready", "message": "the store does not answer: start it"}
    with pytest.raises(ControlError, match="the store does not answer: start it"):
        control.ready()
    assert told(simulator)["pixazo_store_up",] == 0


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_request_that_fails_is_counted_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_kept: bool
) -> None:
    """Also where a store keeps the worlds, and where that fails: then it is 503."""

    def fail(*_: object) -> None:
        raise OSError("no journal")

    async def break_down(*_: object, **__: object) -> None:
        raise StateUnavailableError("no disk")

    with Simulator(state=f"sqlite:{tmp_path}/worlds" if is_kept else "memory") as simulator:
        app = Caller(over_http(simulator.url), simulator.api_key)
        monkeypatch.setattr(Worlds, "record", fail)
        assert app.generate().status == 500
        monkeypatch.undo()
        monkeypatch.setattr(SqliteStore, "append", break_down)
        app.generate()
        monkeypatch.undo()
        counts = told(simulator)
    assert counts["pixazo_requests_total", "generate", "500"] == 1
    assert counts["pixazo_requests_total", "generate", "503" if is_kept else "202"] == 1
