"""A world as a document: what is exported comes to the same state elsewhere, under any key, and holds no secret."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import msgspec
import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.simulator.samples import accepted, world

from pixazo_simulator import PROFILES, ControlError, Settings, Simulator
from pixazo_simulator.control.client import ControlClient, InitialGeneration
from pixazo_simulator.control.schema.responses import Health
from pixazo_simulator.state.history import WorldLog
from pixazo_simulator.state.store import MemoryStore
from pixazo_simulator.world import Attempt, KeepState, RecordAttempt, RestoreState, TakeDelivery

KEY = "canary-7d1c-90aa"


@pytest.fixture(scope="module", params=["memory", "memory-log"])
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulator without and with a log."""
    with Simulator(Settings(keys=(KEY,)), state=request.param) as running:
        yield running


def used(simulator: Simulator, prompt: str = "A bear") -> tuple[Caller, ControlClient]:
    """A world in which something has happened, and the caller whose it is."""
    control = simulator.control().create_world(name="a bear")
    caller = Caller(over_http(simulator.url), str(control.api_key))
    control.add_rule({"when": "status", "reply": {"status": 429}, "times": 1})
    control.change_world(images={"https://a.test/a.png": {"format": "png", "width": 500, "height": 500, "size": 1000}})
    accepted = caller.call(
        "POST", GENERATE, {"prompt": prompt.replace("KEY", caller.key)}, {"Authorization": "Bearer hunter2-S3cr3t"}
    )
    assert accepted.status == 202
    poll = f"/v2/requests/status/{accepted.json()['request_id']}"
    assert [caller.call("GET", poll).status for _ in range(2)] == [429, 200]
    control.advance(20)
    caller.call("GET", f"{poll}?token=hunter2-S3cr3t")
    return caller, control


def shown(control: ControlClient) -> list[object]:
    """All that a world shows."""
    return [control.record(), control.ledger(), control.generations(), control.deliveries(), control.script()]


def test_what_is_exported_becomes_the_same_world(simulator: Simulator) -> None:
    """Under another key, on another simulator; it then goes on as the first one does."""
    caller, control = used(simulator)
    before = shown(control)
    with Simulator() as other:
        copy = other.control().create_world(key="another-key", log=control.export_world())
        assert shown(copy) == before
        again = Caller(over_http(other.url), "another-key")
        assert (
            again.call("POST", GENERATE, {"prompt": "B"}).json()["request_id"]
            == (caller.call("POST", GENERATE, {"prompt": "B"}).json()["request_id"])
        )


def test_that_a_caller_did_not_wait_is_exported(simulator: Simulator) -> None:
    """In the journal of the same world elsewhere, which is billed alike: the submission was charged twice."""
    rule = {"when": "generate", "faults": [{"fault": "delay", "seconds": 3600}]}
    control = simulator.control().create_world(script=[rule])
    headers = {"Ocp-Apim-Subscription-Key": str(control.api_key)}
    with httpx2.Client(transport=simulator.transport(), headers=headers, timeout=1) as client:
        for _ in range(2):
            with pytest.raises(httpx2.ReadTimeout):
                client.post(f"{simulator.url}{GENERATE}", json={"prompt": "A bear"})
    with Simulator() as other:
        copy = other.control().create_world(key="another-key", log=control.export_world())
        assert [each.waste for each in copy.bill().generations] == ["charged twice", "never read"]


def test_no_secret_is_exported(simulator: Simulator) -> None:
    """Neither the key nor what was sent as one, or stands in a rule; not in what is encoded either."""
    caller, control = used(simulator, "A bear, KEY")
    named: dict[str, Any] = {
        "headers": {"authorization": "hunter2-S3cr3t"},
        "body": {"apiKey": {"contains": "hunter2-S3cr3t"}},
    }
    reply = {"status": 418, "json": {"token": ["hunter2-S3cr3t"]}}
    control.add_rule({"when": "generate", "match": named, "reply": reply})
    control.set_script([{"when": "generate", "match": named, "reply": reply}])
    document = control.export_world()
    decoded = b"".join(map(base64.b64decode, [data for _, data in document["state"]] + document["commands"]))
    for secret in (caller.key, "hunter2-S3cr3t"):
        assert secret not in json.dumps(document)
        assert secret.encode() not in decoded


