"""`serve --workers N`: several processes serve one port over one Redis, and none of them is missed when it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.caller import Caller, over_http
from tests.patience import until
from tests.servers import Redis
from tests.serving import ServeProcess

GENERATE = "/minimax-hailuo-ai/v1/generate"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[ServeProcess]:
    """Three workers on one port."""
    with (
        Redis(tmp_path / "redis") as redis,
        ServeProcess(tmp_path / "serve", "--workers", "3", "--state", redis.url, "--clock", "manual") as running,
    ):
        yield running


def workers(serving: ServeProcess) -> set[int]:
    """The process ids of the children of the supervisor."""
    supervisor = serving.process.pid
    found: set[int] = set()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if int((place / "stat").read_text().rpartition(")")[2].split()[1]) == supervisor:
                found.add(int(place.name))
    return found


@pytest.mark.slow
def test_all_workers_know_what_each_has_done(serving: ServeProcess) -> None:
    """Each call has a connection of its own, which any of them accepts."""
    for number in range(20):
        accepted = Caller(over_http(serving.url), serving.key).accepted(f"A bear {number}")
        shown = Caller(over_http(serving.url), serving.key).call("GET", f"/v2/requests/status/{accepted}")
        assert shown.status == 200
    assert Caller(over_http(serving.url), serving.key).sim("world")["generations"] == 20


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(serving: ServeProcess) -> None:
    """The port stays open meanwhile."""
    before = workers(serving)
    assert len(before) == 3
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers(serving) - {victim}) == 3)
    assert Caller(over_http(serving.url), serving.key).generate("A bear").status == 202


@pytest.mark.exhaustive
@pytest.mark.parametrize("is_killed", [True, False])
def test_the_workers_end_with_their_supervisor(serving: ServeProcess, *, is_killed: bool) -> None:
    """Whether it is killed, or asked to, which ends it with exit code 0 after them."""
    before = workers(serving)
    if is_killed:
        serving.kill()
        until(lambda: not any(Path(f"/proc/{each}").exists() for each in before))
    else:
        assert serving.terminate() == 0
    assert not any(Path(f"/proc/{each}").exists() for each in before)
