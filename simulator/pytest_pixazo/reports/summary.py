"""What is written and printed at the end of a test run about conduct and coverage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .conduct.rules import report
from .coverage.behaviours import FAULT_BEHAVIOURS, without
from .coverage.meter import Share, percent, shares, table

if TYPE_CHECKING:
    import pytest

    from .collector import Reports


MOST_FINDINGS = 5
"""Findings of one rule that are printed unless the run is verbose."""


def conduct_lines(reports: Reports, *, verbose: bool) -> Iterator[str]:
    """The mistakes of all tests, rule by rule."""
    return report(reports.findings, most=None if verbose else MOST_FINDINGS)


def coverage_lines(reports: Reports, config: pytest.Config) -> Iterator[str]:
    """How much of the documented behaviour was met, and of the faults; group by group, with what is missing."""
    documented, faults = _measured(reports, config)
    yield f"documented behaviour: {_share(documented)}"
    yield from table(documented)
    yield f"faults, which no page documents: {_share(faults)}"
    yield from table(faults)


def verdict(reports: Reports, config: pytest.Config) -> str | None:
    """Why the run fails for what it did not meet, in one line; None when it meets enough."""
    least: float | None = config.getoption("pixazo_cov_fail_under")
    documented, _ = _measured(reports, config)
    if least is None or percent(documented) >= least:
        return None
    return f"pixazo: behaviour coverage {percent(documented):.1f} % is less than {least:g} %: --pixazo-cov shows what is missing"


def write_coverage(reports: Reports, config: pytest.Config, file: Path) -> None:
    """Write what was met and what was not as JSON. Raises OSError."""
    documented, faults = _measured(reports, config)
    told = {"documented": _told(documented, reports), "faults": _told(faults, reports)}
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _measured(reports: Reports, config: pytest.Config) -> tuple[list[Share], list[Share]]:
    counting = without(config.getini("pixazo_cov_omit"))
    return shares(counting, reports.counts), shares(FAULT_BEHAVIOURS, reports.counts)


def _share(known: list[Share]) -> str:
    return f"{sum(len(share.met) for share in known)} of {sum(share.total for share in known)} ({percent(known):.0f} %)"


def _told(known: list[Share], reports: Reports) -> dict[str, Any]:
    return {
        "percent": round(percent(known), 2),
        "met": {
            each.name: {"times": reports.counts[each.name], "first": reports.firsts[each.name]}
            for share in known
            for each in share.met
        },
        "missing": {each.name: each.hint for share in known for each in share.missing},
    }
