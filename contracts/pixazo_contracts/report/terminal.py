"""A result for a terminal: groups by outcomes, then each finding; and the lines that the other reports have too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from pixazo_contracts.clauses import BY_ID, PAGE_URL, Clause
from pixazo_contracts.judge import Comparison, ExitCode, Finding, Outcome, Result, Verdict
from pixazo_contracts.probes import Sample, sample_text
from pixazo_contracts.runner import Plan
from pixazo_contracts.trace import visible

#: The longest quotation in a line, in characters: the HTML report has the whole sample.
LONGEST_LINE: Final = 240
#: The pattern of a value from the environment in a command.
FROM_ENVIRONMENT: Final = re.compile(r'"\$(\w+)"\Z')
#: How many findings are shown for one clause; the rest are counted.
MOST_SHOWN: Final = 3
#: How many missing clauses are listed, of those that do not fail the run; the rest are counted.
MOST_MISSING: Final = 10
#: The outcomes whose findings are reported in full, in this order.
REPORTED: Final = (Outcome.ERROR, Outcome.FAIL, Outcome.DRIFT, Outcome.BLOCKED)
#: The exit codes in words.
ENDS: Final = {
    ExitCode.CLEAN: "Nothing unexpected was seen.",
    ExitCode.FAILED: "The gateway does not do what the page says.",
    ExitCode.SUITE: "The suite failed, or its record is incomplete.",
    ExitCode.UNUSABLE: "The gateway could not be tested.",
    ExitCode.SPEND: "The run was stopped before it could cost more.",
    ExitCode.EXPECTATIONS: "The expectations or the baseline are out of date.",
    ExitCode.UNJUDGED: "Too little was judged to call this a pass.",
}
COLOURS: Final = {"PASS": "32", "OBSERVED": "36", "FAIL": "31;1", "ERROR": "31;1", "DRIFT": "33", "BLOCKED": "35"}


def _paint(text: str, outcome: str, *, colour: bool) -> str:
    code = COLOURS.get(outcome)
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text


def by_group(result: Result) -> dict[str, list[Verdict]]:
    groups: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        groups.setdefault(BY_ID[verdict.clause].group, []).append(verdict)
    return groups


def reported(result: Result) -> Iterator[Verdict]:
    """The verdicts to report in full: all errors, and those with findings."""
    for outcome in REPORTED:
        for verdict in result.verdicts:
            if verdict.outcome is outcome and (verdict.findings or outcome is not Outcome.BLOCKED):
                yield verdict


def source(finding: Finding) -> str:
    """The records of the trace that a finding is about: up to three, and their number if there are more; or the whole trace."""
    kind, number = ("exchange", finding.exchange) if finding.exchange else ("callback", finding.callback)
    if number is None:  # what is missing is in no record
        return "the whole trace"
    numbers = finding.examples or (number,)
    several = f"{kind}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    return f"{several} of {finding.count} alike" if finding.count > len(numbers) else several


def _matrix(result: Result, *, colour: bool) -> Iterator[str]:
    shown = [outcome.value for outcome in Outcome if outcome.value in result.summary.outcomes]
    yield "group    " + "".join(f"{name:>{len(name) + 2}}" for name in shown)
    for group, verdicts in by_group(result).items():
        cells: list[str] = []
        for name in shown:
            number = sum(verdict.outcome.value == name for verdict in verdicts)
            cells.append(_paint(f"{number or '·':>{len(name) + 2}}", name if number else "", colour=colour))
        yield f"{group:<9}" + "".join(cells)


def quotations(clause: Clause) -> Iterator[tuple[str, str, bool]]:
    """The words of the page about a clause: the heading, the words or the sample, and whether it is a sample."""
    for quote in clause.quotes:
        yield quote.heading, quote.words or sample_text(cast("Sample", quote.sample)), bool(quote.sample)


def page_line(clause: Clause) -> str:
    """The quotations of a clause in one line, with the page's address; our own reason where the page says nothing."""
    said: list[str] = []
    for heading, text, is_sample in quotations(clause):
        line = " ".join(text.split()) if is_sample else f'"{text}"'
        said.append(f"{heading}: {line if len(line) <= LONGEST_LINE else f'{line[:LONGEST_LINE]}…'}")
    return f"{'; '.join(said)} <{PAGE_URL}>" if said else clause.section


def repeat_command(result: Result, verdict: Verdict) -> str:
    """The command that judges only this clause again, on the same target with the same settings."""
    plain = ("pixazo-contracts", "run", "--target", result.meta.origin, "--clauses")
    return " ".join((*(result.meta.again or plain), verdict.clause))


def repeat_keys(result: Result) -> str:
    """The environment variables from which that command takes keys; empty if there is none."""
    words = result.meta.again
    own = words[words.index("--api-key-env") + 1] if "--api-key-env" in words else "PIXAZO_API_KEY"
    started_by_itself = words[:1] == ("pytest",) and "--pixazo-url" not in words
    names = [found[1] for word in words if (found := FROM_ENVIRONMENT.search(word))]
    return ", ".join(dict.fromkeys([*([] if started_by_itself else [own]), *names]))


def finding_line(finding: Finding) -> str:
    return f"{source(finding)}, {finding.where or 'observation'}: expected {finding.expected}; got {finding.got}"


