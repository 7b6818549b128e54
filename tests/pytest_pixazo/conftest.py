"""Settings and fixtures of the tests of the plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, cast

import pytest

from pixazo_simulator import ControlClient, Simulator
from pytest_pixazo.sleep import Sleeps, WorldClock, virtual_sleep
from pytest_pixazo.webhooks.inbox import Inbox
from tests.caller import Caller

#: A run of pytest inside this process forgets the modules that it was the first to import, so that they would be imported twice, and an
#: error of the one copy would not be caught as one of the other. So these are imported before.
KEPT = (
    "anyio._backends._asyncio",
    "httpcore2",
    "httpx2",
    "pixazo_client",
    "pixazo_simulator.server.simulator",
    "pytest_pixazo.testcase.cases",
    "pytest_pixazo.world.clients",
    "pytest_pixazo.access.respx_router",
)
for name in KEPT:
    import_module(name)


@pytest.fixture(autouse=True)
def _not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI pytest prints each failure twice, the second time in full in the summary, which would break tests that read its output."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)


@pytest.fixture
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in processes of their own have no plugin but ours and those that they name: to load the others takes a second each time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_pixazo.plugin")


@pytest.fixture
def suite(
    request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, no_other_plugins: None
) -> pytest.Pytester:
    """A folder with the tests that stand in the constant SUITE of the module, in a terminal without colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    pytester.makepyfile(test_app=cast("Any", request).module.SUITE)
    return pytester


@pytest.fixture
def run_tests(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a file of tests, with some options."""

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest("-q", "-p", "no:cacheprovider", *options)

    return run


@pytest.fixture
def advance(simulator: Simulator, caller: Caller) -> Callable[[float], object]:
    """Advances the clock of the test's world."""
    return lambda seconds: simulator.advance(seconds, api_key=caller.key)


@pytest.fixture
def sleeps(advance: Callable[[float], object]) -> Iterator[Sleeps]:
    """Virtual sleep in the test's world."""
    with virtual_sleep(WorldClock(advance)) as sleeps:
        yield sleeps


@pytest.fixture
def world(control: ControlClient) -> ControlClient:
    """A fresh world of the gateway, with a manual clock; a generation ends after 15 s."""
    return control


@pytest.fixture
def inbox(world: ControlClient) -> Iterator[Inbox]:
    """An inbox with the clock of that world."""
    with Inbox(world) as running:
        yield running
