"""One test and its world, from set-up to teardown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.server import Simulator
from pixazo_simulator.spec import PROFILES, PolicyFields, points
from pytest_pixazo.world import SECRETS, Clock, Pixazo, Record, complaints, report

from .failure_report import sections
from .settings import WorldSettings, key_of, name_of, read_settings
from .simulators import SharedSimulator


class Case:
    """Creates the world of a test, shows it when the test fails, and at the end checks and deletes it."""

    def __init__(self, item: pytest.Item, simulator: Simulator | SharedSimulator) -> None:
        """Create the world that the test asks for. Raises ValueError or ControlError with the remedy."""
        settings = read_settings(item)
        control = simulator.control()
        # On a shared simulator the unmatched requests may be those of other processes.
        first_unmatched = None if isinstance(simulator, SharedSimulator) else control.unmatched(limit=1).total
        world = _create_world(control, key_of(name_of(item)), settings)
        SECRETS.add(str(world.api_key))
        clock = _clock(simulator, world)
        self.pixazo = Pixazo(world, clock, nodeid=item.nodeid, seed=settings.seed, first_unmatched=first_unmatched)
        self._item = item
        self._strict = settings.strict
        self._passed = False
        self._is_shown = False
        self._complaints: list[str] = []
        self._record: Record | None = None

    def note_outcome(self, outcome: pytest.TestReport) -> None:
        """Remember how a phase of the test ended, and add the world to the report of the first phase that failed."""
        if outcome.when == "call":
            self._passed = outcome.passed
        if outcome.failed and not self._is_shown:
            added = self._sections(outcome.longreprtext)
            self._is_shown = bool(added)
            outcome.sections += [(title, SECRETS.without_keys(text)) for title, text in added]

    def _sections(self, failure: str) -> list[tuple[str, str]]:
        """What to show below a failure, with the complaints of a strict test that may explain it and that it does not mention."""
        try:
            record = self._record or self.pixazo.record()
        except ControlError as error:
            return [("pixazo", f"the world cannot be shown: {error}")]
        found = [each for each in complaints(record, is_whole=False) if each not in failure] if self._strict else []
        # Without its first line, which says what lets a strict test pass: this one failed for another reason.
        return sections(record) + ([("pixazo strictness", report(found).partition("\n")[2])] if found else [])

    def add_complaints(self, found: Iterable[str]) -> None:
        """Add reasons, found by other fixtures, for which a strict test fails at its end."""
        self._complaints += found

    def close(self) -> None:
        """Hand the record to other plugins and delete the world; fail a strict test that passed until now but was not clean."""
        self._record = self.pixazo.record()
        try:
            self._item.ihook.pytest_pixazo_world_ended(record=self._record, config=self._item.config, item=self._item)
        finally:
            self.pixazo.control.delete_world()
            SECRETS.forget(self.pixazo.api_key)  # still redacted, until many other tests have ended
        if self._strict and self._passed and (found := complaints(self._record) + self._complaints):
            pytest.fail(SECRETS.without_keys(report(found)), pytrace=False)


def _clock(simulator: Simulator | SharedSimulator, world: ControlClient) -> Clock:
    if isinstance(simulator, SharedSimulator):
        return Clock(world)
    key = world.api_key  # without JSON: polling loops do little else
    return Clock(
        world,
        sleep=lambda seconds: simulator.advance(seconds, api_key=key),
        monotonic=lambda: simulator.monotonic(api_key=key),
    )


def _create_world(control: ControlClient, key: str, settings: WorldSettings) -> ControlClient:
    default = PROFILES["documented"]
    changed = [field for field in points() if getattr(settings.policy, field) != getattr(default, field)]
    policy = cast("PolicyFields", {field: settings.policy.text(field) for field in changed})

    def create(key: str | None) -> ControlClient:
        return control.create_world(
            key=key, balance=settings.balance, clock=settings.clock, seed=settings.seed, profile="documented", policy=policy
        )  # fmt: skip

    try:
        return create(key)
    except ControlError:
        # Another process runs the same test on this simulator, or one that was killed left its world there.
        return create(None)