def verdict_lines(result: Result, verdict: Verdict, *, colour: bool = False) -> Iterator[str]:
    """One verdict as lines: the requirement, where the page says so, the findings, and the command that repeats it."""
    clause, outcome = BY_ID[verdict.clause], verdict.outcome.value
    excused = " (excused)" if verdict.clause in result.summary.excused else ""
    yield f"{_paint(f'{outcome} {verdict.clause}', outcome, colour=colour)}{excused}  {clause.requirement}"
    yield f"    page: {page_line(clause)}"
    if verdict.reason:
        yield f"    {visible(verdict.reason)}"
    for finding in verdict.findings[:MOST_SHOWN]:
        yield f"    {source(finding)}: {visible(finding.where) or 'observation'}"
        yield f"      expected  {visible(finding.expected)}"
        yield f"      got       {visible(finding.got)}"
        if finding.curl:
            yield f"      {visible(finding.curl)}"
    if len(verdict.findings) > MOST_SHOWN:
        yield f"    and {len(verdict.findings) - MOST_SHOWN} more"
    yield visible(f"    again: {repeat_command(result, verdict)}")
    if keys := repeat_keys(result):
        yield visible(f"    with {keys} in the environment")
    yield ""


def spending(result: Result) -> str | None:
    """What a run spent from its budget, reserved and gave back, in one line; None where generations are not counted."""
    meta = result.meta
    if meta.budget is None:
        return None
    spent = f"{meta.generations_spent} of {meta.budget} generations spent"
    if not meta.complete:
        return f"{spent}, or more: the ledger has those that were under way"
    return f"{spent}, {meta.generations_released} reserved and given back"


def not_compared_lines(not_compared: Mapping[str, str]) -> Iterator[str]:
    for reason in dict.fromkeys(not_compared.values()):
        yield f"not compared, {reason}: {', '.join(name for name, why in not_compared.items() if why == reason)}"


def _totals(result: Result) -> Iterator[str]:
    summary, meta = result.summary, result.meta
    failing = [each for each in summary.missing if each.fails]
    others = [each for each in summary.missing if not each.fails]
    if summary.missing:
        yield f"planned and not judged: {len(summary.missing)} clauses, of which {len(failing)} make the run fail"
    for each in [*failing, *others[:MOST_MISSING]]:
        yield f"  {'★' if BY_ID[each.clause].core else ' '} {each.clause}  {visible(each.why)}"
    if len(others) > MOST_MISSING:
        yield f"    and {len(others) - MOST_MISSING} more, which --json lists"
    counts = ", ".join(f"{number} {name}" for name, number in summary.outcomes.items())
    yield counts or "nothing was judged"
    yield f"judged {summary.judged} of {summary.planned} planned, {summary.selected} selected, {summary.total} in all"
    yield f"{meta.exchanges} exchanges, {meta.callbacks} callbacks in {meta.seconds:.1f} s"
    if spent := spending(result):
        yield spent
    yield from (f"baseline: {line}" for line in not_compared_lines(summary.not_compared))
    yield from (visible(f"out of date: {line}") for line in summary.stale)
    for label, trouble in (("", meta.cut), ("spend guard: ", meta.spend_stopped), ("target unusable: ", meta.unusable)):
        if trouble:
            yield visible(f"{label}{trouble}")
    if result.exit_code or summary.excused:  # otherwise what is excused would look like a failure
        yield f"exit code {result.exit_code}: {ENDS[ExitCode(result.exit_code)]}"


def render_terminal(result: Result, *, colour: bool = False) -> str:
    """The whole report as text, newline at the end; a target that is unusable gets no matrix."""
    lines: list[str] = []
    if result.meta.unusable is None:
        lines += [*_matrix(result, colour=colour), ""]
        for verdict in reported(result):
            lines += verdict_lines(result, verdict, colour=colour)
    lines += _totals(result)
    return "\n".join(lines) + "\n"


def render_changes(comparison: Comparison) -> str:
    """A diff as text, newline at the end."""
    lines: list[str] = []
    for change in comparison.changes:
        lines.append(f"{change.kind} ({change.severity}) {change.clause}  {BY_ID[change.clause].requirement}")
        lines.append(f"    before  {visible(change.before)}")
        lines.append(f"    after   {visible(change.after)}")
    lines += not_compared_lines(comparison.not_compared)
    return "\n".join(lines or ["nothing changed"]) + "\n"


def render_plan(plan: Plan) -> str:
    """A plan as text, newline at the end."""
    lines = [f"{'probe':<34}{'worst':>6}{'expected':>10}"]
    for probe, left_out in plan.lines:
        why = f"  left out: {left_out}" if left_out else f"  {probe.note}" if probe.note else ""
        lines.append(f"{probe.name:<34}{probe.worst:>6}{probe.expected:>10}{why}")
    price = "costing nothing" if plan.budget is None else f"of a budget of {plan.budget}"
    lines.append(f"generations: at worst {plan.worst}, expected {plan.expected}, {price}")
    lines.append(f"planned: {plan.clauses - len(plan.unjudged)} of {plan.clauses} selected clauses")
    lines.append(f"unjudged: {', '.join(plan.unjudged) or 'none'}")
    return "\n".join(lines) + "\n"
