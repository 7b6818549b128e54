"""What the generations of a test run would have cost on the real gateway, test by test, and what of it was wasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from pixazo_simulator.control import BilledGeneration, from_json, to_json
from pixazo_simulator.spec import dollars, micros
from pytest_pixazo.world import Record


class Wasted(msgspec.Struct, frozen=True):
    """A generation that was paid for and wasted, why, and for an orphan the command that reads its status."""

    request_id: str
    price: str
    waste: str
    curl: str | None = None


class TestBill(msgspec.Struct, frozen=True):
    """What the worlds of one test cost: sums are US dollars; `spent` is what was debited, `wasted` what was not given back either.

    `overspent` says that one of its worlds cost more than the marker allows.
    """

    test: str
    generations: int
    spent: str
    refunded: str
    wasted: str
    waste: tuple[Wasted, ...] = ()
    overspent: str | None = None

    __test__ = False  # no test class, whatever its name

    @property
    def kept(self) -> int:
        """What was debited and not given back, in millionths of a dollar."""
        return micros(self.spent) - micros(self.refunded)


class BillDocument(msgspec.Struct, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:bill:1"):
    """What `--pixazo-bill-json` writes: the sums of a run, and those of each test that had a generation."""

    generations: int
    spent: str
    refunded: str
    wasted: str
    tests: tuple[TestBill, ...]
    version: Literal[1] = 1


def _of(record: Record, limit: str | None, named: str) -> TestBill | None:
    bill = record.bill
    if bill is None or not bill.total:
        return None
    sums = (str(bill.spent), str(bill.refunded), str(bill.wasted))
    kept, said = micros(sums[0]) - micros(sums[1]), None
    if limit is not None and kept > micros(limit):
        dearest = sorted(bill.generations, key=lambda each: each.price, reverse=True)[:3]
        shown = ", ".join(f"{each.request_id} ${each.price}" for each in dearest)
        said = (
            f"pixazo: {named} would have spent ${dollars(kept)} on the real gateway, and max_spend is ${limit}: "
            f"submit less, or raise it; {bill.total} generations, such as {shown}"
        )
    waste = tuple(_wasted(each) for each in bill.generations if each.waste)
    return TestBill(record.nodeid, bill.total, *sums, waste, said)


def _wasted(each: BilledGeneration) -> Wasted:
    return Wasted(each.request_id, str(each.price), str(each.waste), each.curl)


class Bills:
    """The bills of the tests of a run; the order of what is added does not matter."""

    def __init__(self) -> None:
        self.tests: dict[str, TestBill] = {}

    def add(self, record: Record, limit: str | None = None, named: str = "this test") -> TestBill | None:
        """Add what one world cost, and return it; None where nothing was accepted.

        `limit` are the dollars that the world may cost; `named` is the test in the sentence that says that it cost more.
        """
        found = _of(record, limit, named)
        if found is not None:
            self._add(found)
        return found

    def _add(self, more: TestBill) -> None:
        if (known := self.tests.get(more.test)) is not None:
            spent, refunded, wasted = (
                dollars(sum(micros(getattr(each, name)) for each in (known, more))) for name in _SUMS
            )
            count, waste = known.generations + more.generations, (*known.waste, *more.waste)
            more = TestBill(more.test, count, spent, refunded, wasted, waste, known.overspent or more.overspent)
        self.tests[more.test] = more

    def as_plain_values(self) -> list[Any]:
        """Everything as values that a worker of xdist can send; see `merge`."""
        return [to_json(each) for each in self.tests.values()]

    def merge(self, values: list[Mapping[str, Any]]) -> None:
        """Add those of another process."""
        for each in values:
            self._add(from_json(each, TestBill))

    @property
    def document(self) -> BillDocument:
        """All of it, tests by name."""
        tests = tuple(sorted(self.tests.values(), key=lambda each: each.test))
        spent, refunded, wasted = (dollars(sum(micros(getattr(each, name)) for each in tests)) for name in _SUMS)
        return BillDocument(sum(each.generations for each in tests), spent, refunded, wasted, tests)

    def lines(self, most: int | None = None) -> Iterator[str]:
        """The sums in a line, and of the tests that wasted most, at most so many, what they wasted."""
        total = self.document
        waste = Counter(each.waste for test in total.tests for each in test.waste)
        wasted = f"; ${total.wasted} of it wasted: {_listed(waste)}" if waste else ""
        back = f", ${total.refunded} refunded" if micros(total.refunded) else ""
        yield f"{_counted(total.generations)} would have cost ${total.spent} on the real gateway{back}{wasted}"
        worst = sorted((each for each in total.tests if each.waste), key=lambda each: (-micros(each.wasted), each.test))
        for each in worst[:most]:
            yield f"  {each.test}: ${each.wasted} wasted: {_listed(Counter(one.waste for one in each.waste))}"
        if most is not None and len(worst) > most:
            yield f"  and {len(worst) - most} tests more: -v lists them"

    def beyond(self, limit: str) -> str | None:
        """Why a run that may spend so many dollars fails; None where it has not spent more."""
        kept = sum(each.kept for each in self.tests.values())
        if kept <= micros(limit):
            return None
        dearest = max(self.tests.values(), key=lambda each: each.kept)
        return (
            f"pixazo: the run would have spent ${dollars(kept)} on the real gateway, and the limit is ${limit}: "
            f"the most expensive test is {dearest.test}, with ${dollars(dearest.kept)}"
        )

    def write(self, file: Path) -> None:
        """Write the document as JSON. Raises OSError."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self.document), indent=2) + b"\n")


_SUMS = ("spent", "refunded", "wasted")


def _counted(generations: int) -> str:
    return f"{generations} generation{'s' * (generations != 1)}"


def _listed(waste: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(waste.items()))
