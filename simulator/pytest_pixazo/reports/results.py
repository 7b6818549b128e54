"""What the worlds of a run showed and would have cost on the real gateway, test by test; a worker of xdist sends it to the main process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from msgspec.structs import replace

from pixazo_simulator.control import Bill, PolicyDecision, from_json, to_json
from pixazo_simulator.spec import dollars, micros
from pytest_pixazo.world import Place, Record, models_of

from .conduct import Finding, counted
from .coverage import FAULT_BEHAVIOURS, Coverage, Met, without


class Wasted(msgspec.Struct, frozen=True):
    """A generation that was paid for and wasted, why, and the command that reads its status if the app never learned of its end."""

    request_id: str
    price: str
    waste: str
    curl: str | None = None


class TestBill(msgspec.Struct, frozen=True):
    """What the worlds of one test cost in US dollars: debited (`spent`), `refunded`, and `wasted` without refund.

    `overspent` says that one of its worlds cost more than the marker allows.
    """

    test: str
    generations: int
    spent: str
    refunded: str
    wasted: str
    waste: tuple[Wasted, ...] = ()
    overspent: str | None = None

    __test__ = False  # not a test class, despite its name

    @property
    def kept(self) -> int:
        """What was debited and not refunded, in millionths of a dollar."""
        return micros(self.spent) - micros(self.refunded)

    def plus(self, more: TestBill) -> TestBill:
        count, waste = self.generations + more.generations, self.waste + more.waste
        overspent = self.overspent or more.overspent
        return TestBill(self.test, count, **_sums((self, more)), waste=waste, overspent=overspent)


class BillDocument(msgspec.Struct, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:bill:1"):
    """What `--pixazo-bill-json` writes: the sums of a run, and those of each test that had a generation."""

    generations: int
    spent: str
    refunded: str
    wasted: str
    tests: tuple[TestBill, ...]
    version: Literal[1] = 1

    @classmethod
    def of(cls, bills: Iterable[TestBill]) -> BillDocument:
        tests = tuple(sorted(bills, key=lambda each: each.test))
        return cls(sum(each.generations for each in tests), **_sums(tests), tests=tests)

    def lines(self, most: int | None = None) -> Iterator[str]:
        """The sums in one line; then what the most wasteful tests wasted, at most `most` of them."""
        waste = [each for test in self.tests for each in test.waste]
        wasted = f"; ${self.wasted} of it wasted: {_listed(waste)}" if waste else ""
        back = f", ${self.refunded} refunded" if micros(self.refunded) else ""
        generations = counted(self.generations, "generation")
        yield f"{generations} would have cost ${self.spent} on the real gateway{back}{wasted}"
        worst = sorted((each for each in self.tests if each.waste), key=lambda each: -micros(each.wasted))
        yield from (f"  {each.test}: ${each.wasted} wasted: {_listed(each.waste)}" for each in worst[:most])
        if most is not None and len(worst) > most:
            yield f"  and {len(worst) - most} more tests: -v lists them"

    def beyond(self, limit: str) -> str | None:
        """Why a run with this limit in dollars fails; None where it has not spent more."""
        kept = sum(each.kept for each in self.tests)
        if kept <= micros(limit):
            return None
        dearest = max(self.tests, key=lambda each: each.kept)
        return (
            f"pixazo: the run would have spent ${dollars(kept)} on the real gateway, and the limit is ${dollars(micros(limit))}: "
            f"the most expensive test is {dearest.test}, with ${dollars(dearest.kept)}"
        )


def bill_of(record: Record, limit: object, named: str) -> TestBill | None:
    """What one world cost; None where nothing was accepted. `limit` is in dollars; a message about it calls the test `named`."""
    bills = [each.bill for each in record.branches if each.bill and each.bill.total]
    if not bills:
        return None
    generations = [each for bill in bills for each in bill.generations]
    waste = (Wasted(each.request_id, str(each.price), each.waste, each.curl) for each in generations if each.waste)
    made = TestBill(record.nodeid, len(generations), **_sums(bills), waste=tuple(waste))
    if limit is None or made.kept <= micros(str(limit)):
        return made
    dearest = sorted(generations, key=lambda each: each.price, reverse=True)[:3]
    shown = ", ".join(f"{each.request_id} ${each.price}" for each in dearest)
    overspent = (
        f"pixazo: {named} would have spent ${dollars(made.kept)} on the real gateway, and max_spend is ${dollars(micros(str(limit)))}: "
        f"submit less, or raise it; {counted(len(generations), 'generation')}, such as {shown}"
    )
    return replace(made, overspent=overspent)


def _sums(bills: Sequence[TestBill | Bill]) -> dict[str, Any]:
    names = ("spent", "refunded", "wasted")
    return {name: dollars(sum(micros(str(getattr(each, name))) for each in bills)) for name in names}


def _listed(waste: Iterable[Wasted]) -> str:
    counts = Counter(each.waste for each in waste)
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


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
