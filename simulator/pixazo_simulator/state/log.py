"""The log of a server: commands are appended to a store and carried out in its order; and which text names which store."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from pixazo_simulator.gateway import Request, Response
from pixazo_simulator.spec import nearest
from pixazo_simulator.world import ForgetProcess, StateUnavailableError, World, real_clock

from .entries import AnswerRequest, Entry, Fold, LoggedCommand, decode, encode
from .store import LEASE, Kept, MemoryStore, SharedStore, Store, StoreError

STATES = ("memory", "memory-log", "sqlite:FILE", "redis://HOST:PORT/DB")
"""How a state is named; `memory` keeps no log."""
PATIENCE = 3.0
"""Seconds within which an entry must come back from a shared store."""
RETRY = 0.2
"""Seconds after which a store that could not be used is tried again."""
MOST_BYTES = 1_000_000
"""Bytes of entries that are appended together, unless a single one is larger."""
SAVED_AFTER = 20_000
"""Entries after which the state is saved; with many generations it is saved after as many entries as a twentieth of their number."""
SAVED_BEYOND = 64 * 1024 * 1024
"""Bytes of entries after which the state is saved, however few they are: a submission may have 27 MiB."""
_PROGRESS = 2.0
"""Seconds between two lines of the log about a long start."""

log = logging.getLogger("pixazo_simulator")


def shown_state(state: str) -> str:
    """How a state is shown: without what may be a password."""
    return f"{state.partition(':')[0].rpartition('@')[2]}:..." if any(each in state for each in "@?#") else state


def store_of(state: str) -> Store:
    """The store with a name. Raises ValueError with the remedy for any other name, or a missing library."""
    kind, _, rest = state.partition(":")
    if state == "memory-log":
        return MemoryStore()
    if kind == "sqlite" and rest:
        from .sqlite import SqliteStore

        return SqliteStore(rest)
    if kind in ("redis", "rediss", "valkey") and rest.startswith("//"):
        try:
            from .redis import RedisStore
        except ImportError:
            raise ValueError(f"state {kind}://... needs the library redis: install pixazo-testkit[redis]") from None
        return RedisStore(state)
    raise ValueError(f"state {shown_state(state)!r} is not one of {', '.join(STATES)}{nearest(state, STATES)}")


class _Waiting(msgspec.Struct):
    """An entry of this process until it is carried out: what it is about, and what waits for its outcome."""

    entry: Entry
    data: bytes
    target: World | Request | None
    outcome: asyncio.Future[Any]
    is_handed_over: bool = False
    """Whether the entry was handed over to the store."""

    def set(self, outcome: object) -> None:
        if self.outcome.done():  # the waiting caller has gone
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class Log:
    """See `CommandLog`. `load` carries out the entries of the store; further ones need `start`.

    `wake` is called with the world in which a webhook may have become due, None: in any.
    """

    def __init__(self, fold: Fold, store: Store) -> None:
        self.process = secrets.token_hex(4)
        self._shared = store if isinstance(store, SharedStore) else None
        self.is_shared = self._shared is not None
        self.dispatches = not self.is_shared
        self.unavailable: str | None = None
        self.wake: Callable[[World | None], object] = lambda _: None
        self.fold = fold
        self._worlds = fold.worlds
        self._store = store
        self._saved = self._size = 0
        self._made = 0
        self._queue = asyncio.Queue[_Waiting]()
        self._pending: dict[int, _Waiting] = {}
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def position(self) -> int:
        return self.fold.count

    async def read(self) -> Kept:
        """The present content of the store, up to the last entry that was carried out here, or later."""
        return await self._store.read()

    def load(self, kept: Kept) -> None:
        """Carry out the entries in a store. Raises ValueError for anything else."""
        self._saved = kept.count
        began = shown = real_clock()
        for data in kept.entries:
            self.fold.carry_out(self._decoded(data))
            if real_clock() - shown > _PROGRESS:
                shown = real_clock()
                done = self.position - kept.count
                log.info("%s: carried out %d commands in %.0f s", self._store.name, done, shown - began)

    def _decoded(self, data: bytes) -> Entry:
        try:
            return decode(data)
        except ValueError as error:
            remedy = "restore a copy, or choose another state"
            raise StoreError(f"{self._store.name} is damaged: {error}; {remedy}") from None

    # Commands, from `append` to the outcome

    async def answer(self, request: Request, held: int | None = None) -> Response:
        response: Response = await self.append(request, AnswerRequest.of(request, held))
        return response

    async def append(self, target: World | Request | None, command: LoggedCommand) -> Any:
        if self.is_shared and self.unavailable is not None:
            raise StateUnavailableError(self.unavailable)
        self._made += 1
        world = target.number if isinstance(target, World) else None
        entry = Entry(self.process, self._made, self.fold.time.instant(), world, command)
        waiting = _Waiting(entry, encode(entry), target, asyncio.get_running_loop().create_future())
        self._pending[entry.number] = waiting
        self._queue.put_nowait(waiting)
        try:
            return await (self._soon(waiting) if self.is_shared else waiting.outcome)
        finally:
            waiting.outcome.cancel()  # nothing waits for it any longer
            del self._pending[entry.number]

    async def _soon(self, waiting: _Waiting) -> Any:
        """The outcome of an entry of a shared store. Raises StateUnavailableError when it takes too long."""
        # Twice: in a process that was suspended, the time-out expires before an outcome that is already there has been read.
        for _ in range(2):
            await asyncio.wait({waiting.outcome}, timeout=PATIENCE / 2)
        while waiting.is_handed_over and self.unavailable is None and not waiting.outcome.done():
            await asyncio.wait({waiting.outcome}, timeout=PATIENCE)
        if not waiting.outcome.done():
            late = f"{self._store.name} has not responded for {PATIENCE:g} s: "
            if waiting.is_handed_over:
                raise StateUnavailableError(f"{late}it will carry out the request: check that before trying again")
            raise StateUnavailableError(self.unavailable or f"{late}try again")
        return waiting.outcome.result()

    async def _flush(self) -> None:
        while True:
            batch = await self._batch()
            commands = (each.entry.command for each in batch)
            only_reads = all(isinstance(each, AnswerRequest) and each.method in ("GET", "HEAD") for each in commands)
            try:
                if batch:
                    await self._store.append([each.data for each in batch], durable=not only_reads)
            except StateUnavailableError as error:
                self._fail(error)
                for each in batch:
                    each.is_handed_over = False
                    if not self.is_shared:  # a shared store may have appended them: only `follow` shows it
                        each.set(StateUnavailableError(str(error)))
            else:
                if not self.is_shared:
                    self._succeed()
                    self._size += sum(len(each.data) for each in batch)
                    self._carry_out_all(each.entry for each in batch)

    async def _batch(self) -> list[_Waiting]:
        """The next entries to be handed over, without those whose callers have got a time-out."""
        batch, size = list[_Waiting](), 0
        waiting = await self._queue.get()
        while True:
            if not waiting.outcome.done():
                waiting.is_handed_over = True
                batch.append(waiting)
                size += len(waiting.data)
            if self._queue.empty() or size >= MOST_BYTES:
                return batch
            waiting = self._queue.get_nowait()

    async def _follow(self, store: SharedStore) -> None:
        """Carry out what any process appends."""
        while True:
            try:
                found = await store.follow()
                entries = [*map(self._decoded, found)]
            except StateUnavailableError as error:
                self._fail(error)
                await asyncio.sleep(RETRY)
            except ValueError as error:
                return self._fail(error)  # without it, its worlds would differ from those of the other processes
            else:
                self._succeed()
                self._size += sum(map(len, found))
                self._carry_out_all(entries)

    def _carry_out_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            waiting = self._pending.get(entry.number) if entry.process == self.process else None
            outcome = self.fold.carry_out(entry, waiting.target if waiting else None)
            if waiting:
                waiting.set(outcome)
            if not isinstance(outcome, Response):
                self.wake(None if entry.world is None else self._worlds.numbered(entry.world))
            elif outcome.wakes:
                self.wake(outcome.world)
        self._moved.set()

    async def catch_up(self) -> None:
        if self._shared is None:
            return
        if self.unavailable is not None:
            raise StateUnavailableError(self.unavailable)
        tail = await self._shared.tail()
        try:
            async with asyncio.timeout(PATIENCE):
                while self._shared.cursor < tail:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise StateUnavailableError(f"{self._store.name} has not responded for {PATIENCE:g} s: try again") from None

    # Lifecycle

    def start(self) -> None:
        """Append and carry out entries, on the running loop, until `close`."""
        # A task of its own: saving the state may take longer than LEASE, after which the others would consider this process dead.
        steps = [self._flush(), self._repeat(self._keep), self._repeat(self._save)]
        if self._shared:
            steps.append(self._follow(self._shared))
        self._tasks = [asyncio.create_task(step) for step in steps]

    async def close(self) -> None:
        """Stop; entries that were appended are kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.close()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(StateUnavailableError):
                await step()
            await asyncio.sleep(LEASE / 3)

    async def _keep(self) -> None:
        """Send the heartbeat of this process, and release the deliveries that dead processes had taken."""
        if shared := self._shared:
            # A process that cannot carry out what the others append lets another one dispatch.
            held, self.dispatches = self.dispatches, self.unavailable is None and await shared.hold(self.process)
            if self.dispatches and not held:
                self.wake(None)
        if not self.dispatches:
            return
        others = {process for world in self._worlds for process in world.processes()} - {self.process}
        dead = others - (await shared.living(others) if shared and others else set())
        for world in self._worlds if dead else ():
            for process in world.processes() & dead:
                await self.append(world, ForgetProcess(world.clock.now(), process))

    async def _save(self) -> None:
        """Save the state if there have been enough entries since the last saved one."""
        most = max(SAVED_AFTER, sum(world.accepted for world in self._worlds) // 20)
        is_due = self.position - self._saved >= most or self._size >= SAVED_BEYOND
        if self.dispatches and is_due:
            with self._worlds.lock:
                count, state = self.position, self._worlds.saved()
                position = self._shared.cursor if self._shared else (0, 0)
            await self._store.save(count, state, position)
            self._saved, self._size = count, 0

    def _fail(self, error: Exception) -> None:
        if self.unavailable is None:
            log.warning("%s", error)
        self.unavailable = str(error)

    def _succeed(self) -> None:
        if self.unavailable is not None:
            log.warning("%s can be used again", self._store.name)
            self.unavailable = None
