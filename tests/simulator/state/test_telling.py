"""What has happened in a world, told from the log, and looked at where it happened."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.receiver import Receiver, http_response

from pixazo_simulator import ControlClient, ControlError, Settings, Simulator


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """With a log, of this test alone."""
    with Simulator(Settings(keys=("sim-key", "another-key")), state="memory-log") as running:
        yield running


def told(control: ControlClient) -> list[str]:
    """The phrases, with words in place of request ids."""
    return [re.sub("minimax-hailuo-ai_[0-9a-f-]+", "ID", each.what) for each in control.history().entries]


def test_every_command_that_changed_a_world_is_told(simulator: Simulator) -> None:
    """In order; not what happened to others, what was refused, nor what changed nothing."""
    control = simulator.control().create_world(key="canary-1f9c-aa07")
    app = Caller(over_http(simulator.url), "canary-1f9c-aa07")
    with Receiver(http_response(500), http_response(204)) as receiver:
        control.change_world(policy={"webhook_retries": [5], "timestamps": "mixed"}, balance="7.00", suspended=False)
        app.read(app.accepted(webhook=receiver.url))
        control.add_rule({"when": "status", "reply": {"status": 429}})
        Caller(over_http(simulator.url), "another-key").accepted()
        with pytest.raises(ControlError):
            control.remove_rule(7)
        control.replace_rule(1, {"when": "status", "reply": {"status": 503}})
        control.advance(20)
        control.advance(0)
        number = control.keep_state()
        simulator.control("another-key").advance(3, every_world=True)
        app.call("GET", "/nowhere?token=hunter2-S3cr3t&a=canary-1f9c-aa07")
        control.clear_script()
        control.restore_state(number)
        control.resend(1)
        control.add_rule({"when": "generate", "faults": [{"fault": "delay", "seconds": 3600}]})
        with pytest.raises(httpx2.ReadTimeout), httpx2.Client(transport=simulator.transport(), timeout=1) as client:
            client.post(f"{simulator.url}{GENERATE}", json={"prompt": "A bear"}, headers={KEY_HEADER: app.key})
    assert told(control) == [
        "create world",
        "set balance 7.00, timestamps=mixed, webhook_retries=5, suspended=false",
        f"POST {GENERATE}: 202",
        "GET /v2/requests/status/ID: 200",
        "add rule 1",
        "replace rule 1",
        "advance 15 s",
        "webhook 1, attempt 1: 500",
        "advance 5 s",
        "webhook 1, attempt 2: 204",
        "keep state 1",
        "advance 3 s",
        "GET /nowhere?token=[hidden]&a=[redacted]: 404",
        "set rules",
        "restore state 1",
        "resend webhook 1",
        "webhook 2, attempt 1: 204",
        "add rule 2",
        f"POST {GENERATE}: 202",
        "exchange 3: nothing was sent, then the caller disconnected",
    ]


def test_a_position_shows_the_world_as_it_was_after_the_command(simulator: Simulator) -> None:
    """Instants, money and rules; the first one is the beginning of the log."""
    control, app = simulator.control(), Caller(over_http(simulator.url), "sim-key")
    app.accepted()
    control.advance(15)
    control.add_rule({"when": "status", "reply": {"status": 429}})
    history = control.history()
    assert [each.what for each in history.entries] == [
        "the log begins",
        f"POST {GENERATE}: 202",
        "advance 15 s",
        "add rule 1",
    ]
    past = [control.world(at=str(each.position)) for each in history.entries]
    assert [each.now for each in past] == [each.at for each in history.entries]
    assert [str(each.balance) for each in past] == ["100.00", "99.65", "99.65", "99.65"]
    assert [len(control.script(at=str(each.position)).rules) for each in history.entries] == [0, 0, 0, 1]
    assert past[-1] == control.world()


def test_it_is_read_page_by_page(simulator: Simulator) -> None:
    """The latest ones, or the first ones beyond a position; `total` counts them all."""
    control = simulator.control()
    for _ in range(3):
        control.advance(1)
    entries = control.history().entries
    assert (control.history(limit=2).entries, control.history(limit=2).total) == (entries[-2:], 4)
    assert control.history(after=entries[0].position, limit=2).entries == entries[1:3]


def test_no_secret_is_told(simulator: Simulator) -> None:
    """Not in what was called, nor where a receiver is."""
    control = simulator.control().create_world(key="canary-1f9c-aa07", policy={"webhook_allow": []})
    app = Caller(over_http(simulator.url), "canary-1f9c-aa07")
    app.call(
        "POST",
        f"{GENERATE}?token=hunter2-S3cr3t&a=canary-1f9c-aa07",
        {"prompt": "A"},
        {"X-Webhook-URL": "http://canary-1f9c-aa07.test/"},
    )
    control.advance(15)
    page = " ".join(told(control))
    assert "canary-1f9c" not in page
    assert "hunter2" not in page
    assert page.count("[redacted]") == 3


def test_without_a_log_there_is_no_history() -> None:
    with (
        Simulator() as simulator,
        pytest.raises(ControlError, match="this server keeps no log; start it with a --state other than") as caught,
    ):
        simulator.control().history()
    assert caught.value.status == 400
