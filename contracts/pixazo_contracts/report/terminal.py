"""A result for a terminal: groups by outcomes, then each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pixazo_contracts.judge import Change, Finding, Meta, Result, Verdict
    from pixazo_contracts.runner import Plan


#: Findings shown for one clause; the rest are counted.
MOST_SHOWN: Final = 3

TOLD: Final = (Outcome.ERROR, Outcome.FAIL, Outcome.DRIFT)
COLOURS: Final = {"PASS": "32", "OBSERVED": "36", "FAIL": "31;1", "ERROR": "31;1", "DRIFT": "33", "BLOCKED": "35"}


def _paint(text: str, outcome: str, *, colour: bool) -> str:
    code = COLOURS.get(outcome)
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text


def _matrix(result: Result, *, colour: bool) -> Iterator[str]:
    shown = [outcome.value for outcome in Outcome if outcome.value in result.summary.outcomes]
    groups: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        groups.setdefault(BY_ID[verdict.clause].group, []).append(verdict)
    yield "group    " + "".join(f"{name:>{len(name) + 2}}" for name in shown)
    for group, verdicts in groups.items():
        cells: list[str] = []
        for name in shown:
            number = sum(verdict.outcome.value == name for verdict in verdicts)
            cells.append(_paint(f"{number or '·':>{len(name) + 2}}", name if number else "", colour=colour))
        yield f"{group:<9}" + "".join(cells)


def _finding(finding: Finding) -> Iterator[str]:
    source = f"exchange {finding.exchange}" if finding.exchange else f"callback {finding.callback}"
    yield f"    {source}: {finding.where or 'observation'}"
    yield f"      expected  {finding.expected}"
    yield f"      got       {finding.got}"
    if finding.curl:
        yield f"      {finding.curl}"


def told(result: Result, verdict: Verdict, *, colour: bool = False) -> Iterator[str]:
    """One verdict of a result in lines: the requirement, where the page says so, each finding, and how to see it again."""
    clause = BY_ID[verdict.clause]
    excused = " (excused)" if verdict.clause in result.summary.excused else ""
    name = _paint(f"{verdict.outcome.value} {verdict.clause}", verdict.outcome.value, colour=colour)
    yield f"{name}{excused}  {clause.requirement}"
    yield f"    page: {clause.section}"
    if verdict.reason:
        yield f"    {verdict.reason}"
    for finding in verdict.findings[:MOST_SHOWN]:
        yield from _finding(finding)
    if len(verdict.findings) > MOST_SHOWN:
        yield f"    and {len(verdict.findings) - MOST_SHOWN} more"
    yield f"    again: pixazo-contracts run --target {result.meta.origin} --clauses {verdict.clause}"
    yield ""


def paid(meta: Meta) -> Iterator[str]:
    """What a run spent of what it was granted, and what it reserved and gave back; nothing where nothing is counted."""
    if meta.budget is not None:
        yield (
            f"{meta.generations_spent} of {meta.budget} generations spent, {meta.generations_released} reserved and given back "
            "after a refusal"
        )


def _totals(result: Result) -> Iterator[str]:
    summary, meta = result.summary, result.meta
    counts = ", ".join(f"{number} {name}" for name, number in summary.outcomes.items())
    yield counts or "nothing was judged"
    yield (
        f"judged {summary.judged} of {summary.selected} selected ({summary.total} in all; this profile and budget: at best "
        f"{summary.possible})"
    )
    yield f"{meta.exchanges} exchanges, {meta.callbacks} callbacks in {meta.seconds:.1f} s"
    yield from paid(meta)
    yield from (f"expectation: {line}" for line in summary.stale)
    if meta.spend_stopped:
        yield f"spend guard: {meta.spend_stopped}"
    if meta.unusable:
        yield f"target unusable: {meta.unusable}"


def render(result: Result, *, colour: bool = False) -> str:
    """The whole report as text, newline at the end; a target that is unusable gets no matrix."""
    lines: list[str] = []
    if result.meta.unusable is None:
        lines += [*_matrix(result, colour=colour), ""]
        for outcome in TOLD:
            for verdict in result.verdicts:
                if verdict.outcome is outcome:
                    lines += told(result, verdict, colour=colour)
    lines += _totals(result)
    return "\n".join(lines) + "\n"


def render_changes(changes: Iterable[Change]) -> str:
    """A diff as text, newline at the end."""
    lines: list[str] = []
    for change in changes:
        lines.append(f"{change.kind} ({change.severity}) {change.clause}  {BY_ID[change.clause].requirement}")
        lines.append(f"    before  {change.before}")
        lines.append(f"    after   {change.after}")
    return "\n".join(lines or ["nothing changed"]) + "\n"


def render_plan(plan: Plan) -> str:
    """A plan as text, newline at the end."""
    lines = [f"{'probe':<34}{'worst':>6}{'expected':>10}"]
    for line in plan.lines:
        why = f"  left out: {line.left_out}" if line.left_out else ""
        lines.append(f"{line.probe:<34}{line.worst:>6}{line.expected:>10}{why}")
    price = "costing nothing" if plan.budget is None else f"of a budget of {plan.budget}"
    lines.append(f"generations: at worst {plan.worst}, expected {plan.expected}, {price}")
    lines.append(f"unjudged: {', '.join(plan.unjudged) or 'none'}")
    return "\n".join(lines) + "\n"
