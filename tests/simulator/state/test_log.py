"""What a log does while a store that is shared takes its time: what it refuses is not done later, what may be done it does not refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import pytest
from tests.patience import PATIENCE

from pixazo_simulator.state import Head, Kept, StoreError, log
from pixazo_simulator.state.entries import Fold
from pixazo_simulator.state.log import Log
from pixazo_simulator.state.store import Position, SharedStore
from pixazo_simulator.world import Row, Settings, StateUnavailableError, TakeNumber, Worlds
from pixazo_simulator.world.part import Part, rows

from .keeping import HEAD


class Slow(SharedStore):
    """A shared store that takes entries when it is `open`, or fails with `error` though it has them or not."""

    name = "slow"

    def __init__(self) -> None:
        self.cursor: Position = (0, 0)
        self.opened = asyncio.Event()
        self.asked = asyncio.Event()
        self.taken: list[bytes] = []
        self.batches: list[int] = []
        self.error: Exception | None = None
        self._more = asyncio.Event()

    def open(self, head: Head) -> Kept:
        """It holds nothing."""
        return Kept(head, 0, [], [])

    async def read(self) -> Kept:
        """What it has taken."""
        return Kept(HEAD, 0, [], self.taken)

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:
        """Take entries as soon as it is open."""
        self.asked.set()
        await self.opened.wait()
        self.batches.append(len(entries))
        self.give(entries)
        if self.error:
            raise self.error

    def give(self, entries: Sequence[bytes]) -> None:
        """Have these entries."""
        self.taken += entries
        self._more.set()

    async def follow(self) -> Sequence[bytes]:
        """The entries that it has taken."""
        while self.cursor[0] == len(self.taken):
            self._more.clear()
            await self._more.wait()
        found = self.taken[self.cursor[0] :]
        self.cursor = len(self.taken), 0
        return found

    async def tail(self) -> Position:
        """Where the latest stands."""
        return len(self.taken), 0

    async def hold(self, process: str) -> bool:
        """Everybody may do everything."""
        return True

    async def living(self, processes: Iterable[str]) -> set[str]:
        """All live."""
        return set(processes)

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:
        """Nothing is saved."""

    async def close(self) -> None:
        """Nothing is to be let go."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PATIENCE", 0.05)


def _drive(doing: Callable[[Log, Slow], Awaitable[None]]) -> None:
    async def run() -> None:
        worlds, store = Worlds(Settings(), begun=HEAD.begun), Slow()

        def answer(*_: Any) -> Any:
            raise NotImplementedError

        appending = Log(Fold(worlds, answer), store)
        appending.start()
        try:
            async with asyncio.timeout(PATIENCE):
                await doing(appending, store)
        finally:
            await appending.close()

    asyncio.run(run())


def _asked(appending: Log) -> asyncio.Task[Any]:
    return asyncio.create_task(appending.append(None, TakeNumber()))


async def _asked_again_and_again(appending: Log) -> None:
    while True:
        await _asked(appending)


def test_what_was_refused_while_it_waited_is_not_handed_over() -> None:
    """The entry before it, which the store is asked to take, is waited for instead: it may be done."""

    async def doing(appending: Log, store: Slow) -> None:
        first = _asked(appending)
        await store.asked.wait()
        with pytest.raises(StateUnavailableError, match=r"slow has not responded for 0\.05 s: try again"):
            await _asked(appending)
        assert not first.done()
        store.opened.set()
        made = await first
        assert await _asked(appending) == made + 1
        assert store.batches == [1, 1]

    _drive(doing)


def test_what_a_store_has_in_spite_of_an_error_is_answered() -> None:
    """By the entries that come back from it."""

    async def doing(appending: Log, store: Slow) -> None:
        store.opened.set()
        store.error = StateUnavailableError("slow cannot be reached")
        assert await _asked(appending) + 1 == await _asked(appending)

    _drive(doing)


def test_what_waits_is_handed_over_together_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(appending: Log, store: Slow) -> None:
        first = _asked(appending)
        await store.asked.wait()
        others = [_asked(appending) for _ in range(5)]
        await asyncio.sleep(0)
        monkeypatch.setattr(log, "MOST_BYTES", 1)
        store.opened.set()
        numbers = await asyncio.gather(first, *others)
        assert numbers == list(range(numbers[0], numbers[0] + 6))
        assert store.batches == [1] * 6

    _drive(doing)


def test_a_log_ends_with_an_entry_that_is_none(caplog: pytest.LogCaptureFixture) -> None:
    """It says so once, and refuses everything from then on: other processes may have carried it out."""

    async def doing(appending: Log, store: Slow) -> None:
        store.opened.set()
        await _asked(appending)
        store.give([b"damaged"])
        for _ in range(3):
            with pytest.raises(StateUnavailableError, match="slow is damaged: this is not an entry of a log"):
                await _asked_again_and_again(appending)

    _drive(doing)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["slow is damaged"]


@pytest.mark.parametrize("data", [b"", b"\x00", b"damaged", bytes(1000), b"\xff" * 50])
def test_no_bytes_but_entries_are_read(data: bytes) -> None:
    """A log that holds others cannot be loaded."""
    with pytest.raises(StoreError, match=r"slow is damaged: .*; restore a copy, or choose another state"):
        _drive_loading([data])


def _drive_loading(entries: list[bytes]) -> None:
    async def doing(appending: Log, store: Slow) -> None:
        appending.load(Kept(HEAD, 0, [], entries))

    _drive(doing)


def test_what_is_no_state_of_one_class_may_be_that_of_another() -> None:
    """Each class says which members are made with it."""

    class Fence(Part):
        bounds: int = 3

    assert [path for path, _ in rows(Fence())] == ["bounds"]
