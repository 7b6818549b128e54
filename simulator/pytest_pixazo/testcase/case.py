"""One test and its world, from set-up to teardown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.spec import PROFILES, Policy, points
from pytest_pixazo.world import SECRETS, Clock, Pixazo, complaints, report

from .failure_report import sections
from .seed import key_of, name_of
from .settings import WorldSettings, read_settings
from .simulators import SharedSimulator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixazo_simulator.server import Simulator
    from pytest_pixazo.world import Record


class Case:
    """Opens the world of a test, shows it when the test fails, and at the end checks and deletes it."""

    def __init__(self, item: pytest.Item, simulator: Simulator | SharedSimulator) -> None:
        """Open the world that the test asks for. Raises ValueError or ControlError with the remedy."""
        settings = read_settings(item)
        control = simulator.control()
        # On a shared simulator the unmatched requests may be those of other processes.
        first_unmatched = None if isinstance(simulator, SharedSimulator) else control.unmatched(limit=1).total
        world = _opened(control, key_of(name_of(item)), settings)
        SECRETS.add(str(world.api_key))
        clock = _clock(simulator, world)
        self.pixazo = Pixazo(world, clock, nodeid=item.nodeid, seed=settings.seed, first_unmatched=first_unmatched)
        self._item = item
        self._strict = settings.strict
        self._passed = False
        self._shown = False
        self._objections: list[str] = []
        self._record: Record | None = None

    def hear(self, outcome: pytest.TestReport) -> None:
        """Take note of how a phase of the test ended; the first that failed shows the world."""
        if outcome.when == "call":
            self._passed = outcome.passed
        if outcome.failed and not self._shown:
            self._shown = True
            shown = self._sections(outcome.longreprtext)
            outcome.sections += [(title, SECRETS.without_keys(text)) for title, text in shown]

    def _sections(self, told: str) -> list[tuple[str, str]]:
        """What to show below a failure; strictness says there what the failure itself has not told, instead of failing once more."""
        try:
            record = self._record or self.pixazo.record()
        except ControlError as error:
            return [("pixazo", f"nothing can be told of the world: {error}")]
        found = [each for each in complaints(record) if each not in told] if self._strict else []
        return sections(record) + ([("pixazo strictness", report(found))] if found else [])

    def object(self, objections: Iterable[str]) -> None:
        """Let a strict test fail in the end for these reasons, too, which other fixtures found."""
        self._objections += objections

    def close(self) -> None:
        """Tell other plugins of the world and delete it; fail the test if it is strict, passed until now, and was not clean."""
        self._record = self.pixazo.record()
        try:
            self._item.ihook.pytest_pixazo_world_ended(record=self._record, config=self._item.config, item=self._item)
        finally:
            self.pixazo.control.delete_world()
            SECRETS.forget(self.pixazo.api_key)
        if self._strict and self._passed and (found := complaints(self._record) + self._objections):
            pytest.fail(SECRETS.without_keys(report(found)), pytrace=False)


def _clock(simulator: Simulator | SharedSimulator, world: ControlClient) -> Clock:
    if isinstance(simulator, SharedSimulator):
        return Clock(world)
    key = world.api_key  # past JSON, since poll loops do this most
    return Clock(
        world,
        sleep=lambda seconds: simulator.advance(seconds, api_key=key),
        monotonic=lambda: simulator.monotonic(api_key=key),
    )


def _opened(control: ControlClient, key: str, settings: WorldSettings) -> ControlClient:
    try:
        return _create(control, key, settings)
    except ControlError:
        # Another process runs the same test on this simulator, or one that was killed left its world there.
        return _create(control, None, settings)


def _create(control: ControlClient, key: str | None, settings: WorldSettings) -> ControlClient:
    policy = {field: settings.policy.text(field) for field in points() if _differs(settings.policy, field)}
    return control.create_world(
        key=key, balance=settings.balance, clock=settings.clock, seed=settings.seed, profile="documented", policy=policy
    )


def _differs(policy: Policy, field: str) -> bool:
    return bool(getattr(policy, field) != getattr(PROFILES["documented"], field))
