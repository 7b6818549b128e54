"""A server that has worked for long uses no more than one that has worked for half as long.

PIXAZO_SOAK_SECONDS says how long: 20 s without it; ten minutes are meant.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from tests.patience import PATIENCE
from tests.serving import ServeProcess

from .clients import Connection, Tally, receiver
from .figures import Record, seconds_of

pytestmark = pytest.mark.exhaustive

SECONDS = seconds_of("PIXAZO_SOAK_SECONDS", 20)
CLIENTS = 20
EACH = 10
"""Generations of a world, which is deleted after that, and reads of a world that stays."""
SLACK = {"bytes": 16_000_000, "descriptors": CLIENTS, "threads": 0}
"""By how much the medians of two quarters may differ: connections come and go, and keys of deleted worlds are remembered."""


@pytest.mark.timeout(SECONDS + 300)
def test_memory_descriptors_and_threads_are_flat(tmp_path: Path, figure: Record) -> None:
    """In the last quarter of the samples they are what they were in the one before."""
    with ServeProcess(tmp_path, "--clock", "x100", "--api-key", "lasting-key") as serving:
        samples = asyncio.run(_soak(serving))
        assert serving.terminate() == 0
    quarter = len(samples) // 4
    assert quarter > 2
    figure("worlds, each with 10 generations", len(samples) * CLIENTS)
    for name, slack in SLACK.items():
        former, latter = (
            median(each[name] for each in part) for part in (samples[-2 * quarter : -quarter], samples[-quarter:])
        )
        figure(f"{name} at first, in the third and in the last quarter", [samples[0][name], former, latter])
        assert latter <= former + slack, name


async def _soak(serving: ServeProcess) -> list[Counter[str]]:
    """What the server used, each time when so many worlds as there are clients had lived and were deleted."""
    samples: list[Counter[str]] = []
    worlds, end = 0, time.monotonic() + SECONDS
    async with receiver() as (hook, arrived):

        async def world(connection: Connection, lasting: Connection) -> None:
            _, opened = await connection.call("POST", "/_sim/worlds", {})
            connection.key = opened["key"]
            ids = [await connection.submit(hook) for _ in range(EACH)]
            for identity in ids:
                await connection.follow(identity)
                assert (await lasting.call("GET", "/v2/requests/status/none"))[0] == 404
            wanted = {"deliveries": {"delivered": True, "count": EACH}, "timeout": PATIENCE}
            assert (await connection.call("POST", "/_sim/wait", wanted))[0] == 200
            assert (await connection.call("DELETE", "/_sim/world"))[0] == 200
            assert [arrived.pop(identity) for identity in ids] == [1] * EACH

        async def client() -> None:
            nonlocal worlds
            while time.monotonic() < end:
                tally = Tally()
                connection, lasting = (Connection(serving.url, "lasting-key", tally) for _ in range(2))
                await world(connection, lasting)
                connection.close()
                lasting.close()
                worlds += 1
                if worlds % CLIENTS == 0:
                    samples.append(serving.usage())

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        assert not arrived
    return samples
