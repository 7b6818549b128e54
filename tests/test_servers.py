"""A store that is killed keeps what it should: without that, no test that kills one would show anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers import Redis


@pytest.fixture(params=["redis-server", "valkey-server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    """A running Redis, and a running Valkey."""
    with Redis(tmp_path / "store", program=request.param) as running:
        yield running


def test_a_store_that_is_killed_has_kept_what_it_acknowledged(store: Redis) -> None:
    """Restarted on its port it has every entry; restarted empty it has none."""
    client: Any = redis.Redis(port=store.port)
    with client:
        written = [client.xadd("log", {"n": number}) for number in range(100)]
        store.restart()
        kept = client.xrange("log")
        store.restart_empty()
        assert ([identity for identity, _ in kept], client.dbsize()) == (written, 0)
