"""A world is the fold of its commands: alike in memory, carried out through a log, replayed, and restored from any state of it."""

# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caller import GENERATE, Caller, Reply
from tests.inprocess import InProcess

from pixazo_simulator.state.history import Replayed, export
from pixazo_simulator.state.store import MemoryStore
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.world import Settings
from pixazo_simulator.world.world import World

from .keeping import HEAD, KeptInProcess, Receiver, replayed, with_receiver

SETTINGS = Settings(keys=("one", "two"), open_keys=True)
HOOK = "http://127.0.0.1:9/hook"
PROMPTS = (
    "A bear", "A bear [[sim:after 0]]", "A bear [[sim:failed too wild]]", "A bear [[sim:error full]]", "A bear [[sim:stuck]]", "",
)  # fmt: skip
RULES: tuple[dict[str, Any], ...] = (
    {"when": "generate", "times": 1, "faults": [{"fault": "status_code", "status": 502}]},
    {"when": "generate", "faults": [{"fault": "status_code", "status": 503}], "probability": 0.5},
    {"when": "generate", "faults": [{"fault": "stuck"}]},
    {"when": "generate", "faults": [{"fault": "before_reply"}]},
    {"when": "status", "after": 1, "faults": [{"fault": "unknown_status"}]},
    {"when": "webhook", "times": 2, "faults": [{"fault": "duplicate", "copies": 3}]},
    {"when": "webhook", "faults": [{"fault": "reorder"}]},
    {"when": "webhook", "faults": [{"fault": "lognormal_delay", "median": 2}]},
    {"when": "webhook", "faults": [{"fault": "drop"}]},
)
CHANGES: tuple[dict[str, Any], ...] = (
    {"balance": "0.50"},
    {"balance": "100.00"},
    {"suspended": True},
    {"suspended": False},
    {"policy": {"rate_limit": "3/60"}},
    {"policy": {"concurrency": "2"}},
    {"policy": {"webhook_signature": "standard"}},
    {"policy": {"read_delay": "5000"}},
    {"policy": {"callback_url": "challenge", "callback_events": "updates"}},
    {"policy": {"webhook_events": "header"}},
    {"policy": {"retention": "status=20,media=10"}},
    {"policy": {"progress": "polls"}},
)
PAST = {
    "key": "anyone",
    "clock": "manual",
    "generations": [
        {"status": "FAILED", "age": 60, "webhook_url": HOOK},
        {"status": "PROCESSING", "webhook_url": HOOK},
    ],
}
NOTHING = st.none()
Call = tuple[str, str, str, Any, dict[str, str]]
"""A key, a method, a target, a body and headers; in the target, `{N}` stands for the N-th id that was given to any key."""


def _submits(key: str, prompt: str, hook: bool, callback: bool, mode: str) -> Call:
    headers = {"X-Webhook-URL": HOOK, "X-Webhook-Mode": mode} if hook else {}
    body = {"prompt": prompt} | ({"callback_url": HOOK} if callback else {})
    return key, "POST", GENERATE, body, headers


def _control(method: str, target: str, body: st.SearchStrategy[Any] = NOTHING) -> st.SearchStrategy[Call]:
    return st.builds(lambda key, given: (key, method, target, given, {}), KEYS, body)


