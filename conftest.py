"""Settings of the whole test run."""

from __future__ import annotations

import argparse
import faulthandler
import os
import re
import sys
import zlib

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("pytester",)

# A machine may reach the package index through a proxy only, which in turn cannot reach this machine's loopback.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"

# Where Python was told to keep no bytecode (images of containers do), each process that a test starts would compile all sources again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Neither these tests nor the runs that they start annotate the job that they may be in.
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
    os.environ.pop(_name, None)

# The plugin of Schemathesis costs two seconds in each of the pytest runs that tests start, and none of them uses it.
_WITHOUT_SCHEMATHESIS = "-p no:schemathesis"
os.environ["PYTEST_ADDOPTS"] = " ".join(filter(None, (os.environ.get("PYTEST_ADDOPTS"), _WITHOUT_SCHEMATHESIS)))

# Coverage has begun in this process, and is not to begin in those that its tests start.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_START", None)

# Shared machines stall now and then: no deadline, and the same examples every time.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

SMOKE = (
    "tests/client/test_wire.py",
    "tests/simulator/gateway/test_hints.py",
    "tests/simulator/world/test_world.py",
    "tests/simulator/webhooks/test_signature.py",
    "tests/contracts/judge/test_verdict.py",
    "tests/pytest_pixazo/world/test_pixazo.py",
    "tests/examples/worker",
    "tests/test_pages.py",
)
"""Some tests of each concern, which take ten seconds together."""
LONGEST_END = 120
"""Seconds that a process has to end after its last test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --smoke, --slice and --quick-part, which run fewer tests, --slow, --exhaustive-part and --exhaustive, which run more."""
    parser.addoption("--smoke", action="store_true", help="run only some quick tests of each concern")
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")
    parser.addoption("--exhaustive", action="store_true", help="run the tests marked slow or exhaustive, too")
    parser.addoption(
        "--quick-part",
        type=_slice,
        metavar="K/N",
        help="of the tests marked neither slow nor exhaustive, run the K-th of N parts only",
    )
    parser.addoption(
        "--exhaustive-part",
        type=_slice,
        metavar="K/N",
        help="of the tests marked exhaustive, run the K-th of N parts, too",
    )
    parser.addoption(
        "--slice", type=_slice, metavar="K/N", help="run the K-th of N parts of the tests, chosen by their names"
    )


def _slice(text: str) -> tuple[int, int]:
    """The part, from 0, and the number of parts: 24/24 is (23, 24)."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no part: write K/N with K from 1 to N, such as 7/24")
    return int(found[1]) - 1, int(found[2])


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, print failures at once, and choose the files of a smoke run."""
    config.addinivalue_line(
        "markers",
        "slow: a test that takes a third of a second or more: a browser, a pytest run, many examples; runs with --slow",
    )
    config.addinivalue_line(
        "markers", "exhaustive: an expensive test that is repeated for every case; runs with --exhaustive"
    )
    config.pluginmanager.register(_FailuresAtOnce(config))
    if config.getoption("--smoke"):
        config.args[:] = [str(config.rootpath / place) for place in SMOKE]


def pytest_unconfigure() -> None:
    """A thread that a test left behind must not keep the process from ending: after a while its traceback is shown, and the run fails."""
    faulthandler.dump_traceback_later(LONGEST_END, exit=True, file=2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out slow and exhaustive tests, unless they were asked for (by option, by `-m MARKER` or by name), and what is of no part asked for."""
    left = {"slow", "exhaustive"} - {config.getoption("-m")}
    if config.getoption("--exhaustive") or any("::" in given for given in config.args):
        left.clear()
    elif config.getoption("--slow"):
        left.discard("slow")
    exhaustive, quick = config.getoption("--exhaustive-part"), config.getoption("--quick-part")

    def wanted(item: pytest.Item) -> bool:
        marks = {"slow", "exhaustive"} & {mark.name for mark in item.iter_markers()}
        rare = left & marks
        if rare and not (exhaustive and rare == {"exhaustive"}):
            return False
        chosen = exhaustive if rare else config.getoption("--slice") if marks or not quick else quick
        part, parts = chosen or (0, 1)
        return zlib.crc32(item.nodeid.encode()) % parts == part

    left_out = [item for item in items if not wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if wanted(item)]


class _FailuresAtOnce:
    """Prints a line for each failure as it happens: a run that is cut short has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Under pytest-xdist the reports of all workers arrive here, in the process that has a terminal."""
        terminal = self._plugins.get_plugin("terminalreporter")
        if report.failed and terminal:
            error = str(getattr(report.longrepr, "reprcrash", None) or report.longrepr).splitlines()[0]
            terminal.write_line(f"\nFAILED {report.nodeid} ({report.when}): {error}")
            terminal.flush()


@pytest.fixture(autouse=True)
def _pytester_with_our_plugin_only(request: pytest.FixtureRequest) -> None:
    """A run of pytester loads no plugin but ours (and those that it names): all that are installed take a second to import."""
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")
        environment = request.getfixturevalue("monkeypatch")
        environment.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        environment.setenv("PYTEST_ADDOPTS", "-p pytest_pixazo.plugin")
