"""What goes wrong with Redis: before the start one line and exit code 2, later 503 at once until it is back; nothing that was refused is done."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import redis
from tests.caller import Caller, Reply, over_http
from tests.command import Serving, mistake
from tests.patience import PATIENCE, until
from tests.servers import Redis, free_port
from tests.serving import ServeProcess

from pixazo_simulator import Simulator
from pixazo_simulator.state.log import store_of
from pixazo_simulator.state.redis import RedisStore
from pixazo_simulator.world import StateUnavailableError

from .keeping import HEAD

OPTIONS = ("--clock", "manual", "--api-key", "a-key", "--balance", "100000")
AWAY = (503, "1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of its own."""
    with Redis(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def servers(store: Redis, tmp_path: Path) -> Iterator[list[ServeProcess]]:
    """Two servers over it."""
    with ExitStack() as running:
        made = [ServeProcess(tmp_path / f"server-{number}", *OPTIONS, "--state", store.url) for number in range(2)]
        yield [running.enter_context(each) for each in made]


@pytest.fixture
def callers(servers: list[ServeProcess]) -> list[Caller]:
    """A caller of each."""
    return [Caller(over_http(each.url), "a-key") for each in servers]


def _connected(url: str, **options: Any) -> Any:
    connected: Any = redis.Redis
    return connected.from_url(url, **options)


def _away(reply: Reply) -> bool:
    assert reply.status == 503, reply.body
    assert reply.headers["retry-after"] == "1"
    return True


def _until(answered: Callable[[], Reply], status: int) -> Reply:
    """The first reply of this status, where until then the store is away."""
    last = time.monotonic() + PATIENCE
    while (reply := answered()).status != status:
        assert _away(reply)
        assert time.monotonic() < last
    return reply


def _ids(caller: Caller) -> list[str]:
    return [each["request_id"] for each in caller.sim("generations?limit=1000")["generations"]]


@pytest.mark.exhaustive
def test_what_was_refused_because_it_stood_still_is_not_done_later(
    store: Redis, servers: list[ServeProcess], callers: list[Caller]
) -> None:
    """Neither submissions nor changes nor reads are answered meanwhile; then everything goes on by itself."""
    first = callers[0].accepted()
    with store.paused():
        for caller in callers:
            assert _away(caller.generate("never"))
            assert _away(caller.read(first))
            assert _away(caller.call("PATCH", "/_sim/world", {"suspended": True}))
            assert _away(caller.call("GET", "/_sim/ledger"))
        time.sleep(1)  # a server that goes on after a moment only is tested next
    second = _until(callers[1].generate, 202).json()["request_id"]
    _until(lambda: callers[0].read(second), 200)
    assert _ids(callers[0]) == _ids(callers[1]) == [first, second]
    assert not callers[0].sim("world")["suspended"]
    until(lambda: all(" can be used again" in serving.log for serving in servers))
    for serving in servers:
        assert serving.log.count(" can be used again") == 1
        assert serving.log.count(": try again\n") == 1, serving.log


@pytest.mark.exhaustive
def test_control_is_answered_when_the_last_entry_does_not_count(store: Redis, callers: list[Caller]) -> None:
    """An entry that came too late is the end of the stream."""
    with store.paused():
        assert _away(callers[0].generate())
    _until(lambda: callers[0].call("GET", "/_sim/ledger"), 200)
    _until(lambda: callers[1].call("GET", "/_sim/ledger"), 200)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.2, pytest.param(0.7, marks=pytest.mark.exhaustive)])
def test_a_store_that_hesitates_is_waited_for(store: Redis, seconds: float) -> None:
    """Less than a second is nothing that anybody notices."""
    with Simulator(state=store.url) as first, Simulator(state=store.url) as second, ExitStack() as pausing:
        one, other = (Caller(over_http(each.url), each.api_key) for each in (first, second))
        pausing.enter_context(store.paused())
        timer = Timer(seconds, pausing.close)
        timer.start()
        identity = one.accepted()
        timer.join()
        assert other.status(identity) == "QUEUED"