KEYS = st.sampled_from(["one", "one", "one", "two", "sim-one-video-1", "sim-throttled-briefly-2", "anyone", ""])
SUBMITS = st.builds(
    _submits, KEYS, st.sampled_from(PROMPTS), st.booleans(), st.booleans(), st.sampled_from(["async", "sync"])
)
READS: st.SearchStrategy[Call] = st.builds(
    lambda key, number, path: (key, "GET", path % number, None, {}),
    KEYS, st.sampled_from([0, 0, 0, 1, 1, 2]), st.sampled_from(["/v2/requests/status/{%d}", "/v1/{%d}/output.mp4", "/nowhere/{%d}"]),
)  # fmt: skip
ADVANCES = _control("POST", "/_sim/clock/advance", st.builds(
    lambda seconds, every: {"seconds": seconds, **({"every_world": True} if every else {})},
    st.sampled_from([0, 0.5, 2, 15, 16, 40, 2000]), st.booleans(),
))  # fmt: skip
CALLS = st.one_of(
    SUBMITS,
    SUBMITS,
    READS,
    ADVANCES,
    _control("PATCH", "/_sim/world", st.sampled_from(CHANGES)),
    _control("POST", "/_sim/script/rules", st.sampled_from(RULES)),
    _control("DELETE", "/_sim/script"),
    _control("DELETE", "/_sim/world"),
    _control("POST", "/_sim/worlds", st.sampled_from([{}, {"key": "one"}, {"name": "shop", "seed": 3, "start": "2030-01-01T00:00:00Z"}, PAST])),
    _control("POST", "/_sim/world/states"),
    _control("POST", "/_sim/world/states/1/restore"),
    _control("DELETE", "/_sim/world/states/1"),
    _control("POST", "/_sim/deliveries/1/resend"),
    _control("POST", "/_sim/webhook-secret/rotate", st.just({"overlap": 60})),
)  # fmt: skip
OUTCOMES = st.lists(
    st.sampled_from([Outcome(204), Outcome(500), Outcome(None, "refused"), Outcome(200)]), min_size=1, max_size=4
)
HISTORIES = st.lists(CALLS, min_size=1, max_size=14)
OF_ALL = ("/_sim/worlds", "/_sim/record", "/v1/")
"""Targets that are about several worlds: with any key they list unmatched requests, and show a video."""


def _is_of_one(call: Call) -> bool:
    return not call[2].startswith(OF_ALL) and "every_world" not in (call[3] or {})


CROWDS = st.lists(st.builds(
    lambda key, call: (key, *call[1:]),
    st.sampled_from(["one", "two", "anyone", "sim-one-video-1"]), st.one_of(SUBMITS, CALLS.filter(_is_of_one)),
), min_size=10, max_size=20)  # fmt: skip
"""Histories of several callers, each of whom mostly gets a generation."""
FEW, MANY = settings(max_examples=40), settings(max_examples=200)
"""Examples in the default run of what replays nothing, and of all with --exhaustive."""
PLACES = st.integers(0, 200)
PARTS = st.lists(st.integers(1, 40_000), min_size=1, max_size=4)


SHOWN: list[Call] = [
    (key, "GET", f"/_sim/{what}", None, {})
    for key in ("one", "two")
    for what in ("record", "journal", "ledger", "deliveries")
]
"""What a server shows of its worlds."""


def _carried_out(server: InProcess, calls: Sequence[Call]) -> list[Reply]:
    """The replies to these calls, and then what the server shows of its worlds."""
    return [reply for _, reply in _sent(server, [*calls, *SHOWN])]


def _sent(server: InProcess, calls: Iterable[Call]) -> list[tuple[Call, Reply]]:
    """These calls as they were sent, with ids, and the replies."""
    ids, sent = list[str](), list[tuple[Call, Reply]]()
    for key, method, target, body, headers in calls:
        place = re.sub(r"\{(\d)\}", lambda found: ids[int(found[1])] if int(found[1]) < len(ids) else "none", target)
        reply = Caller(server, key).call(method, place, body, headers)
        sent.append(((key, method, place, body, headers), reply))
        if reply.status == 202:
            ids.append(reply.json()["request_id"])
    return sent


@pytest.mark.slow
@FEW
@given(HISTORIES, OUTCOMES)
def test_a_log_changes_nothing(calls: list[Call], outcomes: list[Outcome]) -> None:
    """The replies, and the webhooks, are the same bytes as without one."""
    plainly, logged = Receiver(outcomes), Receiver(outcomes)
    with with_receiver(InProcess(SETTINGS), plainly) as without:
        expected = _carried_out(without, calls)
    with with_receiver(KeptInProcess(MemoryStore(), SETTINGS), logged) as within:
        replies = _carried_out(within, calls)
    assert replies == expected
    assert logged.webhooks == plainly.webhooks


@pytest.mark.slow
@given(HISTORIES, OUTCOMES, PLACES)
def test_what_was_kept_is_what_there_was(calls: list[Call], outcomes: list[Outcome], place: int) -> None:
    """Replayed from its entries, or from a state of any moment and the entries after it, everything is as it was, to the byte."""
    store = MemoryStore()
    with with_receiver(KeptInProcess(store, SETTINGS), Receiver(outcomes)) as server:
        _carried_out(server, calls)
    entries = list(store.open(HEAD).entries)
    assert replayed(SETTINGS, entries) == (server.rows, server.answers)
    place %= len(entries) + 1
    rows, answers = replayed(SETTINGS, entries[:place])
    assert replayed(SETTINGS, entries[place:], rows) == (server.rows, server.answers[len(answers) :])


