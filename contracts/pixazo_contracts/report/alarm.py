"""An alarm: an exception that reports which clauses a gateway broke."""

from __future__ import annotations

from collections.abc import Iterable

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import ExitCode, Finding, Outcome, Terms, Verdict, build, judge
from pixazo_contracts.trace import Exchange, Trace

from .terminal import verdict_lines


class ContractDriftWarning(UserWarning):
    """The gateway differs from an example or a baseline; that does not break a promise of the page."""


class ContractBrokenError(AssertionError):
    """The gateway broke clauses of the page: `clauses` names them, `text` reports each with its cURL line."""

    def __init__(self, clauses: tuple[str, ...], text: str) -> None:
        super().__init__(f"the gateway breaks {', '.join(clauses)}\n{text}")
        self.clauses = clauses
        self.text = text


def objection(clause: str, exchange: Exchange, expected: str, got: str) -> Verdict:
    """The FAIL of a clause for a response that cannot be right, for a reason that the trace does not show."""
    finding = Finding(expected, got, "status", exchange=exchange.number)
    return Verdict(clause=clause, outcome=Outcome.FAIL, judged=1, findings=(finding,))


def raise_alarm(trace: Trace, terms: Terms, objections: Iterable[Verdict] = ()) -> tuple[Verdict, ...]:
    """Judge a trace by every clause and return all verdicts. Raises `ContractBrokenError` if one of them, or of the objections, fails on these terms."""
    __tracebackhide__ = True
    verdicts = tuple(judge(trace, CATALOGUE, excused=terms.excuses))
    broken = [verdict for verdict in verdicts if terms.fails(verdict)]
    known = {verdict.clause for verdict in broken}
    broken += [each for each in objections if each.clause not in known and terms.fails(each)]
    if broken:
        result = build(trace, broken, ExitCode.FAILED)
        text = "\n".join(line for verdict in result.verdicts for line in verdict_lines(result, verdict))
        raise ContractBrokenError(tuple(dict.fromkeys(verdict.clause for verdict in broken)), text)
    return verdicts
