"""What the worlds of a test run have shown so far, in one process or several: findings of conduct, and behaviour met."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from pytest_pixazo.world import Record

from .conduct import Finding, judge, report
from .coverage import FAULT_BEHAVIOURS, Coverage, met, without

MOST_FINDINGS = 5
"""Findings of one rule that are printed unless the run is verbose."""


class Results:
    """Findings, and for each behaviour met how often and by which test first; the order of what is added does not matter."""

    def __init__(self) -> None:
        self.findings: set[Finding] = set()
        self.counts: dict[str, int] = {}
        self.firsts: dict[str, str] = {}

    def add(self, record: Record, allowed: Iterable[str] = ()) -> list[Finding]:
        """Add what one test did in its world, and return its findings. Raises ValueError for an allowed rule that does not exist."""
        found = judge(record, allowed)
        self.findings.update(found)
        for name, count in met(record).items():
            self._count(name, count, record.nodeid)
        return found

    def as_plain_values(self) -> dict[str, Any]:
        """Everything as values that a worker of xdist can send; see `merge`."""
        return {
            "findings": [astuple(finding) for finding in self.findings],
            "met": {name: (count, self.firsts[name]) for name, count in self.counts.items()},
        }

    def merge(self, values: Mapping[str, Any]) -> None:
        """Add the results of another process."""
        self.findings.update(Finding(*each) for each in values["findings"])
        for name, (count, nodeid) in values["met"].items():
            self._count(name, count, nodeid)

    def _count(self, name: str, count: int, nodeid: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + count
        self.firsts[name] = min(nodeid, self.firsts.get(name, nodeid))

    def conduct_lines(self, *, verbose: bool) -> Iterator[str]:
        """The findings of all tests, rule by rule."""
        return report(self.findings, most=None if verbose else MOST_FINDINGS)

    def coverage_lines(self, config: pytest.Config) -> Iterator[str]:
        """How much of the documented behaviour and of the faults was met, group by group, with what is missing."""
        documented, faults = self._documented(config), Coverage(FAULT_BEHAVIOURS, self.counts)
        yield f"documented behaviour: {documented}"
        yield from documented.lines()
        yield f"faults, which no page documents: {faults}"
        yield from faults.lines()

    def shortfall(self, config: pytest.Config) -> str | None:
        """One line when less behaviour was met than `--pixazo-cov-fail-under` asks for. Raises ValueError for a wrong glob."""
        least: float | None = config.getoption("pixazo_cov_fail_under")
        percent = self._documented(config).percent
        if least is None or percent >= least:
            return None
        return (
            f"pixazo: behaviour coverage {percent:.1f} % is less than {least:g} %: --pixazo-cov shows what is missing"
        )

    def write_coverage(self, config: pytest.Config, file: Path) -> None:
        """Write what was met and what was not as JSON. Raises OSError."""
        documented, faults = self._documented(config), Coverage(FAULT_BEHAVIOURS, self.counts)
        content = {"documented": self._as_json(documented), "faults": self._as_json(faults)}
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def _documented(self, config: pytest.Config) -> Coverage:
        return Coverage(without(config.getini("pixazo_cov_omit")), self.counts)

    def _as_json(self, coverage: Coverage) -> dict[str, Any]:
        names = [each.name for each in coverage.behaviours if each.name in self.counts]
        return {
            "percent": round(coverage.percent, 2),
            "met": {name: {"times": self.counts[name], "first": self.firsts[name]} for name in names},
            "missing": {each.name: each.hint for each in coverage.missing},
        }