def test_a_log_that_was_changed_is_noticed() -> None:
    """Another state comes of it than the one that was saved."""
    with Simulator(state="memory-log") as simulator:
        _, control = used(simulator)
        document = control.export_world()
    log = msgspec.convert(document, WorldLog)
    whole, cut = (
        Simulator.replaying(log)[1],
        Simulator.replaying(msgspec.structs.replace(log, commands=log.commands[:-1]))[1],
    )
    assert (whole.is_same, cut.is_same) == (True, False)
    assert [each.status for each in whole.responses] == [202, 429, 200, 200]


def test_only_a_log_that_can_be_read_is_imported(simulator: Simulator) -> None:
    """Anything else is refused with the reason, and no world is created."""
    _, control = used(simulator)
    document = control.export_world()
    health = simulator.control().health()
    for change, reason in (
        ({"form": 99}, "format 99, but this version reads 1"),
        ({"state": [["nothing", "AAAA"]]}, "this is not the state of a world"),
        ({"state": [*document["state"], ["clock._offset", "z0AAAAAAAAAA"]]}, "the clock of the log"),
        ({"commands": ["AAAA"]}, "this is not an entry of a log"),
    ):
        with pytest.raises(ControlError, match=reason):
            simulator.control().create_world(log=document | change)
    with pytest.raises(ControlError, match="log excludes seed"):
        simulator.control().create_world(log=document, seed=3)
    assert simulator.control().health().worlds == health.worlds


@pytest.mark.parametrize("key", ["hailuo", "funds", "refuse", "caller", "AnswerRequest", "attempts", "host", "clock"])
def test_a_key_of_another_world_that_is_a_word_of_ours_leaves_an_export_as_it_is(
    simulator: Simulator, key: str
) -> None:
    """Policy values, names of members and commands, and what Base64 makes of a short one."""
    _, control = used(simulator)
    before = control.world().policy
    simulator.control().create_world(key=key)
    with Simulator() as other:
        copy = other.control().create_world(key="another-key", log=control.export_world())
        assert (control.world().policy, copy.world().policy) == (before, before)
        assert shown(copy) == shown(control)
        assert Caller(over_http(other.url), "another-key").call("POST", GENERATE, {"prompt": "B"}).status == 202
    simulator.control(key).delete_world()


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"check_order": ["key", "nothing"]}, "Invalid enum value 'nothing'"),
        ({"concurrency": 0}, "policy field concurrency: '0' is not off or a number"),
        ({"price": {"rules": []}}, "policy field price"),
        ({"webhook_retries": [-1]}, "policy field webhook_retries: '-1' is not none"),
    ],
)
def test_a_policy_that_cannot_be_set_is_not_imported(simulator: Simulator, policy: dict[str, Any], reason: str) -> None:
    """Neither as part of a state nor of a command."""
    _, control = used(simulator)
    document = control.export_world()
    rows = [[path, _changed(data, policy) if path == "policy" else data] for path, data in document["state"]]
    with pytest.raises(ControlError, match=reason):
        simulator.control().create_world(log=document | {"state": rows})
    entry = ["", 1, 0, 1, {"type": "ChangeWorld", "at": 0, "policy": _decoded(document) | policy}]
    data = base64.b64encode(msgspec.msgpack.encode(entry)).decode()
    with pytest.raises(ControlError, match=reason):
        simulator.control().create_world(log=document | {"commands": [data]})


