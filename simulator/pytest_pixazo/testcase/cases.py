"""Opens worlds: that of the fixture `pixazo`, and fresh ones inside tests and fixtures of any scope."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import count
from typing import Unpack

import pytest

from pixazo_simulator.control import ControlError
from pixazo_simulator.server import Simulator
from pytest_pixazo.world import SECRETS, Pixazo, WorldOptions, place_of, report

from .case import Case
from .remainders import Remainders
from .settings import key_of, name_of, read_settings
from .simulators import SharedSimulator

Node = pytest.Item | pytest.Collector
MOST_PROBLEMS = 5
"""The most problems that are printed: a property test may have one for each input."""
LONGEST_NAME = 900
"""The most characters of a test's name in the name of its world."""


class Cases:
    """The worlds of the tests of this process; `current` says for which test or collector code runs now, which test runs, and which fixture
    is being set up, if any.
    """

    def __init__(
        self,
        config: pytest.Config,
        simulator: Simulator | SharedSimulator,
        current: Callable[[], tuple[Node, pytest.Item, str | None]],
    ) -> None:
        self._config = config
        self._simulator = simulator
        self._current = current
        self._open: dict[str, Case] = {}
        self._fixtures: dict[Case, str] = {}
        self._failed: list[Case] = []
        self._failure: tuple[str, BaseException | None] = ("", None)
        self._remainders = Remainders(simulator)
        self._passed = False
        self._problems: list[str] = []

    def fresh(self, **options: Unpack[WorldOptions]) -> AbstractContextManager[Pixazo]:
        """A world that is open within a `with` block, for the test or collector for which code runs now."""
        return self._fresh(self._current()[0], **options)

    @contextmanager
    def _fresh(self, node: Node, **options: Unpack[WorldOptions]) -> Generator[Pixazo]:
        __tracebackhide__ = True  # a failure belongs to the `with` block
        case = self.open(node, options, is_fresh=True)
        try:
            yield case.pixazo
            self.close(case)
            if problem := case.unclean():
                raise AssertionError(problem)  # noqa: TRY301 - its world is shown like that of an error in the block
        except BaseException as error:
            failure = self._current()[1].nodeid, error
            self._failed = [*(self._failed if failure == self._failure else []), case]
            self._failure = failure
            if self._open.get(case.name) is case:
                with suppress(ControlError):  # the error of the block comes first
                    self.close(case)
            raise

    def open(self, node: Node, options: WorldOptions | None = None, *, is_fresh: bool = False) -> Case:
        """Open a world for a test, class or module. Raises ValueError or ControlError with the remedy."""
        settings = read_settings(node, options or {})
        name, label = name_of(node), ""
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}... {key_of(name)}"
        if is_fresh:
            names = ((f"{name} (fresh world {each})", f" of fresh world {each}") for each in count(1))
            name, label = next(each for each in names if each[0] not in self._open)
        # Each run of a repeated test also has its own key, which nothing that an earlier run left behind has.
        times = self._remainders.times(name)
        key = key_of(name if not times else f"{name} {times + 1}")
        case = Case(node, self._simulator, settings, name, label, key, partial(self._fresh, node))
        self._open[name] = case
        _, item, fixture = self._current()
        if fixture and fixture in _fixtures_of(
            item
        ):  # otherwise the arguments of a test do not show whether it uses the world
            self._fixtures[case] = fixture
        return case

    def close(self, case: Case) -> None:
        """Close a world. Raises ControlError when it is gone."""
        del self._open[case.name]
        self._fixtures.pop(case, None)
        self._remainders.collect()
        self._remainders.expect(case.name, place_of(case.node), warns=case.is_strict)
        self.add_problems(case.close(self._current()[1]))

    def complain(self, world: Pixazo, found: Sequence[str]) -> None:
        """Add reasons, found by another fixture, for which the test that runs fails if this world is strict, also where it serves several tests."""
        case = next((each for each in self._open.values() if each.pixazo is world), None)
        if case and case.node is self._current()[1]:
            case.add_complaints(found)
        elif found and (case is None or case.is_strict):
            self.add_problems([SECRETS.without_keys(report(found))])

    def add_problems(self, problems: Iterable[str]) -> None:
        """Add why the test that runs must fail, if it has passed."""
        self._problems += (each for each in problems if each not in self._problems)

    def note_outcome(
        self, item: pytest.Item, own: Case | None, outcome: pytest.TestReport, error: BaseException | None
    ) -> None:
        """Remember whether a test has passed, and add its worlds to the report if it failed, with this error."""
        if outcome.when == "call":
            self._passed = outcome.passed
        for case in self._shown_for(item, own):
            case.add_to_report(outcome, error)

    def fail_for_problems(self) -> None:
        """Fail a test that passed and has problems; a failed one gets no second error."""
        found = self._problems
        if self._passed and found:
            more = [f"... and {len(found) - MOST_PROBLEMS} more"] if len(found) > MOST_PROBLEMS else []
            pytest.fail("\n".join([*found[:MOST_PROBLEMS], *more]), pytrace=False)

    def forget_problems(self) -> None:
        """End a test, which may run again: another error of its teardown comes first, and no problem is the next test's."""
        self._passed, self._problems = False, []

    def _shown_for(self, item: pytest.Item, own: Case | None) -> list[Case]:
        """The worlds that the report of a failed test shows: that of its fixture, open ones except those of fixtures that it does not
        use, and the fresh ones that it failed in.
        """
        failed = self._failed if self._failure[0] == item.nodeid else ()
        used = _fixtures_of(item)
        opened = (case for case in self._open.values() if self._fixtures.get(case) in (None, *used))
        return list(dict.fromkeys([*([own] if own else ()), *opened, *failed]))

    def end(self) -> None:
        with suppress(ControlError):  # a running simulator may have ended before
            self._remainders.warn(self._config)


def _fixtures_of(item: pytest.Item) -> Iterable[str]:
    names: Iterable[str] = getattr(item, "fixturenames", ())
    return names
