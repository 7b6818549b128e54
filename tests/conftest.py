"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator

import pytest

from pixazo_simulator.control.client import ControlClient
from pixazo_simulator.server.simulator import Simulator
from tests.browser import browsing, chromium, page
from tests.caller import Caller, over_http
from tests.command import Serving
from tests.receiver import Receiver

__all__ = ["browsing", "chromium", "page"]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """One running gateway for all tests; its clocks are manual, its key is `sim-key`."""
    with Simulator() as running:
        yield running


@pytest.fixture
def caller(simulator: Simulator) -> Iterator[Caller]:
    """The holder of a key to a fresh world of that gateway, with 100 dollars."""
    caller = Caller(over_http(simulator.url), f"end-to-end-key-{next(_NUMBERS)}")
    assert caller.call("POST", "/_sim/worlds", {"key": caller.key}).status == 201
    yield caller
    caller.call("DELETE", "/_sim/world")


@pytest.fixture
def control(simulator: Simulator) -> Iterator[ControlClient]:
    """The holder of a fresh world of that gateway, with a manual clock; a generation ends after 15 s."""
    own = simulator.control().create_world()
    yield own
    own.delete_world()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver."""
    with Receiver() as running:
        yield running


class _Faults(logging.Handler):
    """Formats every record, and keeps those that are errors or carry a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        output = record.getMessage()
        if record.levelno >= logging.ERROR or record.exc_info:
            self.found.append(output)


@pytest.fixture
def no_errors_logged() -> Iterator[None]:
    """No log record of a test is an error; every refusal is logged, so the logging is fuzzed as well."""
    faults, ours = _Faults(), logging.getLogger("pixazo_simulator")
    for log in (logging.getLogger(), ours):
        log.addHandler(faults)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    yield
    ours.propagate = True
    ours.setLevel(logging.NOTSET)
    for log in (logging.getLogger(), ours):
        log.removeHandler(faults)
    assert faults.found == []


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Starts `pixazo-sim serve` with some options, on a free port; all of them are ended."""
    started: list[Serving] = []

    def start(*options: str, command: str = "serve", **variables: str) -> Serving:
        started.append(Serving("--port", "0", *options, command=command, **variables))
        return started[-1]

    yield start
    for serving in started:
        serving.end()
