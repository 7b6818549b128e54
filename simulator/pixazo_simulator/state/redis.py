"""A log in Redis or Valkey, which any number of processes share: a stream has the order of the commands."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from time import monotonic
from typing import Any, NoReturn, cast
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec
import redis
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from pixazo_simulator.spec import SECOND
from pixazo_simulator.world import Row, StateUnavailableError

from .store import LEASE, Head, Kept, Position, StoreError

TIMEOUT = 2.0
"""Seconds within which the server must respond; it has more for many bytes."""
_RATE = 4_000_000
"""Bytes per second that the server accepts at least."""
_FOLLOW_TIMEOUT = 5.0
"""Seconds within which further entries, which may be large, must be read, after those for which the server waits."""
_BLOCK = 500
"""Milliseconds for which the server is asked to wait for further entries."""
_SAVE_TIMEOUT = 600.0
"""Seconds within which a state must be saved."""
_PAGE = 100
"""Batches of entries, or rows, that are read together."""
_PREFIX = "pixazo-sim:"
_HEAD = f"{_PREFIX}head"
_NAME = 16
"""Bytes before the head: the name of the log, which is part of all other keys. A process that still knows a lost log never writes to the next."""
_DATA, _UNTIL = b"d", b"u"
"""Fields of a batch, one message of the stream: its entries, and the server's time (ms) until which it is carried out.

