"""Keeps tests that use our fixtures from reaching the real gateway, unless a marker or an option allows it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from tempfile import mkstemp

import pytest

from pixazo_simulator.redirect import GUARD_VARIABLE, HOSTS, MEDIA_HOSTS, REDIRECT_PORT, Ban, guard_of, remove_variables
from pytest_pixazo.world import Place, fail

SECTION = "pixazo: the real gateway was called"
REDIRECTING = frozenset({"pixazo_redirect", "pixazo_respx"})
"""Fixtures whose tests mean the simulator when they call the real gateway: what they leave running does not fail the run."""


def watch_for(config: pytest.Config) -> Watch | None:
    """The guard of a run; None if an option switches it off, and under `pixazo-sim exec`, which redirects the hosts to its simulator."""
    if config.getoption("pixazo_real_gateway") or REDIRECT_PORT in os.environ:
        return None
    watch = Watch()
    config.pluginmanager.register(watch)
    return watch


def allows_real_gateway(item: pytest.Item) -> bool:
    """Whether the nearest marker of a test with this argument has `real_gateway=True`."""
    given = (mark.kwargs["real_gateway"] for mark in item.iter_markers("pixazo") if "real_gateway" in mark.kwargs)
    return next(given, False) is True


class Watch:
    """The guard of one run, as a plugin of pytest: active in tests that use our fixtures, and between tests; lifted in other tests.

    A refused call of a test, its threads or its processes (which report them in a file) fails the test. If that is over by then,
    a warning that belongs to the test reports the call, and the run fails at its end.
    """

    def __init__(self) -> None:
        self._guard = guard_of((*HOSTS, *MEDIA_HOSTS))
        self._before = self._guard.ban  # of an outer test that runs this session, if there is one
        descriptor, self._file = mkstemp(prefix="pixazo-refused-")
        self._reported = os.fdopen(descriptor, "rb", buffering=0)
        self._unfinished = b""  # the beginning of a line that a process was writing
        self._is_held = False
        self._theirs = os.environ.get(GUARD_VARIABLE)
        self._tests: dict[str, tuple[Place, bool]] = {}  # and whether they redirect the hosts
        self._current: str | None = None
        self._late: dict[str, tuple[Place, bool]] = {}

    def hold(self, item: pytest.Item) -> None:
        """Refuse the hosts in this test, and in the processes that it starts."""
        if self._is_held:
            return
        self._is_held = True
        self._current = item.nodeid
        is_redirecting = not REDIRECTING.isdisjoint(getattr(item, "fixturenames", ()))
        self._tests[item.nodeid] = Place.of(item), is_redirecting
        ban = Ban(item.nodeid, self._file)
        self._guard.hold(ban)
        os.environ.update(self._guard.variables(ban))

    def lift(self, *, wholly: bool) -> None:
        """Refuse nothing in this test, except, unless `wholly`, to threads that earlier tests left running."""
        self._current = None
        remove_variables(self._file, self._theirs)
        self._guard.lift(self._before, wholly=wholly)

    def new_calls(self) -> list[str]:
        """The calls of the current test that were refused since the last call of this method, each once."""
        *written, self._unfinished = (self._unfinished + (self._reported.read() or b"")).split(b"\n")
        calls: list[str] = []
        for each in written:
            refused: dict[str, str] = json.loads(each)
            test = self._tests.get(refused["test"])
            if test and refused["when"] != "in" and refused["test"] != self._current:
                self._late[refused["line"]] = test
            else:
                calls.append(refused["line"])
        return list(dict.fromkeys(calls))

    def end(self, config: pytest.Config) -> list[str]:
        """Warn of the calls that came too late to fail their test; return those that fail the run, and all calls after its last test."""
        rest = self.new_calls()
        for line, (place, _) in self._late.items():
            place.warn(config, f"a thread or process that this test left running called the real gateway: {line}")
        return [*(line for line, (_, is_redirecting) in self._late.items() if not is_redirecting), *rest]

    def add_to_report(self, outcome: pytest.TestReport) -> None:
        """Add refused calls to the report of a phase that failed anyway."""
        if outcome.failed and (calls := self.new_calls()):
            outcome.sections.append((SECTION, "\n".join(calls)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that called the real gateway, even if the app swallowed the error, unless a report has the call already."""
        __tracebackhide__ = True  # an error of another teardown passes through here
        try:
            result = yield
            if calls := self.new_calls():
                fail([f"{SECTION}; strict=False does not let this pass", *(f"- {each}" for each in calls)])
            return result
        finally:
            self._current = None
            if self._is_held:
                self._guard.remember_threads()
                self._is_held = False
            remove_variables(self._file, self._theirs)
            self._guard.hold(Ban(item.nodeid, self._file, "after"))

    @pytest.hookimpl(trylast=True)  # conftests and other plugins may still call something
    def pytest_unconfigure(self) -> None:
        """Lift the guard when the run is over, except for threads that it left running."""
        remove_variables(self._file, self._theirs)
        self._guard.lift(self._before)
        self._reported.close()
        Path(self._file).unlink(missing_ok=True)
