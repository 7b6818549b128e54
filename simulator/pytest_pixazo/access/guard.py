"""No test that uses a fixture of ours reaches the real gateway, unless it says so."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp

import pytest

from pixazo_simulator.redirect import GUARD_VARIABLE, HOSTS, MEDIA_HOSTS, REDIRECT_PORT, Ban, guard_of, remove_variables

SECTION = "pixazo: the real gateway was called"


def watch_for(config: pytest.Config) -> Watch | None:
    """The guard of a run, unless the command line wants none; under `pixazo-sim exec` the hosts lead to its simulator."""
    return None if config.getoption("pixazo_real_gateway") or REDIRECT_PORT in os.environ else Watch()


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
        self._theirs = os.environ.get(GUARD_VARIABLE)

    def hold(self, item: pytest.Item) -> None:
        """Refuse the hosts in this test, and in the processes that it starts."""
        if self._is_held:
            return
        self._is_held = True
        ban = Ban(item.nodeid, f"in {item.nodeid}", self._file)
        self._guard.hold(ban)
        os.environ.update(self._guard.variables(ban))

    def lift(self, *, wholly: bool) -> None:
        """Refuse nothing in this test, but to threads that earlier ones left running, unless `wholly`."""
        remove_variables(self._file, self._theirs)
        self._guard.lift(self._before, wholly=wholly)

    def rest(self, item: pytest.Item) -> None:
        """Go on after the end of a test."""
        if self._is_held:
            self._guard.remember_threads()
            self._is_held = False
        remove_variables(self._file, self._theirs)
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
        remove_variables(self._file, self._theirs)
        self._guard.lift(self._before)
        self._told.close()
        Path(self._file).unlink(missing_ok=True)
