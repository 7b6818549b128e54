"""One world of a test, from set-up to teardown."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.server import Simulator
from pytest_pixazo.world import SECRETS, Clock, Pixazo, Record, complaints, report

from .failure_report import sections
from .settings import WorldSettings
from .simulators import SharedSimulator

_LONGEST_NAME = 150
"""The most characters of a test's name in a file name."""


class Case:
    """Creates a world, shows it when a test fails, and at the end checks and deletes it.

    `node` is the test, or the class or module for whose fixture it is opened; `name` is the name of the world, `label` follows titles.
    """

    def __init__(
        self,
        node: pytest.Item | pytest.Collector,
        simulator: Simulator | SharedSimulator,
        settings: WorldSettings,
        name: str,
        label: str,
        key: str,
        fresh: Callable[..., AbstractContextManager[Pixazo]],
    ) -> None:
        """Create the world that the settings describe. Raises ValueError or ControlError with the remedy."""
        control = simulator.control()
        # On a shared simulator the unmatched requests may come from other processes.
        first_unmatched = None if isinstance(simulator, SharedSimulator) else simulator.unmatched
        create = partial(control.create_world, name=name, **settings.options)
        try:
            world = create(key=key)
        except ControlError as error:
            if error.status != 409:
                raise
            # Another process runs the same test on this simulator, or one that was killed left its world there.
            world = create()
        SECRETS.add(str(world.api_key))
        self.node = node
        self.name = name
        self._label = label
        self.is_strict = settings.is_strict
        own = {} if isinstance(simulator, SharedSimulator) else _of_own(simulator, world)
        self.pixazo = Pixazo(
            world, _clock(simulator, world), nodeid=node.nodeid or "session", seed=settings.options["seed"],
            start=settings.options["start"], first_unmatched=first_unmatched, fresh=fresh, left=self._keep, **own,
        )  # fmt: skip
        self._shown_for: str | None = None
        self._complaints: list[str] = []
        self._record: Record | None = None
        self._kept: tuple[BaseException, Record, dict[str, Any]] | None = None

    def _keep(self, error: BaseException) -> None:
        """Keep what the world is like when an error leaves a block that is then undone."""
        with suppress(ControlError):  # the error comes first
            saves = self.node.config.getoption("pixazo_save_worlds")
            self._kept = error, self.pixazo.record(), self.pixazo.control.export_world() if saves else {}

    def add_to_report(self, outcome: pytest.TestReport, error: BaseException | None) -> None:
        """Add the world to the report of the first phase of a test that failed, with this error."""
        if outcome.failed and self._shown_for != outcome.nodeid:
            _, record, log = self._kept if self._kept and self._kept[0] is error else (None, None, None)
            added = self._sections(outcome.longreprtext, record)
            self._shown_for = outcome.nodeid if added else self._shown_for
            if folder := self.node.config.getoption("pixazo_save_worlds"):
                added.append(("pixazo world", self._saved(Path(folder), outcome.nodeid, log)))
            outcome.sections += [(title + self._label, SECRETS.without_keys(text)) for title, text in added]

    def _saved(self, folder: Path, nodeid: str, log: dict[str, Any] | None) -> str:
        name = re.sub(r"[^\w.-]+", "-", f"{nodeid}{self._label}")
        # Two names may differ only in characters that were replaced.
        digest = hashlib.blake2b(nodeid.encode(), digest_size=4).hexdigest()
        file = folder / f"{name[-_LONGEST_NAME:].strip('-')}-{digest}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(log or self.pixazo.control.export_world(), indent=1), encoding="utf-8")
        except (OSError, ControlError) as error:
            return f"the world could not be saved in {file}: {error}"
        return f"saved: pixazo-sim replay {shlex.quote(str(file))}"

    def _sections(self, failure: str, record: Record | None) -> list[tuple[str, str]]:
        """What to show below a failure, with complaints of a strict test that may explain it and that it does not mention."""
        try:
            record = record or self._record or self.pixazo.record()
        except ControlError as error:
            return [("pixazo", f"the world cannot be shown: {error}")]
        found = [each for each in complaints(record, is_whole=False) if each not in failure] if self.is_strict else []
        # Without its first line, which says what lets a strict test pass: this one failed for another reason.
        return sections(record) + ([("pixazo strictness", report(found).partition("\n")[2])] if found else [])

    def add_complaints(self, found: Iterable[str]) -> None:
        """Add reasons, found by other fixtures, for which a strict test fails at its end."""
        self._complaints += found

    def close(self, item: pytest.Item) -> list[str]:
        """Pass the record to other plugins, in the name of the running test, and delete the world; return what must fail the test."""
        self._record = self.pixazo.record()
        try:
            if self.pixazo.is_repetition:
                return []
            found = item.ihook.pytest_pixazo_world_ended(record=self._record, config=item.config, item=item)
            return [*chain.from_iterable(found)]
        finally:
            self.pixazo.control.delete_world()
            SECRETS.forget(self.pixazo.api_key)  # still redacted, until many other tests have ended

    def unclean(self) -> str | None:
        """Why a strict world that is closed must fail its test, None if it was clean."""
        found = complaints(self._record) + self._complaints if self._record and self.is_strict else []
        return SECRETS.without_keys(report(found)) if found else None


def _of_own(simulator: Simulator, world: ControlClient) -> dict[str, Any]:
    """What a world can do whose simulator runs in this process."""
    return {
        "transport": simulator.transport,
        "is_advancing": partial(simulator.is_advancing, api_key=world.api_key),
    }


def _clock(simulator: Simulator | SharedSimulator, world: ControlClient) -> Clock:
    if isinstance(simulator, SharedSimulator):
        return Clock(world)
    key = world.api_key  # not through JSON: polling loops do little else
    return Clock(
        world,
        sleep=lambda seconds: simulator.advance(seconds, api_key=key),
        passes=lambda seconds: simulator.advance_quietly(seconds, api_key=key),
        monotonic=lambda: simulator.monotonic(api_key=key),
    )
