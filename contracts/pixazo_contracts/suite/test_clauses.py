"""One test per clause: its verdict in the recorded run."""

from __future__ import annotations

import warnings

import pytest

from pixazo_contracts.clauses import Clause
from pixazo_contracts.judge import Outcome, Result, Terms
from pixazo_contracts.report import ContractDriftWarning, verdict_lines
from pixazo_contracts.trace import visible


def test_run(result: Result) -> None:
    """The run ended, the spend guard did not stop it, and all expectations are up to date."""
    if result.meta.spend_stopped is not None:
        pytest.fail(visible(f"the spend guard stopped the run: {result.meta.spend_stopped}"), pytrace=False)
    if result.summary.stale:
        pytest.fail("\n".join(map(visible, result.summary.stale)), pytrace=False)


def test_clause(clause: Clause, result: Result, terms: Terms) -> None:
    """The gateway keeps the clause."""
    verdict = result.by_id[clause.id]
    text = "\n".join(verdict_lines(result, verdict)).rstrip()
    missing = {each.clause for each in result.summary.missing if each.fails}
    match verdict.outcome:
        case Outcome.PASS | Outcome.OBSERVED:
            pass
        case Outcome.FAIL | Outcome.DRIFT if clause.id in result.summary.excused:
            pytest.xfail(text)
        case Outcome.DRIFT if not terms.strict_drift:
            warnings.warn(ContractDriftWarning(text), stacklevel=1)
        case Outcome.FAIL | Outcome.DRIFT | Outcome.ERROR:
            pytest.fail(text, pytrace=False)
        case _ if clause.id in missing:
            pytest.fail(text, pytrace=False)
        case Outcome.BLOCKED | Outcome.INCONCLUSIVE | Outcome.SKIPPED | Outcome.UNFUNDED:
            pytest.skip(visible(f"{verdict.outcome.value}: {verdict.reason}"))
