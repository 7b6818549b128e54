"""Two hundred clients at once, which submit, poll and receive webhooks: nothing is lost, doubled or cut.

PIXAZO_LOAD_SECONDS says how long they go on: 20 s without it, so that CI has time for everything else.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.caller import Caller, over_http
from tests.patience import PATIENCE
from tests.serving import ServeProcess

from .clients import Connection, CutError, Tally, UnansweredError, percentile, receiver
from .figures import Record, seconds_of

pytestmark = pytest.mark.exhaustive

SECONDS = seconds_of("PIXAZO_LOAD_SECONDS", 20)
CLIENTS = 200
KEYS = [f"load-key-{number}" for number in range(CLIENTS // 2)]
"""Two clients share a world."""
MOST_EACH = 450
"""Submissions of one client: a control route lists the latest thousand entries of a world."""
MOST_BYTES = 40_000
"""Of memory for each submission, with its exchanges in the journal and its webhook: several times what it takes."""
OPTIONS = ("--clock", "x60", "--open-keys", "--balance", "1000000")
STORES: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "memory": lambda _folder: (),
    "sqlite": lambda folder: ("--state", f"sqlite:{folder / 'worlds'}"),
}
"""The options of `serve` for each store; a folder is there for its files."""


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("store", STORES)
def test_nothing_is_lost_or_doubled(store: str, tmp_path: Path, figure: Record) -> None:
    """Each id is in the list and in the ledger once, each webhook arrived once, at its only attempt."""
    with ServeProcess(tmp_path / "serve", *OPTIONS, *STORES[store](tmp_path)) as serving:
        before = serving.usage()
        tally, arrived = asyncio.run(_load(serving))
        used = serving.usage()["bytes"] - before["bytes"]
        assert set(tally.codes) == {("POST", 202), ("GET", 200), ("/_sim/wait", 200)}
        ids = tally.ids
        assert len(ids) == tally.codes["POST", 202] >= CLIENTS
        assert arrived == dict.fromkeys(ids, 1)
        for key in KEYS:
            _compare(Caller(over_http(serving.url), key), tally.accepted[key])
        assert serving.terminate() == 0
    for operation in ("POST", "GET"):
        values = tally.seconds[operation]
        figure(f"{operation} requests a second", round(len(values) / SECONDS))
        figure(f"{operation} p50, p99 (ms)", [round(1000 * percentile(values, share), 1) for share in (0.5, 0.99)])
    figure("submissions", len(ids))
    figure("bytes of memory for each submission", used // len(ids))
    assert used < MOST_BYTES * len(ids) + 50_000_000


async def _load(serving: ServeProcess) -> tuple[Tally, Counter[str]]:
    """What clients did until the time was over, and what the receiver got once the last webhook was delivered."""
    tally, end = Tally(), time.monotonic() + SECONDS
    async with receiver() as (hook, arrived):

        async def client(number: int) -> None:
            connection = Connection(serving.url, KEYS[number // 2], tally)
            for _ in range(MOST_EACH):
                if time.monotonic() >= end:
                    break
                await connection.follow(await connection.submit(hook))
            connection.close()

        async def delivered(key: str) -> None:
            wanted = {"deliveries": {"delivered": True, "count": len(tally.accepted[key])}, "timeout": PATIENCE}
            connection = Connection(serving.url, key, tally)
            await connection.call("POST", "/_sim/wait", wanted)
            connection.close()

        await asyncio.gather(*map(client, range(CLIENTS)))
        await asyncio.gather(*map(delivered, KEYS))
        return tally, arrived.copy()


def _compare(caller: Caller, ids: list[str]) -> None:
    """The world of this caller holds exactly these ids: in its generations, its ledger and its deliveries."""
    generations = caller.sim("generations")["generations"]
    assert sorted(each["request_id"] for each in generations) == sorted(ids)
    debits = [each["request_id"] for each in caller.sim("ledger")["entries"] if each["kind"] == "debit"]
    assert sorted(debits) == sorted(ids)
    deliveries = caller.sim("deliveries")["deliveries"]
    assert sorted(each["request_id"] for each in deliveries) == sorted(ids)
    assert {tuple(attempt["status"] for attempt in each["attempts"]) for each in deliveries} == {(204,)}


@pytest.mark.parametrize("store", STORES)
def test_sigterm_cuts_no_answer(store: str, tmp_path: Path, figure: Record) -> None:
    """A request in the middle of the load is answered whole or not at all, and the process ends with code 0."""
    with ServeProcess(tmp_path / "serve", *OPTIONS, *STORES[store](tmp_path)) as serving:
        tally, refused, seconds = asyncio.run(_terminated(serving))
        assert serving.terminate() == 0
    assert set(tally.codes) == {("POST", 202), ("GET", 200)}
    assert refused == CLIENTS
    figure("seconds from SIGTERM to the end of the process", round(seconds, 2))
    figure("answers until then", sum(tally.codes.values()))


async def _terminated(serving: ServeProcess) -> tuple[Tally, int, float]:
    """What clients got until SIGTERM ended the server, how many of them met its end, and how long it took."""
    tally, refused, in_full_swing = Tally(), 0, asyncio.Event()
    async with receiver() as (hook, _):

        async def client(number: int) -> None:
            nonlocal refused
            connection = Connection(serving.url, KEYS[number // 2], tally)
            try:
                while True:
                    await connection.follow(await connection.submit(hook))
                    if len(tally.ids) > 5 * CLIENTS:
                        in_full_swing.set()
            except UnansweredError:
                refused += 1
            except CutError as error:
                raise AssertionError(f"half a response: {error}") from error

        clients = asyncio.gather(*map(client, range(CLIENTS)))
        async with asyncio.timeout(PATIENCE):
            await in_full_swing.wait()
            began = time.monotonic()
            serving.process.terminate()
            await asyncio.to_thread(serving.process.wait, PATIENCE)
            seconds = time.monotonic() - began
            await clients
    return tally, refused, seconds