@pytest.mark.slow
def test_a_store_that_was_killed_is_waited_for(
    store: Redis, servers: list[ServeProcess], callers: list[Caller]
) -> None:
    """With everything that it had acknowledged it goes on."""
    first = callers[0].accepted()
    store.kill()
    for caller in callers:
        assert _away(caller.generate())
        assert _away(caller.call("GET", "/_sim/ledger"))
    store.start()
    second = _until(callers[1].generate, 202).json()["request_id"]
    _until(lambda: callers[0].read(second), 200)
    assert _ids(callers[0]) == _ids(callers[1]) == [first, second]
    until(lambda: all("cannot be reached" in serving.log for serving in servers))
    assert [serving.log.count("cannot be reached") for serving in servers] == [1, 1]


@pytest.mark.exhaustive
def test_a_store_that_comes_back_empty_is_not_used(
    store: Redis, servers: list[ServeProcess], callers: list[Caller]
) -> None:
    """Nor one that is emptied while it runs; also when another process has begun anew there. Restarted, the servers do so, too."""
    callers[0].accepted()
    with _connected(store.url) as client:
        client.flushall()
    until(lambda: callers[0].call("GET", "/_sim/ready").status == 503)
    servers[1].restart()
    identity = callers[1].accepted()
    assert "restart all its processes" in callers[0].generate().json()["message"]
    assert _away(callers[0].generate())
    assert _away(callers[0].read(identity))
    assert _ids(callers[1]) == [identity]
    assert "used again" not in servers[0].log
    store.restart_empty()
    for _ in range(3):
        assert all(_away(caller.generate()) for caller in callers)
    for serving in servers:
        serving.restart()
    identity = callers[0].accepted()
    assert _ids(callers[1]) == [identity]


@pytest.mark.exhaustive
def test_a_store_that_has_lost_its_last_entries_is_not_used(store: Redis, callers: list[Caller]) -> None:
    """By no server that has carried them out, though others may have gone on."""
    callers[0].accepted()
    with _connected(store.url) as client:
        (stream,) = client.keys("*:entries")
        ((last, _),) = client.xrevrange(stream, count=1)
        client.xdel(stream, last)
        client.client_kill_filter(skipme=True)
    for caller in callers:
        assert "restart all its processes" in _until_lost(caller)


def _until_lost(caller: Caller) -> str:
    messages = list[str]()

    def is_lost() -> bool:
        messages.append(caller.generate().json().get("message", ""))
        return "lost" in messages[-1]

    until(is_lost)
    return messages[-1]


@pytest.mark.exhaustive
def test_what_was_done_is_answered_though_the_store_has_gone(store: Redis, callers: list[Caller]) -> None:
    """A response that a script delays says what was done; the journal lacks it."""
    script = {"rules": [{"when": "generate", "faults": [{"fault": "delay", "seconds": 0.5}]}]}
    assert callers[0].call("PUT", "/_sim/script", script).status == 200
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(callers[0].accepted)
        until(lambda: _ids(callers[1]))
        found = _ids(callers[1])
        store.kill()
        assert [answering.result()] == found


def _is_refused(caller: Caller) -> bool:
    return caller.generate().status == 503


@pytest.mark.exhaustive
def test_an_entry_that_is_none_is_not_passed_over(
    store: Redis, servers: list[ServeProcess], callers: list[Caller]
) -> None:
    """Neither by servers that meet it, nor by one that starts."""
    callers[0].accepted()
    with _connected(store.url) as client:
        (stream,) = client.keys("*:entries")
        client.xadd(stream, {"d": b"\x91\xc4\x03abc", "u": 99999999999999})
    for caller in callers:
        until(partial(_is_refused, caller))
        assert _away(caller.call("GET", "/_sim/ledger"))
    until(lambda: "is not an entry of a log" in servers[0].log)
    assert " is damaged" in mistake("serve", "--port", "0", *OPTIONS, "--state", store.url)


