"""What the worlds of a test run have shown so far, of one process or of several: mistakes, and behaviour met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_pixazo.world import Record

from .conduct.rules import Finding, judge
from .coverage.meter import met


class Reports:
    """Findings, and for each behaviour met how often and by which test first; the order of what is added does not matter."""

    def __init__(self) -> None:
        self.findings: set[Finding] = set()
        self.counts: dict[str, int] = {}
        self.firsts: dict[str, str] = {}

    def add(self, record: Record, allowed: Iterable[str] = ()) -> list[Finding]:
        """Take in what one test did in its world, and return its mistakes. Raises ValueError for an allowed rule that is unknown."""
        found = judge(record, allowed)
        self.findings.update(found)
        for name, count in met(record).items():
            self._count(name, count, record.nodeid)
        return found

    def told(self) -> dict[str, Any]:
        """Everything as plain values, which a worker of xdist can send."""
        findings = [
            [each.rule, each.nodeid, each.request_id, list(each.exchanges), each.says] for each in self.findings
        ]
        return {"findings": findings, "met": {name: [self.counts[name], self.firsts[name]] for name in self.counts}}

    def take(self, told: Mapping[str, Any]) -> None:
        """Take in what another process told."""
        for rule, nodeid, request_id, exchanges, says in told["findings"]:
            self.findings.add(Finding(rule, nodeid, request_id, tuple(exchanges), says))
        for name, (count, nodeid) in told["met"].items():
            self._count(name, count, nodeid)

    def _count(self, name: str, count: int, nodeid: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + count
        self.firsts[name] = min(nodeid, self.firsts.get(name, nodeid))