def _decoded(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.msgpack.decode(base64.b64decode(dict(document["state"])["policy"]))
    return found


def _changed(data: str, members: dict[str, Any]) -> str:
    return base64.b64encode(msgspec.msgpack.encode(msgspec.msgpack.decode(base64.b64decode(data)) | members)).decode()


@pytest.mark.parametrize("key", ["example", "9876", "9876/hook"])
def test_a_key_of_another_world_within_a_url_leaves_it_valid(key: str) -> None:
    """A part of a host, or a port, also of those that are allowed: a copy accepts the same submissions."""
    settings = Settings(policy=PROFILES["documented"].changed({"webhook_allow": "example.com"}))
    with Simulator(settings, state="memory-log") as simulator, Simulator(settings) as other:
        simulator.control().create_world(key=key)
        caller = Caller(over_http(simulator.url), simulator.api_key)
        caller.call("POST", GENERATE, {"prompt": "A"}, {"X-Webhook-URL": "http://example.localhost:9876/hook"})
        caller.call("POST", GENERATE, {"prompt": "A", "callback_url": "http://me@example.localhost:9876/hook"})
        copy = other.control().create_world(log=simulator.control().export_world())
        assert [each.status for each in copy.journal().exchanges] == [202, 202]


def test_a_world_whose_clock_runs_fast_is_imported(simulator: Simulator) -> None:
    """Where real time is counted from elsewhere, too."""
    control = simulator.control().create_world(clock="x1000")
    with Simulator() as other:
        assert other.control().create_world(log=control.export_world()).clock().clock == "x1000"


def test_a_world_with_operations_that_are_not_served_is_not_imported() -> None:
    with Simulator(models=["wan"]) as served, Simulator() as other:
        control = served.control()
        name = next(each.name for each in served.settings.models)
        generation: InitialGeneration = {"status": "COMPLETED", "operation": name}
        world = control.create_world(generations=[generation])
        with pytest.raises(ControlError, match=f"operation '{name}' is not one of .*: serve its model with --model"):
            other.control().create_world(log=world.export_world())


def test_a_world_is_brought_back_into_a_state_that_was_kept(simulator: Simulator) -> None:
    """Its clock and script, too; what happens then happens as it did before."""
    caller, control = used(simulator)
    number, before = control.keep_state(), shown(control)
    first = caller.call("POST", GENERATE, {"prompt": "C"}).json()
    control.advance(100)
    control.clear_script()
    control.restore_state(number)
    assert shown(control) == before
    assert caller.call("POST", GENERATE, {"prompt": "C"}).json() == first
    control.forget_state(number)
    with pytest.raises(ControlError, match="there is no saved state"):
        control.restore_state(number)


@pytest.mark.parametrize(("most", "kept"), [(1 << 28, 100), (10_000, 3)])
def test_kept_states_are_bounded(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, most: int, kept: int) -> None:
    """By their number, and by their size, which is that of the world."""
    monkeypatch.setattr("pixazo_simulator.world.world.MOST_KEPT_BYTES", most)
    control = simulator.control().create_world()
    numbers = [control.keep_state() for _ in range(kept)]
    with pytest.raises(ControlError, match=f"^{kept} states of this world are kept already"):
        control.keep_state()
    control.forget_state(numbers[0])
    assert control.keep_state() == numbers[-1] + 1


def test_a_webhook_that_is_undone_is_sent_again(simulator: Simulator) -> None:
    """What had been delivered since is due once more."""
    caller, control = used(simulator)
    with Receiver() as receiver:
        caller.call("POST", GENERATE, {"prompt": "D"}, {"X-Webhook-URL": receiver.url})
        number = control.keep_state()
        control.advance(20)
        control.restore_state(number)
        control.advance(20)
        assert len(receiver.received) == 2
        assert [len(each.attempts) for each in control.deliveries().deliveries] == [1]


def test_what_was_so_after_a_command_is_shown() -> None:
    """By its position in the log: the ledger, the journal, the generations, and what a status read would have said."""
    with Simulator(state="memory-log") as simulator:
        caller, control = used(simulator)
        position = simulator.control().health().position
        (before,) = control.generations().generations
        caller.call("POST", GENERATE, {"prompt": "E"})
        control.advance(100)
        at = str(position)
        assert [each.request_id for each in control.generations(at=at).generations] == [before.request_id]
        assert control.ledger(at=at).balance == Decimal("99.65")
        assert control.journal(at=at).total == 4
        assert control.status(before.request_id, at=at).status_code == 200
        with pytest.raises(ControlError, match=r"position 99999 is not kept: the log covers 0 to \d+"):
            control.ledger(at="99999")
        with pytest.raises(ControlError, match="at 0: the world was created later"):
            control.ledger(at="0")


def test_world_script_and_deliveries_are_shown_as_they_were_after_a_command() -> None:
    """Switches and policy, the rules and their counts, what was posted by then; an instant is no position."""
    with Simulator(state="memory-log") as simulator:
        caller, control = used(simulator)
        caller.call("POST", GENERATE, {"prompt": "E"}, {"X-Webhook-URL": "http://127.0.0.1:9/hook"})
        at = str(simulator.control().health().position)
        before = control.world(), control.script(), control.deliveries()
        control.change_world(policy={"timestamps": "mixed"}, balance="7.00", suspended=True)
        control.clear_script()
        control.advance(100)
        assert (control.world(at=at), control.script(at=at), control.deliveries(at=at)) == before
        assert control.world() != before[0]
        for read in (control.world, control.script):
            with pytest.raises(ControlError, match="at 2026-03-31T10:00:00Z is not a position of the log: ") as caught:
                read(at="2026-03-31T10:00:00Z")
            assert caught.value.status == 400


def test_without_a_log_there_are_no_positions() -> None:
    with Simulator() as simulator:
        assert simulator.control().health() == Health("ok", 1)
        with pytest.raises(
            ControlError, match="at 1: this server keeps no log; give an instant, or start it with a --state other than"
        ):
            simulator.control().ledger(at="1")


def test_a_log_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """In entries and in bytes: then the state is saved in their place, and what led to it can no longer be looked at."""
    monkeypatch.setattr("pixazo_simulator.state.log.SAVED_BEYOND", 100_000)
    monkeypatch.setattr("pixazo_simulator.state.log.LEASE", 0.03)
    store = MemoryStore()
    monkeypatch.setattr("pixazo_simulator.state.log.MemoryStore", lambda: store)
    saved = threading.Event()
    keep = store.save

    async def save(*state: Any) -> None:
        await keep(*state)
        saved.set()

    monkeypatch.setattr(store, "save", save)
    with Simulator(Settings(keys=(KEY,)), state="memory-log") as simulator:
        caller = Caller(over_http(simulator.url), KEY)
        for _ in range(3):
            caller.generate("A bear", padding="x" * 60_000)
        assert saved.wait(PATIENCE)
        with pytest.raises(ControlError, match="position 0 is not kept: the log covers"):
            simulator.control().ledger(at="0")
        assert len(simulator.control().export_world()["commands"]) < 3


def test_an_attempt_that_is_undone_is_not_entered() -> None:
    """Its outcome comes after the world was brought back: the webhook is still due, as it was then."""
    where = world()
    accepted(where, webhook_url="http://127.0.0.1:9/hook")
    due = where.next_due() or 0
    number = where.apply(KeepState(due))
    taken = where.apply(TakeDelivery(due))
    assert taken
    where.apply(RestoreState(due, number))
    where.apply(RecordAttempt(due, taken, Attempt(due, 204)))
    assert (where.next_due(), [each.attempts for each in where.deliveries()]) == (due, [()])


def test_no_secret_of_a_large_body_is_exported_and_its_image_stays(simulator: Simulator) -> None:
    """Whatever is in the Base64 of an image; JSON within JSON is searched, too, and a body that is no JSON."""
    caller = Caller(over_http(simulator.url), "aB")
    simulator.control().create_world(key=caller.key)
    image = f"data:image/png;base64,{'/aB+' * 30_000}"
    nested = json.dumps({"x": json.dumps({"password": "hunter2-S3cr3t"})})
    caller.call("POST", GENERATE, {"prompt": "A", "x": image, "token": "hunter2-S3cr3t", "y": nested})
    caller.call("POST", f"{GENERATE}?token=x'hunter2-S3cr3t", b"password=hunter2-S3cr3t&x=" + b"x" * 70_000)
    document = simulator.control(caller.key).export_world()
    decoded = b"".join(map(base64.b64decode, [data for _, data in document["state"]] + document["commands"]))
    assert b"hunter2-S3cr3t" not in decoded
    assert not document["commands"] or image.encode() in decoded


WEBHOOK = "http://user:pw@127.0.0.1:9/h"
CHOSEN = {"when": "generate", "match": {"headers": {"x-token": "right"}}, "reply": {"status": 503}}


@pytest.mark.parametrize(
    ("headers", "is_same"),
    [({"X-Webhook-URL": WEBHOOK}, True), ({"X-Token": "right"}, True), ({"X-Token": "wrong"}, False)],
)
def test_a_replay_whose_outcome_depends_on_a_secret_says_so(headers: dict[str, str], is_same: bool) -> None:
    """A URL stays one without its user; a rule cannot compare what is hidden."""
    with Simulator(state="memory-log") as simulator:
        control = simulator.control()
        control.add_rule(CHOSEN)
        Caller(over_http(simulator.url), "sim-key").call("POST", GENERATE, {"prompt": "A"}, headers)
        log = msgspec.convert(control.export_world(), WorldLog)
    replayed = Simulator.replaying(log)[1]
    assert (replayed.is_same, replayed.has_same_outcome) == (True, is_same)
