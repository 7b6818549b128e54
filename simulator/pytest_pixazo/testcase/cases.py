"""The worlds of tests, from set-up to teardown: that of the fixture `pixazo`, and fresh ones inside tests and fixtures of any scope."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, Unpack

import pytest

from pixazo_simulator.control import ControlError
from pixazo_simulator.server import Simulator, SimulatorError
from pytest_pixazo.world import LATE, SECRETS, Pixazo, Place, Record, WorldOptions, complaints, fail, report, sections

from .settings import WorldSettings, key_of, name_of, read_settings
from .simulators import SharedSimulator

Node = pytest.Item | pytest.Collector
MOST_PROBLEMS = 5
"""The most problems that are printed: a property test may have one for each input."""
LONGEST_NAME = 900
"""The most characters of a test's name in the name of its world."""
_GONE = (ControlError, SimulatorError)
_LONGEST_FILE = 150
"""The most characters of a test's name in a file name."""


class Cases:
    """The worlds of the tests of this process, as a plugin of pytest.

    `current` says for which test or collector code runs now, which test runs, and which fixture is being set up, if any.
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
        self._own: Case | None = None  # that of the fixture `pixazo`, also when it is closed
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
        self._own = self._own if is_fresh else case
        _, item, fixture = self._current()
        # Otherwise the arguments of a test do not show whether it uses the world.
        if fixture and fixture in getattr(item, "fixturenames", ()):
            self._fixtures[case] = fixture
        return case

    def close(self, case: Case) -> None:
        """Close a world. Raises ControlError when it is gone."""
        del self._open[case.name]
        self._fixtures.pop(case, None)
        self._remainders.collect()
        self._remainders.expect(case.name, Place.of(case.node), warns=case.is_strict)
        self.add_problems(case.close(self._current()[1]))
        for wider in self._open.values():
            if wider.node is not case.node:
                wider.pixazo.judged |= case.judged

    def complain(self, world: Pixazo, found: Sequence[str]) -> None:
        """Add another fixture's reasons, for which the running test fails if this world is strict, even if it serves several tests."""
        case = next((each for each in self._open.values() if each.pixazo is world), None)
        if case and case.node is self._current()[1]:
            case.complaints += found
        elif found and (case is None or case.is_strict):
            self.add_problems([SECRETS.without_keys(report(found))])

    def add_problems(self, problems: Iterable[str]) -> None:
        """Add why the test that runs must fail, if it has passed."""
        self._problems += (each for each in problems if each not in self._problems)

    def add_to_report(self, outcome: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Remember whether a test has passed, and add its worlds to the report if it failed."""
        if outcome.when == "call":
            self._passed = outcome.passed
        for case in self._shown_for(item):
            case.add_to_report(outcome, call.excinfo and call.excinfo.value)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Fail a test that passed and has problems. A failed one gets no second error, and another error of the teardown comes first."""
        __tracebackhide__ = True  # which passes through here
        try:
            result = yield
            found = self._problems
            if self._passed and found:
                more = [f"... and {len(found) - MOST_PROBLEMS} more"] if len(found) > MOST_PROBLEMS else []
                fail([*found[:MOST_PROBLEMS], *more])
            return result
        finally:  # the test may run again, and no problem is the next test's
            self._passed, self._problems = False, []

    def _shown_for(self, item: pytest.Item) -> list[Case]:
        """The worlds that the report of a failed test shows: its own, those it may use, and the fresh ones that it failed in."""
        own = [self._own] if self._own and self._own.node is item else []
        failed = self._failed if self._failure[0] == item.nodeid else ()
        used: Iterable[str] = getattr(item, "fixturenames", ())
        opened = (case for case in self._open.values() if self._fixtures.get(case) in (None, *used))
        return list(dict.fromkeys([*own, *opened, *failed]))

    def end(self) -> None:
        with suppress(ControlError):  # a running simulator may have ended before
            self._remainders.warn(self._config)


class Case:
    """One world of a test: creates it, shows it when the test fails, and at the end checks and deletes it.

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
        own = None if isinstance(simulator, SharedSimulator) else simulator
        # On a shared simulator the unmatched requests may come from other processes.
        first_unmatched = own.unmatched if own else None
        create = partial(simulator.control().create_world, name=name, **settings.options)
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
        self.pixazo = Pixazo(
            world, own, nodeid=node.nodeid or "session", seed=settings.options["seed"],
            start=settings.options["start"], first_unmatched=first_unmatched, fresh=fresh, left=self._keep,
        )  # fmt: skip
        self._shown_for: str | None = None
        self.complaints: list[str] = []
        """Reasons, found by other fixtures, for which a strict test fails at its end."""
        self._folder = node.config.getoption("pixazo_save_worlds")
        self._record: Record | None = None
        self._log: dict[str, Any] = {}
        self._kept: tuple[BaseException, Record, dict[str, Any]] | None = None

    def _keep(self, error: BaseException) -> None:
        """Keep what the world is like when an error leaves a block that is then undone."""
        with suppress(ControlError):  # the error comes first
            self._kept = error, self.pixazo.record(), self._export()

    def _export(self) -> dict[str, Any]:
        return self.pixazo.control.export_world() if self._folder else {}

    def add_to_report(self, outcome: pytest.TestReport, error: BaseException | None) -> None:
        """Add the world to the report of the first phase of a test that failed, with this error."""
        if outcome.failed and self._shown_for != outcome.nodeid:
            _, record, log = self._kept if self._kept and self._kept[0] is error else (None, None, None)
            added = self._sections(outcome.longreprtext, record)
            self._shown_for = outcome.nodeid if added else self._shown_for
            if self._folder:
                added.append(("pixazo world", self._saved(Path(self._folder), outcome.nodeid, log or self._log)))
            outcome.sections += [(title + self._label, SECRETS.without_keys(text)) for title, text in added]

    def _saved(self, folder: Path, nodeid: str, log: dict[str, Any]) -> str:
        name = re.sub(r"[^\w.-]+", "-", f"{nodeid}{self._label}")
        # Two names may differ only in characters that were replaced.
        digest = hashlib.blake2b(nodeid.encode(), digest_size=4).hexdigest()
        file = folder / f"{name[-_LONGEST_FILE:].strip('-')}-{digest}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(log or self._export(), indent=1), encoding="utf-8")
        except (OSError, *_GONE) as error:
            return f"the world could not be saved in {file}: {error}"
        return f"saved: pixazo-sim replay {shlex.quote(str(file))}"

    def _sections(self, failure: str, record: Record | None) -> list[tuple[str, str]]:
        """What to show below a failure, with complaints of a strict test that may explain it and that it does not mention."""
        try:
            record = record or self._record or self.pixazo.record()
        except _GONE as error:
            return [("pixazo", f"the world cannot be shown: {error}")]
        found = [each for each in complaints(record, is_whole=False) if each not in failure] if self.is_strict else []
        # Without its first line, which says what lets a strict test pass: this one failed for another reason.
        return sections(record) + ([("pixazo strictness", report(found).partition("\n")[2])] if found else [])

    def close(self, item: pytest.Item) -> list[str]:
        """Pass the record to other plugins, in the name of the running test, and delete the world; return what must fail the test."""
        self._record = self.pixazo.record()
        if self._shown_for != item.nodeid:  # its teardown may still fail
            self._log = self._export()
        try:
            if self.pixazo.is_repetition:
                return []
            found = item.ihook.pytest_pixazo_world_ended(record=self._record, config=item.config, item=item)
            return [*chain.from_iterable(found)]
        finally:
            self.pixazo.control.delete_world()
            SECRETS.forget(self.pixazo.api_key)  # still redacted, until many other tests have ended

    @property
    def judged(self) -> set[int]:
        """The requests without a world that a world of a wider scope does not judge again: this one has, strictly or not."""
        return {each.number for each in (*self._record.unmatched, *self._record.late)} if self._record else set()

    def unclean(self) -> str | None:
        """Why a strict world that is closed must fail its test, None if it was clean."""
        found = complaints(self._record) + self.complaints if self._record and self.is_strict else []
        return SECRETS.without_keys(report(found)) if found else None


class Remainders:
    """Counts requests for ended worlds of this process (a simulator may be shared), by the test that had opened the world."""

    def __init__(self, simulator: Simulator | SharedSimulator) -> None:
        self._simulator = simulator
        self._seen = simulator.unmatched
        self._places: dict[str, tuple[int, Place | None]] = {}
        self._calls: dict[Place, tuple[int, str]] = {}

    def times(self, world: str) -> int:
        return self._places.get(world, (0, None))[0]

    def expect(self, world: str, place: Place, *, warns: bool) -> None:
        """The world of this name ends: requests for it from now on belong to this place, which gets a warning if `warns`."""
        self._places[world] = self.times(world) + 1, place if warns else None

    def collect(self) -> None:
        """Count the requests since the last call of this method."""
        while self._simulator.unmatched > self._seen:
            exchanges = self._simulator.control().unmatched(after=self._seen).exchanges
            self._seen = exchanges[-1].number
            for each in exchanges:
                if place := self._places.get(each.former or "", (0, None))[1]:
                    count, _ = self._calls.get(place, (0, ""))
                    self._calls[place] = count + 1, f"{each.method} {each.target}"

    def warn(self, config: pytest.Config) -> None:
        self.collect()
        for place, (number, latest) in self._calls.items():
            came = f"{number} requests arrived" if number > 1 else "a request arrived"
            when = f"{came} for the world of this test after its end, the last one {latest}"
            place.warn(config, f"{when}: {LATE}")