A server that was suspended may accept a batch long after its callers have got a time-out.
"""
_BATCH = msgspec.msgpack.Decoder(list[bytes])


class _State(msgspec.Struct, frozen=True):
    """Which state is the latest: after how many entries, the position of the last of them, where its rows are."""

    count: int
    position: Position
    rows: str


def _parts(url: str) -> SplitResult:
    """The parts of a URL. Raises ValueError, which holds nothing of it that may belong to a password, where the library would misread it."""
    kind = url.partition(":")[0]
    wrong = f"state {kind}://... is not {kind}://[USER:PASSWORD@]HOST[:PORT][/NUMBER]: "
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{wrong}write / ? # @ and : of a password as %2F %3F %23 %40 and %3A") from None
    if parts.fragment or "@" in parts.path:
        raise ValueError(f"{wrong}write / ? # @ and : of a password as %2F %3F %23 %40 and %3A")
    if not re.fullmatch("(?:/[0-9]*)?", parts.path):
        raise ValueError(f"{wrong}the database is a number, {parts.path[:80]!r} is none")
    return parts


class RedisStore:
    """A store in one database of Redis or Valkey (6.2 or later); a server that responds too late counts as unreachable."""

    def __init__(self, url: str) -> None:
        parts = _parts(url)
        # The library knows Valkey under the name of Redis.
        scheme = parts.scheme.replace("valkey", "redis")
        self._url = urlunsplit(parts._replace(scheme=scheme))
        try:
            cast("Any", redis.ConnectionPool).from_url(self._url).make_connection()
        except (TypeError, ValueError) as error:  # of the library, which names an option and not its value
            raise ValueError(
                f"state {parts.scheme}://... has a wrong option behind the question mark: {error}"
            ) from None
        self.name = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
        self._identity = b""
        self.cursor: Position = (0, 0)
        self._ahead = 0.0  # of the clock of the server, beyond our monotonic one, in seconds
        self._checked = False
        self._lost = False
        self._clients: list[Any] = []
        self._leader: Lock | None = None

    def open(self, head: Head) -> Kept:
        try:
            connect = cast("Any", redis.Redis).from_url  # half of its types are unknown
            with connect(self._url, socket_timeout=10, socket_connect_timeout=TIMEOUT, protocol=2) as client:
                return self._open(client, head)
        except RedisError as error:
            raise StoreError(f"{self.name} cannot be used: {error}; check that the server is running there") from None

    def _open(self, client: Any, head: Head) -> Kept:
        self._identity = client.get(_HEAD) or self._begin(client, head)
        try:
            found = msgspec.json.decode(self._identity[_NAME:], type=Head)
        except msgspec.MsgspecError:
            raise StoreError(f"{self.name} has something else under {_HEAD}: choose another database") from None
        count, rows = 0, []
        if latest := client.get(self._key("state")):
            state = msgspec.json.decode(latest, type=_State)
            count, self.cursor = state.count, state.position
            rows = self._rows(client, state)
        first, entries = self.cursor, list(self._entries(client))
        if first > (0, 0) and not client.xrange(self._key("entries"), _written(first), _written(first)):
            raise StoreError(f"{self.name} was saved again while it was read: start again")
        seconds, micros = client.time()
        self._ahead = seconds + micros / 1e6 - monotonic()
        return Kept(found, count, rows, entries)

    def _begin(self, client: Any, head: Head) -> bytes:
        """Begin a log, unless another process just does; return the identity of the one that is there."""
        self._identity = secrets.token_hex(_NAME // 2).encode() + msgspec.json.encode(head)
        both = client.pipeline(transaction=True)
        both.set(_HEAD, self._identity, nx=True)
        # Without a stream an empty server would look like one that has lost it.
        both.xadd(self._key("entries"), {_DATA: msgspec.msgpack.encode([]), _UNTIL: 0})
        if not both.execute()[0]:
            client.delete(self._key("entries"))
        identity: bytes = client.get(_HEAD)
        return identity

    def _key(self, name: str) -> str:
        return f"{_PREFIX}{self._identity[:_NAME].decode()}:{name}"

    def _rows(self, client: Any, state: _State) -> list[Row]:
        rows: list[Row] = []
        size = client.llen(state.rows)
        for start in range(0, size, _PAGE):
            some = client.lrange(state.rows, start, start + _PAGE - 1)
            rows += (msgspec.msgpack.decode(each, type=Row) for each in some)
        if len(rows) != size or not size:
            raise StoreError(f"{self.name} was saved again while it was read: start again")
        return rows

    def _entries(self, client: Any) -> Iterator[bytes]:
        """The entries after the cursor, which moves on."""
        while found := client.xrange(self._key("entries"), f"({_written(self.cursor)}", count=_PAGE):
            yield from self._counting(found)

    def _counting(self, found: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[bytes]:
        """The entries that count; the cursor moves past them. Raises StoreError for what is not a batch of entries."""
        for identity, fields in found:
            try:
                if int(fields[_UNTIL]) >= _read(identity)[0]:
                    yield from _BATCH.decode(fields[_DATA])
            except (KeyError, ValueError, msgspec.MsgspecError) as error:
                place = f"{self._key('entries')} {identity.decode()}"
                raise StoreError(
                    f"{self.name} is damaged: {place} is not an entry ({type(error).__name__} {error}){_REMEDY}"
                ) from None
            self.cursor = _read(identity)

    async def read(self) -> Kept:
        """The present content of the database, read by a second store, so the cursor of this one does not move."""
        other = RedisStore(self._url)
        kept = await asyncio.to_thread(other.open, msgspec.json.decode(self._identity[_NAME:], type=Head))
        if other._identity != self._identity:
            self._lose()
        return kept

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:  # noqa: ARG002 - that depends on the settings of the server
        """Append entries to the stream; their durability depends on the settings of the server."""
        seconds = TIMEOUT + sum(map(len, entries)) / _RATE
        until = int((monotonic() + self._ahead + seconds) * SECOND)
        batch: Any = {_DATA: msgspec.msgpack.encode(entries), _UNTIL: until}
        async with self._using(seconds) as client:
            place: Any = await client.xadd(self._key("entries"), batch, nomkstream=True)
            if place is None:
                self._lose()
            taken = _read(cast("bytes", place))[0]
            self._ahead = taken / SECOND - monotonic()
            if taken > until:
                raise StateUnavailableError(f"{self.name} has taken longer than {seconds:.3g} s: try again")

    async def follow(self) -> Sequence[bytes]:
        async with self._using(_FOLLOW_TIMEOUT + _BLOCK / SECOND, follows=True) as client:
            read: Any = {self._key("entries"): _written(self.cursor)}
            found: Any = await client.xread(read, count=_PAGE, block=_BLOCK)
            return [each for _, entries in found or () for each in self._counting(entries)]

    async def tail(self) -> Position:
        async with self._using() as client:
            found: Any = await client.xrevrange(self._key("entries"), count=1)
            if not found:
                self._lose()
            return _read(found[0][0])

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:
        """Save a state; the former one and what followed it stay for processes that are reading them."""
        rows, key = iter(state), self._key(f"rows:{count}:{secrets.token_hex(4)}")
        async with self._using(_SAVE_TIMEOUT) as client:
            while some := [msgspec.msgpack.encode(each) for each in islice(rows, 20)]:
                await client.rpush(key, *some)
                await client.expire(key, 3600)  # should this process end before the state is whole
            await client.persist(key)
            former = await client.get(self._key("state"))
            await client.set(self._key("state"), msgspec.json.encode(_State(count, position, key)))
            if former:
                before = msgspec.json.decode(former, type=_State)
                await client.xtrim(self._key("entries"), minid=_written(before.position))
                await client.expire(before.rows, 60)

    async def hold(self, process: str) -> bool:
        async with self._using() as client:
            # It finds out if the worlds are gone, though nothing is asked; by the name only, since the last entry may have 20 MB.
            if await client.getrange(_HEAD, 0, _NAME - 1) != self._identity[:_NAME]:
                self._lose()
            await client.set(self._key(f"process:{process}"), 1, px=int(LEASE * SECOND))
            if self._leader is None:
                self._leader = Lock(client, self._key("leader"), timeout=LEASE, blocking=False, thread_local=False)
            try:
                if await self._leader.owned():
                    return bool(await self._leader.reacquire())
                return bool(await self._leader.acquire())
            except LockError:
                return False

    async def living(self, processes: Iterable[str]) -> set[str]:
        asked = list(processes)
        async with self._using() as client:
            found = await client.mget([self._key(f"process:{each}") for each in asked])
        return {process for process, value in zip(asked, found, strict=True) if value}

    @asynccontextmanager
    async def _using(self, seconds: float | None = None, *, follows: bool = False) -> AsyncGenerator[Redis]:
        """A client for one step. An error becomes a StateUnavailableError, and the next step checks the database first."""
        seconds = TIMEOUT if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                if not self._clients:  # one for requests, and one that follows, which waits for what others append
                    connect, options = cast("Any", Redis).from_url, {"retry": None, "protocol": 2}
                    for _ in range(2):
                        client = connect(self._url, socket_timeout=None, socket_connect_timeout=TIMEOUT, **options)
                        self._clients.append(client)
                client = self._clients[follows]
                if not self._checked:
                    await self._check(client)
                yield client
                if self._lost:  # as another step has found meanwhile
                    self._lose()
        except (RedisError, TimeoutError) as error:
            self._checked = False
            why = str(error) or f"no response within {seconds:.3g} s"
            raise StateUnavailableError(f"{self.name} cannot be reached ({why}): try again") from None

    async def _check(self, client: Redis) -> None:
        """Check that it is still the database that was opened, with everything that was read from it."""
        if self._lost or await client.get(_HEAD) != self._identity:
            self._lose()
        last = _written(self.cursor)
        # The server has lost its last entries; or this process was suspended for so long that unread entries were deleted.
        if not await client.xrange(self._key("entries"), last, last):
            self._lose()
        self._checked = True

    def _lose(self) -> NoReturn:
        self._lost, self._checked = True, False
        raise StateUnavailableError(
            f"{self.name} no longer has the worlds of this server (it was emptied, or lost its last entries): "
            "restart all its processes, which then start empty or with what is there"
        )

    async def close(self) -> None:
        """Give up the lease, and close the connections."""
        try:
            if self._leader and await self._leader.owned():
                await self._leader.release()
        except RedisError:
            pass
        for client in self._clients:
            await client.aclose()


_REMEDY = ": restore a copy, or choose another database"


def _written(position: Position) -> str:
    return f"{position[0]}-{position[1]}"


def _read(identity: bytes | str) -> Position:
    ms, _, number = (identity.decode() if isinstance(identity, bytes) else identity).partition("-")
    return int(ms), int(number)
