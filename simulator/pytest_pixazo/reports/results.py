"""What the worlds of a run showed, test by test; a worker of xdist sends it to the main process."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixazo_simulator.control import PolicyDecision, from_json, to_json
from pytest_pixazo.world import Place, models_of

from .bill import BillDocument, TestBill
from .conduct import Finding
from .coverage import FAULT_BEHAVIOURS, Coverage, Met, without


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the worlds of one test, or of a wider scope, showed; `met` counts the covered behaviours by name."""

    nodeid: str
    place: Place | None = None
    findings: frozenset[Finding] = frozenset()
    assumptions: frozenset[PolicyDecision] = frozenset()
    met: dict[str, int] = {}
    bill: TestBill | None = None

    __test__ = False  # not a test class, despite its name

    def plus(self, more: TestResult) -> TestResult:
        return TestResult(
            nodeid=self.nodeid,
            place=self.place,
            findings=self.findings | more.findings,
            assumptions=self.assumptions | more.assumptions,
            met=Counter(self.met) + Counter(more.met),
            bill=self.bill.plus(more.bill) if self.bill and more.bill else self.bill or more.bill,
        )


class Results:
    """The results of a run by test; the order in which they are added does not matter."""

    def __init__(self) -> None:
        self.tests: dict[str, TestResult] = {}

    def add(self, more: TestResult) -> None:
        known = self.tests.get(more.nodeid)
        self.tests[more.nodeid] = known.plus(more) if known else more

    def as_plain_values(self) -> Any:
        """Everything as values that a worker of xdist can send; see `merge`."""
        return to_json([*self.tests.values()])

    def merge(self, values: Any) -> None:
        for each in from_json(values, list[TestResult]):
            self.add(each)

    @property
    def findings(self) -> list[Finding]:
        return sorted(each for test in self.tests.values() for each in test.findings)

    @property
    def assumptions(self) -> dict[str, frozenset[PolicyDecision]]:
        """The assumptions that each test depends on."""
        return {test.nodeid: test.assumptions for test in self.tests.values()}

    @property
    def bill(self) -> BillDocument:
        return BillDocument.of(test.bill for test in self.tests.values() if test.bill)

    def coverage(self, config: pytest.Config) -> tuple[Coverage, Coverage]:
        """The coverage of the documented behaviour, and of the faults. Raises ValueError for a wrong glob."""
        met: dict[str, Met] = {}
        for test in sorted(self.tests.values(), key=lambda each: each.nodeid):
            for name, times in test.met.items():
                before = met.get(name, Met(0, test.nodeid))
                met[name] = Met(before.times + times, before.first)
        documented = without(config.getini("pixazo_cov_omit"), models_of(config))
        return (
            Coverage("documented behaviour", documented, met),
            Coverage("faults, which no page documents", FAULT_BEHAVIOURS, met),
        )


def write(document: msgspec.Struct, file: Path) -> None:
    """Write a document as JSON for other programs. Raises OSError."""
    file.write_text(json.dumps(msgspec.to_builtins(document), indent=2) + "\n", encoding="utf-8")
