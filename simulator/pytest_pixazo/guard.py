"""No test that uses a fixture of ours reaches the real gateway, unless it says so."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

import pytest

from pixazo_simulator.captive import DOOR_PORT
from pixazo_simulator.guard import Ban, guard_of
from pixazo_simulator.redirect import HOSTS, MEDIA_HOSTS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Watch", "asks_for_the_real_one", "watch_for"]

SECTION = "pixazo: the real gateway was called"


def watch_for(config: pytest.Config) -> Watch | None:
    """The guard of a run, unless the command line wants none; under `pixazo-sim exec` the hosts lead to its simulator."""
    return None if config.getoption("pixazo_real_gateway") or DOOR_PORT in os.environ else Watch()


def asks_for_the_real_one(item: pytest.Item) -> bool:
    """Whether the nearest marker of a test that speaks of the real gateway wants it."""
    said = (mark.kwargs["real_gateway"] for mark in item.iter_markers("pixazo") if "real_gateway" in mark.kwargs)
    return next(said, False) is True


class Watch:
    """The guard of one run: raised for the tests that use a fixture of ours, lifted for the others, and raised between tests.

    What the tests, their threads and their processes tried fails the test at whose end it is known.
    """

    def __init__(self) -> None:
        self._guard = guard_of((*HOSTS, *MEDIA_HOSTS))
        self._before = self._guard.ban  # of the test in which this whole run takes place, if it does
        descriptor, self._file = mkstemp(prefix="pixazo-refused-")
        self._told = os.fdopen(descriptor, "rb", buffering=0)
        self._is_held = False
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str | None] = {}

    def hold(self, item: pytest.Item) -> None:
        """Refuse the hosts in this test, and in the processes that it starts."""
        if self._is_held:
            return
        self._is_held = True
        ban = Ban(item.nodeid, f"in {item.nodeid}", self._file)
        self._guard.hold(ban)
        self._set(self._guard.variables(ban))

    def lift(self, *, wholly: bool) -> None:
        """Refuse nothing in this test, but to threads that earlier ones left running, unless `wholly`."""
        self._guard.lift(self._before, wholly=wholly)

    def rest(self, item: pytest.Item) -> None:
        """Go on after the end of a test."""
        if self._is_held:
            self._guard.leave()
            self._unset()
            self._is_held = False
        self._guard.hold(Ban(item.nodeid, f"after {item.nodeid}", self._file))

    def news(self) -> list[str]:
        """What was refused since this was last asked, each thing once."""
        lines = (self._told.read() or b"").decode(errors="replace").splitlines()
        return list(dict.fromkeys(lines))

    def hear(self, outcome: pytest.TestReport) -> None:
        """Tell it with a phase that failed anyway."""
        if outcome.failed and (news := self.news()):
            outcome.sections.append((SECTION, "\n".join(news)))

    def judge(self) -> None:
        """Fail the test if something was refused that no failure has told yet."""
        if news := self.news():
            pytest.fail(
                "\n".join([f"{SECTION}; strict=False does not let this pass", *(f"- {each}" for each in news)]),
                pytrace=False,
            )

    def close(self) -> None:
        """End with the run."""
        self._unset()
        self._guard.lift(self._before)
        self._told.close()
        Path(self._file).unlink(missing_ok=True)

    def _set(self, variables: Mapping[str, str]) -> None:
        self._ours = dict(variables)
        self._theirs = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    def _unset(self) -> None:
        for name, value in self._ours.items():
            if os.environ.get(name) != value:
                continue  # somebody else's by now
            theirs = self._theirs[name]
            if theirs is None:
                del os.environ[name]
            else:
                os.environ[name] = theirs
        self._ours = {}