@pytest.mark.slow
@FEW
@given(HISTORIES, OUTCOMES, PARTS)
def test_any_split_of_an_advance_gives_the_same(calls: list[Call], outcomes: list[Outcome], parts: list[int]) -> None:
    """All that is seen afterwards is the same as after one advance."""
    seen = [_seen_after(calls, outcomes, some) for some in ([sum(parts)], parts)]
    assert seen[0] == seen[1]


def _seen_after(calls: Sequence[Call], outcomes: Sequence[Outcome], parts: Sequence[int]) -> list[Any]:
    advances: list[Call] = [("one", "POST", "/_sim/clock/advance", {"seconds": part / 1000}, {}) for part in parts]
    with with_receiver(KeptInProcess(MemoryStore(), SETTINGS), Receiver(outcomes)) as server:
        replies = _carried_out(server, [*calls, *advances])
    return [reply.body for reply in [*replies[: len(calls)], *replies[len(calls) + len(parts) :]]]


@pytest.mark.slow
@FEW
@given(HISTORIES, OUTCOMES)
def test_what_is_exported_comes_to_the_same_state(calls: list[Call], outcomes: list[Outcome]) -> None:
    """Of each world, by its commands alone, on worlds that know nothing of the others."""
    store = MemoryStore()
    with with_receiver(KeptInProcess(store, SETTINGS), Receiver(outcomes)) as server:
        _carried_out(server, calls)
        application = server.application
        kept = store.open(HEAD)
        for world in application.worlds:
            replayed = Replayed(export(world, application.worlds, kept, application.scratch), application.scratch)
            assert replayed.is_same
            assert _essence(replayed.world) == _essence(world)


def _essence(world: World) -> list[object]:
    """What a world has, without its key."""
    now = world.clock.now()
    return [
        now, world.policy, world.generations(), world.account.ledger.entries(now), world.deliveries(),
        [(each.at, each.status, each.reason, each.response_body) for each in world.journal], world.script.saved(),
    ]  # fmt: skip


def test_another_seed_gives_other_ids() -> None:
    """The seed is what the bytes depend on: with another one the same call is answered with another id."""
    ids = set[str]()
    for seed in (0, 0, 1):
        with InProcess() as send:
            caller = Caller(send, "holder")
            caller.call("POST", "/_sim/worlds", {"key": caller.key, "seed": seed})
            ids.add(caller.accepted())
    assert len(ids) == 2


@pytest.mark.slow
@FEW
@given(CROWDS, OUTCOMES)
def test_no_world_affects_another(calls: list[Call], outcomes: list[Outcome]) -> None:
    """A key gets the same bytes where nobody else calls; all webhooks end alike, since outcomes come in the order of all of them."""
    with with_receiver(InProcess(SETTINGS), Receiver(outcomes[:1])) as server:
        sent = _sent(server, [*calls, *filter(_is_of_one, SHOWN)])
    for key in {call[0] for call, _ in sent}:
        expected = [each for each in sent if each[0][0] == key]
        with with_receiver(InProcess(SETTINGS), Receiver(outcomes[:1])) as alone:
            assert _sent(alone, [call for call, _ in expected]) == expected


LAWS: dict[Any, tuple[st.SearchStrategy[Any], ...]] = {
    test_a_log_changes_nothing: (HISTORIES, OUTCOMES),
    test_what_was_kept_is_what_there_was: (HISTORIES, OUTCOMES, PLACES),
    test_any_split_of_an_advance_gives_the_same: (HISTORIES, OUTCOMES, PARTS),
    test_what_is_exported_comes_to_the_same_state: (HISTORIES, OUTCOMES),
    test_no_world_affects_another: (CROWDS, OUTCOMES),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("law", LAWS)
def test_the_laws_hold_in_many_worlds(law: Any) -> None:
    """The same with more histories."""
    MANY(given(*LAWS[law])(law.hypothesis.inner_test))()