@pytest.mark.slow
def test_servers_that_cannot_be_used(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """One that is not there, one with a password, one where our name is taken: nothing is changed, and no password shown."""
    nowhere = f"redis://:a-secret@127.0.0.1:{free_port()}/0"
    said = mistake("serve", "--port", "0", "--state", nowhere)
    assert said.startswith(nowhere.replace(":a-secret@", ""))
    assert said.endswith("check that the server is running there")
    with (
        Redis(tmp_path / "redis", "--requirepass", "right") as guarded,
        _connected(guarded.url, password="right") as client,
    ):
        for secret in ("", ":wrong@"):
            said = mistake("serve", "--port", "0", "--state", guarded.url.replace("//", f"//{secret}"))
            assert "wrong" not in said.partition(" cannot be used")[0]
            assert "password" in said.lower() or "authentication" in said.lower()
        client.set("somebody", "else")
        serving = serve(*OPTIONS, "--state", guarded.url.replace("//", "//:right@"))
        Caller(over_http(serving.url), "a-key").accepted()
        assert serving.end() == 0
        assert "right" not in serving.log
        assert client.get("somebody") == b"else"
        client.flushall()
        client.set("pixazo-sim:head", "mine")
        said = mistake("serve", "--port", "0", "--state", guarded.url.replace("//", "//:right@"))
        assert "has something else under pixazo-sim:head: choose another database" in said
        assert client.keys() == [b"pixazo-sim:head"]


def test_a_batch_that_is_taken_too_late_does_not_count(store: Redis) -> None:
    """A store that was opened before, and one that is opened later, pass over it."""

    async def append() -> None:
        late, other = RedisStore(store.url), RedisStore(store.url)
        late.open(HEAD)
        other.open(HEAD)
        await late.append([b"in time"], durable=True)
        late._ahead -= 60
        with pytest.raises(StateUnavailableError, match="has taken longer than 2 s"):
            await late.append([b"too", b"late"], durable=True)
        await late.append([b"in time again"], durable=True)
        found = list[bytes]()
        while len(found) < 2:
            found += await other.follow()
        kept = RedisStore(store.url).open(HEAD)
        assert found == list(kept.entries) == [b"in time", b"in time again"]
        await late.close()
        await other.close()

    asyncio.run(append())


def test_a_heartbeat_reads_no_entry(store: Redis) -> None:
    """The last one may have 20 MB."""

    async def beat() -> int:
        kept = RedisStore(store.url)
        kept.open(HEAD)
        await kept.append([bytes(100_000)], durable=True)
        await kept.follow()
        with _connected(store.url) as client:
            before: int = client.info("stats")["total_net_output_bytes"]
            await kept.hold("a process")
            after: int = client.info("stats")["total_net_output_bytes"]
        await kept.close()
        return after - before

    assert asyncio.run(beat()) < 50_000


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("reddis://:hunter2@h/0", "state 'reddis:...' is not one of memory"),
        ("unix:///s?password=hunter2", "state 'unix:...' is not one of memory"),
        ("redis://:hunt#er2@h/0", "of a password as %2F %3F %23"),
        ("redis://:hunt/er2@h/0", "of a password as %2F %3F %23"),
        ("redis://:hunter2@h/name", "the database is a number, '/name' is none"),
        ("redis://:hunter2@h/0?foo=1", "wrong option behind the question mark: .*foo"),
        ("redis://:hunter2@h/0?socket_timeout=hunter2", "wrong option behind the question mark: .*socket_timeout"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(state: str, said: str) -> None:
    """Also where the library would take it for another one."""
    with pytest.raises(ValueError, match=said) as caught:
        store_of(state)
    assert "hunt" not in str(caught.value)
