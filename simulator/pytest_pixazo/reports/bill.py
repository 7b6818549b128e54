"""What the generations of a test run would have cost on the real gateway, test by test, and what of it was wasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from pixazo_simulator.spec import dollars, micros
from pytest_pixazo.world import Record

from .conduct import counted


class Wasted(msgspec.Struct, frozen=True):
    """A generation that was paid for and wasted, why, and for an orphan the command that reads its status."""

    request_id: str
    price: str
    waste: str
    curl: str | None = None


class TestBill(msgspec.Struct, frozen=True):
    """What the worlds of one test cost: sums are US dollars; `spent` is what was debited, `wasted` the part of it that was wasted and not refunded.

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
        return TestBill(
            self.test, **_sums((self, more)), waste=self.waste + more.waste, overspent=self.overspent or more.overspent
        )


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
        return cls(**_sums(tests), tests=tests)

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
            f"pixazo: the run would have spent ${dollars(kept)} on the real gateway, and the limit is ${limit}: "
            f"the most expensive test is {dearest.test}, with ${dollars(dearest.kept)}"
        )


def bill_of(record: Record, limit: object, named: str) -> TestBill | None:
    """What one world cost; None where nothing was accepted.

    `limit` is what it may cost in dollars, if limited; `named` is the name of the test in the message about the limit.
    """
    bills = [each.bill for each in record.branches if each.bill and each.bill.total]
    if not bills:
        return None
    spent, refunded, wasted = (
        sum(micros(str(getattr(each, name))) for each in bills) for name in ("spent", "refunded", "wasted")
    )
    generations = [each for bill in bills for each in bill.generations]
    kept, overspent = spent - refunded, None
    if limit is not None and kept > micros(str(limit)):
        dearest = sorted(generations, key=lambda each: each.price, reverse=True)[:3]
        shown = ", ".join(f"{each.request_id} ${each.price}" for each in dearest)
        overspent = (
            f"pixazo: {named} would have spent ${dollars(kept)} on the real gateway, and max_spend is ${limit}: "
            f"submit less, or raise it; {counted(len(generations), 'generation')}, such as {shown}"
        )
    waste = (Wasted(each.request_id, str(each.price), each.waste, each.curl) for each in generations if each.waste)
    return TestBill(
        record.nodeid, len(generations), dollars(spent), dollars(refunded), dollars(wasted), tuple(waste), overspent
    )


def _sums(bills: Iterable[TestBill]) -> dict[str, Any]:
    sums = {
        name: dollars(sum(micros(getattr(each, name)) for each in bills)) for name in ("spent", "refunded", "wasted")
    }
    return {"generations": sum(each.generations for each in bills), **sums}


def _listed(waste: Iterable[Wasted]) -> str:
    counts = Counter(each.waste for each in waste)
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
