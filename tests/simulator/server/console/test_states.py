"""The console of every kind of state: what one process shows another shows, too; the past is read step by step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from tests.caller import Caller, over_http
from tests.command import Serving
from tests.servers import Redis
from tests.serving import ServeProcess
from tests.simulator.server.console.visitor import BASE, HEADERS, PAGES, Visitor, live

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.state import Kept, Scratch, world_at
from pixazo_simulator.world import World

KEPT = ("memory-log", "sqlite")


def place(state: str, folder: Path) -> str:
    """The value of --state."""
    return f"sqlite:{folder / 'worlds.db'}" if state == "sqlite" else state


def text(page: bytes) -> str:
    """What a reader sees of a page: without markup."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", page.decode())).split())


@pytest.mark.slow
@pytest.mark.parametrize("state", ["memory", "memory-log"])
def test_every_page_is_shown_and_every_form_works(state: str, tmp_path: Path) -> None:
    """Whatever keeps the worlds; only a server that keeps a log has their history."""
    with Simulator(state=place(state, tmp_path)) as server:
        send = over_http(server.url)
        live(Caller(send, server.api_key))
        asked = Visitor(send)
        for path in PAGES:
            if path not in ("/unmatched/1", "/worlds/1/history"):
                reply = asked.get(path)
                assert (reply.status, HEADERS.items() <= reply.headers.items()) == (
                    303 if path in ("", "/") else 200,
                    True,
                )
        assert "It is 2026-03-31T10:00:22.000Z" in text(asked.post("/worlds/1/advance", {"step": "5"}).body)
        assert "22.000" in text(asked.get("/worlds/1").body)
        history = asked.get("/worlds/1/history")
        assert ("Step by step" in text(history.body)) is (state in KEPT), text(history.body)
        assert (b">History<" in asked.get("/worlds/1").body) is (state in KEPT)


@pytest.mark.parametrize("state", KEPT)
def test_the_history_leads_to_each_step(state: str, tmp_path: Path) -> None:
    """And each step to those before and after it."""
    with Simulator(state=place(state, tmp_path)) as server:
        caller = Caller(over_http(server.url), server.api_key)
        identity = caller.accepted("A bear")
        caller.advance(16)
        steps_lead_to_the_past(Visitor(over_http(server.url)), identity)


def steps_lead_to_the_past(asked: Visitor, identity: str) -> None:
    """Check the history of world 1, in which a generation was accepted and the clock was advanced until it had ended."""
    page = asked.get("/worlds/1/history").body.decode()
    links = re.findall(rf'<a class="row" id="step-(\d+)" href="{BASE}(/worlds/1\?at=\d+)">', page)
    assert [target for _, target in links] == [f"/worlds/1?at={number}" for number, _ in links]
    assert len(links) >= 2
    drawn = dict[int, bool]()
    for number, target in links:
        then = asked.get(target)
        assert then.status == 200
        assert f"after command {number}" in text(then.body)
        if identity[-6:] in text(then.body):
            drawn[int(number)] = 'class="end COMPLETED"' in then.body.decode()
    assert drawn[max(drawn)]
    assert not drawn[min(drawn)]


