"""From a trace to a result: verdicts, excuses, exit code. The same for a run as for a stored trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixazo_contracts.clauses import BY_ID, CATALOGUE, CLAUSE_SET
from pixazo_contracts.probes import feeders

from .exit_code import exit_code
from .expectations import apply_expectations
from .result import build
from .verdict import judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pixazo_contracts.clauses import Clause
    from pixazo_contracts.trace import Trace

    from .baseline import Baseline
    from .expectations import Expectation
    from .result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a trace is evaluated."""

    today: date
    baseline: Baseline | None = None
    expectations: tuple[Expectation, ...] = ()
    strict_drift: bool = False
    floor: float = 0.0


def selection(trace: Trace) -> tuple[Clause, ...]:
    """The clauses that the run of a trace was made for; all of them if it does not say."""
    chosen = tuple(BY_ID[clause_id] for clause_id in trace.header.selected if clause_id in BY_ID)
    return chosen or CATALOGUE


def evaluate(trace: Trace, clauses: Sequence[Clause], terms: Terms) -> Result:
    """Judge a trace and say what that comes to."""
    mismatch = terms.baseline.mismatch(trace.header) if terms.baseline else None
    observations = terms.baseline.observations if terms.baseline and mismatch is None else None
    verdicts = judge(trace, clauses, feeders=feeders(), baseline=observations)
    excuses = apply_expectations(terms.expectations, verdicts, terms.today)
    stale = (*excuses.stale, *([mismatch] if mismatch else []))
    if trace.header.clause_set != CLAUSE_SET:
        stale = (*stale, "the trace was recorded for other clauses: what they need may be missing from it")
    code = exit_code(
        verdicts,
        trace.footer,
        excused=excuses.clauses,
        stale=bool(stale),
        strict_drift=terms.strict_drift,
        floor=terms.floor,
    )
    return build(trace, verdicts, int(code), excused=excuses.clauses, stale=stale)
