"""An alarm: what of a trace must not be, told as a report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import ExitCode, Finding, Outcome, Verdict, build, curl_line, judge
from pixazo_contracts.report import told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixazo_contracts.trace import Trace

    from .counterexample import Counterexample
    from .model import Objection


class ContractDriftWarning(UserWarning):
    """The gateway does otherwise than an example or a baseline shows; that breaks no promise of the page."""


class ContractBrokenError(AssertionError):
    """The gateway broke clauses of the page: `clauses` names them, `text` tells each with its cURL line.

    `counterexample` is the course of events that led there, where one was being generated.
    """

    def __init__(self, clauses: tuple[str, ...], text: str) -> None:
        super().__init__(f"the gateway breaks {', '.join(clauses)}\n{text}")
        self.clauses = clauses
        self.text = text
        self.counterexample: Counterexample | None = None


def _objected(objection: Objection) -> Verdict:
    exchange = objection.exchange
    finding = Finding(objection.expected, objection.got, "status", exchange=exchange.number, curl=curl_line(exchange))
    return Verdict(clause=objection.clause, outcome=Outcome.FAIL, judged=1, findings=(finding,))


def raise_alarm(
    trace: Trace, objections: Iterable[Objection] = (), *, strict_drift: bool = False
) -> tuple[Verdict, ...]:
    """Judge a trace and return all verdicts.

    Raises `ContractBrokenError` if one is FAIL (with `strict_drift`: or DRIFT), if our own judging failed, or on objections.
    """
    __tracebackhide__ = True
    verdicts = tuple(judge(trace, CATALOGUE))
    bad = {Outcome.FAIL, Outcome.ERROR, *([Outcome.DRIFT] if strict_drift else [])}
    broken = [verdict for verdict in verdicts if verdict.outcome in bad]
    known = {verdict.clause for verdict in broken}
    broken += [verdict for verdict in map(_objected, objections) if verdict.clause not in known]
    if broken:
        result = build(trace, broken, ExitCode.FAILED)
        text = "\n".join(line for verdict in result.verdicts for line in told(result, verdict))
        raise ContractBrokenError(tuple(dict.fromkeys(verdict.clause for verdict in broken)), text)
    return verdicts
