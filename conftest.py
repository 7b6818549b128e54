"""Settings of the whole test run."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A machine may reach the package index through a proxy only, which in turn cannot reach this machine's loopback.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"

# The plugin of Schemathesis costs two seconds in each of the pytest runs that tests start, and none of them uses it.
_WITHOUT_SCHEMATHESIS = "-p no:schemathesis"
os.environ["PYTEST_ADDOPTS"] = " ".join(filter(None, (os.environ.get("PYTEST_ADDOPTS"), _WITHOUT_SCHEMATHESIS)))

# Shared machines stall now and then: no deadline, and the same examples every time.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option of ours: run the tests that repeat a dear experiment for every case, too."""
    parser.addoption("--exhaustive", action="store_true", help="run the tests marked exhaustive, too, as CI does")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "exhaustive: a dear experiment repeated for every case; runs with --exhaustive")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the exhaustive tests out unless they were asked for."""
    if config.getoption("--exhaustive"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]


@pytest.fixture(autouse=True)
def _pytester_without_schemathesis(request: pytest.FixtureRequest) -> None:
    """Runs of pytester, which forgets the options of the outer run, do without that plugin, too."""
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")
        request.getfixturevalue("monkeypatch").setenv("PYTEST_ADDOPTS", _WITHOUT_SCHEMATHESIS)
