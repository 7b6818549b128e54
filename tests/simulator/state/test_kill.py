"""A server that is killed at any instant has lost nothing of what it had acknowledged."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.servers import Redis
from tests.serving import ServeProcess

from .load import OPTIONS, Counting, Load


def _kills(few: int, many: int) -> pytest.MarkDecorator:
    """A few in the default run, or none; many in an exhaustive one, where each takes a second or two, in four tests that a busy machine ends in time."""
    parts = [pytest.param(many // 4, seed, marks=pytest.mark.exhaustive) for seed in range(1, 5)]
    return pytest.mark.parametrize(("kills", "seed"), [(few, 0), *parts] if few else parts)


def _some_time(load: Load, chance: random.Random) -> None:
    """Let the callers go on for a random while, in which something is acknowledged."""
    for _ in range(chance.randrange(1, 20)):
        load.answered.acquire()
    time.sleep(chance.uniform(0, 0.05))


@pytest.mark.slow
@_kills(1, 200)
def test_a_server_with_a_file_that_is_killed(kills: int, seed: int, tmp_path: Path) -> None:
    """Every acknowledged submission is there once, the ledger adds up, bodies are the same bytes, repeated webhooks are marked."""
    chance = random.Random(seed)
    with (
        Counting() as receiver,
        ServeProcess(tmp_path, *OPTIONS, "--state", f"sqlite:{tmp_path / 'worlds'}") as serving,
    ):
        loads = list[Load]()
        for number in range(kills):
            with Load([serving.url], f"key-{number}", receiver) as load:
                _some_time(load, chance)
                serving.kill()
            loads.append(load)
            serving.start()
            load.check()
            assert set(load.codes) <= {200, 202}
        for load in loads:
            load.check()
        for load in loads:
            load.check_webhooks()


@_kills(0, 32)
def test_one_of_three_servers_that_is_killed(kills: int, seed: int, tmp_path: Path) -> None:
    """The others go on with everything that it had acknowledged, and deliver what it has left undelivered."""
    chance = random.Random(seed)
    with Redis(tmp_path / "redis") as redis, Counting() as receiver:
        servers = [ServeProcess(tmp_path / name, *OPTIONS, "--state", redis.url) for name in ("one", "two", "three")]
        with servers[0], servers[1], servers[2]:
            loads = list[Load]()
            for number in range(kills):
                with Load([each.url for each in servers], f"key-{number}", receiver) as load:
                    _some_time(load, chance)
                    killed = chance.choice(servers)
                    killed.kill()
                    load.answered.acquire()
                    _some_time(load, chance)
                load.check()
                loads.append(load)
                killed.start()
                assert set(load.codes) <= {200, 202}
            for load in loads:
                load.check()
            for load in loads:
                load.check_webhooks()


@pytest.mark.slow
@pytest.mark.parametrize(
    "state",
    ["sqlite", *(pytest.param(each, marks=pytest.mark.exhaustive) for each in ("memory", "memory-log", "redis"))],
)
def test_a_server_that_is_asked_to_end(state: str, tmp_path: Path) -> None:
    """It ends by itself, without cutting a response; what was acknowledged is kept."""
    with ExitStack() as running:
        place = f"sqlite:{tmp_path / 'worlds'}" if state == "sqlite" else state
        if state == "redis":
            place = running.enter_context(Redis(tmp_path / "redis")).url
        receiver = running.enter_context(Counting())
        serving = running.enter_context(ServeProcess(tmp_path / "serve", *OPTIONS, "--state", place))
        with Load([serving.url], "a-key", receiver) as load:
            _some_time(load, random.Random(state))
            assert serving.terminate() == 0
        assert load.cut == 0
        assert " by force " not in serving.log
        assert "was stopped while this still ran" not in serving.log
        serving.start()
        if place != state:
            load.check()
            load.check_webhooks()
