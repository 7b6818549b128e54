"""What every store does alike: in memory, in a file of SQLite, in Redis, in Valkey."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from tests.caller import Caller
from tests.patience import PATIENCE
from tests.servers import Redis

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pixazo_simulator.state import Head, Kept, Log, Store, log, redis, store_of
from pixazo_simulator.state.store import MemoryStore, SharedStore
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.world import Begun, Row, Settings

from .keeping import HEAD, KeptInProcess, Receiver, opened, with_receiver

T = TypeVar("T")
Place = Callable[[], Store]
"""Makes a store that is yet to be opened, each time of the same place."""
STATE = [Row("", b"first"), *(Row(f"1.{number}", bytes(number)) for number in range(50))]


@pytest.fixture(params=["memory-log", "sqlite", "redis-server", "valkey-server"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Where a store is kept; its server may take its time, as on a busy machine."""
    monkeypatch.setattr(redis, "TIMEOUT", PATIENCE)
    kind: str = request.param
    if kind == "memory-log":
        in_memory = MemoryStore()  # which a simulator that is started again still has
        yield lambda: in_memory
    elif kind == "sqlite":
        yield lambda: store_of(f"sqlite:{tmp_path / 'worlds'}")
    else:
        with Redis(tmp_path / "redis", program=kind) as running:
            yield lambda: store_of(running.url)


def _opened(place: Place, use: Callable[[Store, Kept], Awaitable[T]], head: Head = HEAD) -> T:
    """Open a store, use it, close it."""

    async def using() -> T:
        store = place()
        kept = store.open(head)
        try:
            return await use(store, kept)
        finally:
            await store.close()

    return asyncio.run(using())


async def _kept(_: Store, kept: Kept) -> tuple[Head, int, list[Row], list[bytes]]:
    return kept.head, kept.count, list(kept.state), list(kept.entries)


def _appending(*batches: list[bytes]) -> Callable[[Store, Kept], Awaitable[None]]:
    async def append(store: Store, _: Kept) -> None:
        for number, batch in enumerate(batches):
            await store.append(batch, durable=number % 2 == 0)

    return append


async def _position(store: Store) -> tuple[int, int]:
    return await store.tail() if isinstance(store, SharedStore) else (0, 0)


def test_a_new_store_is_empty(place: Place) -> None:
    """It has the head that it was opened with."""
    assert _opened(place, _kept) == (HEAD, 0, [], [])


def test_entries_are_kept_in_the_order_in_which_they_were_appended(place: Place) -> None:
    """Whatever they hold, and however many came together."""
    batches = [[b"one"], [b"two", b"\0\xff three"], [bytes(2_000_000)], [b"%d" % number for number in range(3000)]]
    _opened(place, _appending(*batches[:3]))
    _opened(place, _appending(*batches[3:]))
    assert _opened(place, _kept) == (HEAD, 0, [], [each for batch in batches for each in batch])


def test_the_head_is_that_of_the_first(place: Place) -> None:
    """Whoever opens it later learns when and with which settings it was begun."""
    _opened(place, _kept)
    assert _opened(place, _kept, msgspec.structs.replace(HEAD, begun=Begun(1, 2)))[0] == HEAD


def test_a_state_replaces_what_led_to_it(place: Place) -> None:
    """What is appended while it is saved comes after it; a later state replaces an earlier one."""

    async def save(store: Store, _: Kept) -> None:
        await store.append([b"1", b"2"], durable=True)
        position = await _position(store)
        await store.append([b"3"], durable=True)
        await store.save(2, STATE, position)

    async def save_again(store: Store, _: Kept) -> None:
        await store.append([b"4"], durable=True)
        await store.save(4, STATE[:1], await _position(store))
        await store.append([b"5"], durable=True)

    _opened(place, save)
    assert _opened(place, _kept) == (HEAD, 2, STATE, [b"3"])
    _opened(place, save_again)
    assert _opened(place, _kept) == (HEAD, 4, STATE[:1], [b"5"])


def test_a_state_that_is_not_saved_to_its_end_changes_nothing(place: Place) -> None:
    """The former one, and what came after it, is there; the next one can be saved."""

    def breaking() -> Iterator[Row]:
        yield from STATE
        raise ZeroDivisionError

    async def save(store: Store, _: Kept) -> None:
        await store.append([b"1"], durable=True)
        await store.save(1, STATE[:1], await _position(store))
        await store.append([b"2"], durable=True)
        with pytest.raises(ZeroDivisionError):
            await store.save(2, breaking(), await _position(store))

    async def save_again(store: Store, _: Kept) -> None:
        await store.save(2, STATE, await _position(store))

    _opened(place, save)
    assert _opened(place, _kept) == (HEAD, 1, STATE[:1], [b"2"])
    _opened(place, save_again)
    assert _opened(place, _kept) == (HEAD, 2, STATE, [])


def test_a_batch_is_appended_as_a_whole_or_not_at_all(place: Place) -> None:
    async def append(store: Store, _: Kept) -> None:
        broken: Any = [b"1", object()]
        with pytest.raises(Exception, match=r".") as raised:
            await store.append(broken, durable=True)
        del raised
        await store.append([b"2"], durable=True)

    if not isinstance(place(), MemoryStore):
        _opened(place, append)
        assert _opened(place, _kept)[3] == [b"2"]


async def _saved(kept: Log) -> None:
    """Return when the log has no need to save its state."""
    while kept.position - kept._saved >= log.SAVED_AFTER:  # noqa: ASYNC110 - the log tells nobody
        await asyncio.sleep(0)


@pytest.mark.slow
def test_a_simulator_goes_on_with_the_state_that_it_has_saved(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the store has the same worlds, whether it was saved never, once, or again."""
    monkeypatch.setattr(log, "SAVED_AFTER", 5)
    monkeypatch.setattr(log, "LEASE", 0.1)  # it saves whenever that is due
    settings = Settings(keys=("a-key",), balance=10**12)
    for _ in range(3):
        with with_receiver(KeptInProcess(place(), settings), Receiver([Outcome(500), Outcome(204)])) as server:
            caller = Caller(server, "a-key")
            for _ in range(2):
                ids = [caller.accepted(webhook="http://127.0.0.1:9/hook") for _ in range(2)]
                caller.advance(16)
                assert caller.status(ids[0]) == "COMPLETED"
                server._runner.run(_saved(server.log))
            caller.accepted()
            assert server.log._saved
            rows = server.rows
        application, _ = opened(place(), settings)
        assert [*application.worlds.saved()] == rows
        assert application.log
        asyncio.run(application.log.close())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed 0, but this server has 1"),
        ({"balance": 5}, r"balance \$100.00, but this server has \$0.000005"),
        ({"keys": ("other",)}, "keys"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    """By the name of the first that differs, and without the keys."""
    state = f"sqlite:{tmp_path / 'worlds'}"
    with Simulator(Settings(), state=state):
        pass
    with pytest.raises(
        SimulatorError, match=f"was started with {said}.*: use the same options, or choose another state"
    ):
        Simulator(Settings(**changed), state=state).start()
    with Simulator(Settings(), state=state):
        pass
