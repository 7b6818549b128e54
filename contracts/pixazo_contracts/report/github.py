"""A result, and what changed between two, as GitHub Actions shows them: annotations, and the lines of a job summary."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import Comparison, ExitCode, Outcome, Result, Verdict
from pixazo_html import Annotation, folded_code, in_markdown, markdown_table

from .terminal import ENDS, MOST_SHOWN, finding_line, not_compared_lines, page_line, repeat_command, reported, spending

#: Outcomes that get an annotation: those that say something about the gateway, and failures of the suite.
ANNOTATED: Final = (Outcome.ERROR, Outcome.FAIL, Outcome.DRIFT)


@dataclass(frozen=True, slots=True)
class GitHub:
    """What GitHub shows of a command: annotations, most important first, and the lines of its part of the summary."""

    annotations: Sequence[Annotation]
    summary: Sequence[str]


def result_github(result: Result, *, strict_drift: bool) -> GitHub:
    """An error for each clause that fails the run, a warning for drift or a missing judgement, a notice for an excused failure."""
    annotations = [Annotation("error", "pixazo-contracts", trouble) for trouble in result.troubles]
    if result.meta.unusable is None:
        verdicts = [verdict for verdict in reported(result) if verdict.outcome in ANNOTATED]
        verdicts.sort(key=lambda verdict: not BY_ID[verdict.clause].core)
        annotations += (_annotation(result, verdict, strict_drift=strict_drift) for verdict in verdicts)
        annotations += (
            Annotation("warning", f"not judged {each.clause}: {BY_ID[each.clause].requirement}", each.why)
            for each in result.summary.missing
            if each.fails
        )
    if result.exit_code and not any(each.level == "error" for each in annotations):
        annotations.append(Annotation("error", "pixazo-contracts", ENDS[ExitCode(result.exit_code)]))
    return GitHub(annotations, list(_summary(result)))


def _annotation(result: Result, verdict: Verdict, *, strict_drift: bool) -> Annotation:
    clause, drifts = BY_ID[verdict.clause], verdict.outcome is Outcome.DRIFT and not strict_drift
    said = [f"page: {page_line(clause)}", *filter(None, [verdict.reason])]
    said += (finding_line(finding) for finding in verdict.findings[:MOST_SHOWN])
    return Annotation(
        level="notice" if verdict.clause in result.summary.excused else "warning" if drifts else "error",
        title=f"{_name(result, verdict)}: {clause.requirement}",
        text="\n".join([*said, f"again: {repeat_command(result, verdict)}"]),
    )


def _name(result: Result, verdict: Verdict) -> str:
    return f"{verdict.outcome.value} {verdict.clause}{' (excused)' if verdict.clause in result.summary.excused else ''}"


def _summary(result: Result) -> Iterator[str]:
    summary, meta = result.summary, result.meta
    yield f"## Contract of {in_markdown(meta.origin)}\n"
    yield f"**{in_markdown(ENDS[ExitCode(result.exit_code)])}** Exit code {result.exit_code}.\n"
    yield from (f"- {in_markdown(trouble)}" for trouble in result.troubles)
    counts = ", ".join(f"{number} {name}" for name, number in summary.outcomes.items()) or "nothing was judged"
    yield f"\n{counts}; judged {summary.judged} of {summary.planned} planned, {summary.total} in all.\n"
    if spent := spending(result):
        yield in_markdown(spent)
    yield from map(in_markdown, not_compared_lines(summary.not_compared))
    verdicts = list(reported(result)) if meta.unusable is None else []
    rows = (
        (_name(result, verdict), BY_ID[verdict.clause].requirement, page_line(BY_ID[verdict.clause]),
         "; ".join(map(finding_line, verdict.findings[:MOST_SHOWN])) or verdict.reason or "")
        for verdict in verdicts
    )  # fmt: skip
    yield from ["", *markdown_table(("clause", "requirement", "the page", "what was found"), rows), ""]
    for verdict in verdicts:
        curls = [finding.curl for finding in verdict.findings[:MOST_SHOWN] if finding.curl]
        yield folded_code(_name(result, verdict), [*curls, f"# again: {repeat_command(result, verdict)}"])
    missing = ((each.clause, BY_ID[each.clause].requirement, each.why) for each in summary.missing)
    yield from markdown_table(("planned, not judged", "requirement", "why"), missing)


def changes_github(comparison: Comparison, fail_on: Collection[str]) -> GitHub:
    """An error for each change whose class fails the command, a warning for others that a client may notice, otherwise a notice."""
    changes = sorted(comparison.changes, key=lambda change: not BY_ID[change.clause].core)
    annotations = [
        Annotation(
            level="error" if change.classes & set(fail_on) else "warning" if "risky" in change.classes else "notice",
            title=f"{change.kind} ({change.severity}) {change.clause}: {BY_ID[change.clause].requirement}",
            text=f"before: {change.before}\nafter: {change.after}",
        )
        for change in changes
    ]
    rows = ((f"{each.kind} ({each.severity})", each.clause, each.before, each.after) for each in changes)
    table = list(markdown_table(("change", "clause", "before", "after"), rows)) or ["Nothing changed."]
    left_out = map(in_markdown, not_compared_lines(comparison.not_compared))
    return GitHub(annotations, ["## Contract: what changed", "", *table, "", *left_out])
