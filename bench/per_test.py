"""Tests whose cost is measured, and the plugin that measures it: `pytest -p bench.per_test bench/per_test.py`."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pixazo_client import PixazoClient
    from pytest_pixazo import Pixazo

COUNT = int(os.environ.get("BENCH_TESTS", "1"))
"""How often each test runs."""
many = pytest.mark.parametrize("number", range(COUNT))
_times: dict[str, list[float]] = {}


@many
def test_empty(number: int) -> None:
    """What pytest itself costs."""


@many
def test_pixazo(number: int, pixazo: Pixazo) -> None:
    """A world."""


@many
def test_pixazo_client(number: int, pixazo_client: PixazoClient) -> None:
    """A world and a client."""


@pytest.mark.parametrize("number", range(max(1, COUNT // 10)))
def test_poll(number: int, pixazo_client: PixazoClient) -> None:
    """A generation that takes 15 minutes."""
    handle = pixazo_client.generate("A cat catches a fish [[sim:after 900]]")
    began = time.perf_counter()
    handle.wait(timeout=2000)
    _times.setdefault("poll", []).append(time.perf_counter() - began)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Interleave the kinds."""
    random.shuffle(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure setup, call and teardown together."""
    began = time.perf_counter()
    result = yield
    _times.setdefault(item.name.partition("[")[0], []).append(time.perf_counter() - began)
    return result


def pytest_sessionfinish() -> None:
    """Write the seconds by test; the first of each pays for what is made once in a session."""
    if place := os.environ.get("BENCH_TIMES"):
        Path(place).write_text(json.dumps({name: took[1:] or took for name, took in _times.items()}), encoding="ascii")