def test_a_page_of_the_past_replays_the_log_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it shows; another position is another past."""
    replayed = list[int]()

    def counted(number: int, position: int, kept: Kept, scratch: Scratch) -> World | None:
        replayed.append(position)
        return world_at(number, position, kept, scratch)

    monkeypatch.setattr("pixazo_simulator.control.routes.world_at", counted)
    with Simulator(state="memory-log") as server:
        Caller(over_http(server.url), server.api_key).accepted("A bear")
        for position in (1, 0, 1):
            assert Visitor(over_http(server.url)).get(f"/worlds/1?at={position}").status == 200
    assert replayed == [1, 0, 1]


def test_a_server_that_starts_anew_shows_what_was(tmp_path: Path) -> None:
    for expected in ("1 request ", "2 requests "):
        with Simulator(state=place("sqlite", tmp_path)) as server:
            Caller(over_http(server.url), server.api_key).accepted("A bear")
            assert expected in text(Visitor(over_http(server.url)).get("/worlds/1/requests").body)


@pytest.mark.parametrize("at", ["now", "2026-03-31T12:00:00%2B02:00", "2026-03-31t10:00:00z"])
def test_the_past_is_shown_in_utc_however_it_is_written(at: str) -> None:
    """The console reads an instant as `/_sim` does."""
    with Simulator() as server:
        Caller(over_http(server.url), server.api_key).accepted()
        reply = Visitor(over_http(server.url)).get(f"/worlds/1?at={at}")
    assert reply.status == 200
    assert '<strong id="clock-then" class="mono">2026-03-31 10:00:00.000</strong>' in reply.body.decode()


@pytest.mark.parametrize("at", ["%D9%A3", "9" * 5000])
def test_what_is_neither_an_instant_nor_a_position_is_refused(at: str) -> None:
    """A position has ASCII digits, at most 15."""
    with Simulator(state="memory-log") as server:
        assert Visitor(over_http(server.url)).get(f"/worlds/1?at={at}").status == 400


def test_two_processes_show_the_same(tmp_path: Path) -> None:
    """What is done on the page of one is on that of the other when it is asked for next."""
    with Redis(tmp_path / "redis") as redis, Simulator(state=redis.url) as first, Simulator(state=redis.url) as second:
        ones, others = Visitor(over_http(first.url)), Visitor(over_http(second.url))
        Caller(over_http(first.url), first.api_key).accepted("A bear")
        assert "1 request" in text(others.get("/worlds/1/requests").body)
        assert "It is 2026-03-31T10:00:05.000Z" in text(others.post("/worlds/1/advance", {"step": "5"}).body)
        assert "10:00:05.000" in text(ones.get("/worlds/1").body)
        ones.post("/worlds/1/rules", {"rule": '{"when": "generate", "reply": {"status": 503}}'})
        assert 'id="rule-1"' in others.get("/worlds/1/script").body.decode()
        others.post("/worlds/1/rules/1/remove", {})
        assert 'id="rule-1"' not in ones.get("/worlds/1/script").body.decode()


@pytest.mark.exhaustive
def test_three_workers_show_the_same(tmp_path: Path) -> None:
    """Each page has a connection of its own, which any of them accepts."""
    with (
        Redis(tmp_path / "redis") as redis,
        ServeProcess(tmp_path / "serve", "--workers", "3", "--state", redis.url, "--clock", "manual") as serving,
    ):
        asked, caller = Visitor(over_http(serving.url)), Caller(over_http(serving.url), serving.key)
        for number in range(1, 11):
            identity = caller.accepted("A bear")
            asked.post("/worlds/1/advance", {"step": "15"})
            shown = text(asked.get("/worlds/1/requests").body)
            assert f"{number} request{'s' if number > 1 else ''}" in shown
            assert identity[-6:] in text(asked.get("/worlds/1").body)


@pytest.mark.slow
def test_replay_shows_the_past_of_a_saved_world_step_by_step(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """As the server that saved it does."""
    with Simulator(state="memory-log") as server:
        caller = Caller(over_http(server.url), server.api_key)
        identity = caller.accepted("A bear")
        caller.advance(16)
        document = server.control().export_world()
    file = tmp_path / "world.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    replaying = serve(str(file), command="replay")
    assert replaying.line() == f"console {replaying.url}{BASE}\n"
    steps_lead_to_the_past(Visitor(over_http(replaying.url)), identity)


def test_serve_says_where_its_console_is(serve: Callable[..., Serving]) -> None:
    """In the line after the ready line; it answers at once."""
    serving = serve("--clock", "manual")
    assert serving.line() == f"console {serving.url}{BASE}\n"
    reply = Visitor(over_http(serving.url)).get("")
    assert (reply.status, reply.headers["location"]) == (303, f"{BASE}/worlds/1")
    assert "Nothing has arrived yet." in text(Visitor(over_http(serving.url)).get("/worlds/1").body)
