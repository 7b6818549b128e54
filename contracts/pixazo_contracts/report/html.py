"""A result as one self-contained HTML page: what broke, the clause matrix, the statement walk, the timelines."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pixazo_contracts.clauses import BY_ID, STATEMENTS
from pixazo_contracts.judge import ExitCode, Outcome

from .terminal import paid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.judge import Finding, Result, Timeline, Verdict


MEANINGS: Final = {
    Outcome.PASS: "as the page says",
    Outcome.FAIL: "not as the page says",
    Outcome.DRIFT: "not as the page's example shows, or not as it used to be",
    Outcome.OBSERVED: "the page is silent; recorded",
    Outcome.BLOCKED: "explained by another clause that failed",
    Outcome.INCONCLUSIVE: "nothing was seen that bears on it",
    Outcome.SKIPPED: "the target lacks what it needs",
    Outcome.UNFUNDED: "the budget did not reach it",
    Outcome.ERROR: "the suite itself failed",
}

BROKEN: Final = (Outcome.ERROR, Outcome.FAIL, Outcome.DRIFT)

#: The timeline's drawing area, in pixels: labels, bars, one row.
LABEL, WIDTH, ROW = 260, 680, 18


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _chip(clause_id: str, outcome: Outcome | None) -> str:
    name = outcome.value if outcome else "SKIPPED"
    about = BY_ID[clause_id]
    title = escape(f"{name}: {about.requirement}", quote=True)
    return f'<a class="chip {name}" href="#{clause_id}" title="{title}">{escape(clause_id)}</a>'


def _finding(finding: Finding) -> str:
    source = f"exchange {finding.exchange}" if finding.exchange else f"callback {finding.callback}"
    rows = {"where": f"{finding.where or 'observation'} ({source})", "page says": finding.expected, "came": finding.got}
    shown = "".join(f"<dt>{name}</dt><dd>{_code(value)}</dd>" for name, value in rows.items())
    return f"<dl>{shown}</dl>" + (f"<pre>{escape(finding.curl)}</pre>" if finding.curl else "")


def _broken(result: Result) -> Iterator[str]:
    told = [verdict for outcome in BROKEN for verdict in result.verdicts if verdict.outcome is outcome]
    yield "<h2>What broke</h2>"
    if not told:
        yield "<p>Nothing.</p>"
    for verdict in told:
        clause, name = BY_ID[verdict.clause], verdict.outcome.value
        yield f'<article class="{name}" id="{clause.id}">'
        yield f'<p><strong class="{name}">{name} {clause.id}</strong> {escape(clause.requirement)}</p>'
        yield f'<p class="dim">The page: {escape(clause.section)}. {escape(verdict.reason or "")}</p>'
        yield from map(_finding, verdict.findings)
        again = f"pixazo-contracts run --target {result.meta.origin} --clauses {clause.id}"
        yield f'<p class="dim">Repeat just this:</p><pre>{escape(again)}</pre></article>'


def _matrix(result: Result) -> Iterator[str]:
    groups: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        groups.setdefault(BY_ID[verdict.clause].group, []).append(verdict)
    yield "<h2>Clauses</h2><table>"
    for group, verdicts in groups.items():
        chips = "".join(_chip(verdict.clause, verdict.outcome) for verdict in verdicts)
        yield f'<tr><th scope="row">{group}</th><td><div class="chips">{chips}</div></td></tr>'
    yield "</table>"


def _walk(result: Result) -> Iterator[str]:
    by_id = result.by_id
    yield "<h2>The page, statement by statement</h2><table>"
    for statement in STATEMENTS:
        ids = [clause_id for clause_id in statement.clauses if clause_id in by_id]
        chips = "".join(_chip(clause_id, by_id[clause_id].outcome) for clause_id in ids)
        yield f'<tr><td class="dim">{statement.number}</td><td>{escape(statement.text)}</td>'
        yield f'<td><div class="chips">{chips}</div></td></tr>'
    yield "</table>"


def _bar(timeline: Timeline, row: int, scale: float) -> Iterator[str]:
    top = row * ROW
    label = escape(f"{timeline.case}, {timeline.operation}")
    states = ", ".join(f"{state} at {at:.2f} s" for state, at in timeline.states)
    yield f"<g><title>{escape(timeline.request_id)}: {escape(states)}; {timeline.reads} reads</title>"
    yield f'<text x="0" y="{top + 13}">{label}</text>'
    starts = [*timeline.states, ("", timeline.last)]
    for (state, at), (_, until) in pairwise(starts):
        x, width = LABEL + at * scale, max(2.0, (until - at) * scale)
        yield f'<rect class="bar-{escape(state)}" x="{x:.1f}" y="{top + 4}" width="{width:.1f}" height="{ROW - 8}"/>'
    for at in timeline.callbacks:
        yield f'<circle cx="{LABEL + at * scale:.1f}" cy="{top + ROW / 2}" r="4" fill="none" stroke="currentColor"/>'
    yield "</g>"


def _timelines(result: Result) -> Iterator[str]:
    shown = result.timelines
    if not shown:
        return
    scale = WIDTH / max(*(timeline.last for timeline in shown), *(t for x in shown for t in x.callbacks), 0.001)
    height = len(shown) * ROW + 4
    yield '<h2>Timelines</h2><p class="dim">One bar a request, from the first read of each state; a circle is a callback.</p>'
    yield f'<svg viewBox="0 0 {LABEL + WIDTH + 10} {height}" role="img" aria-label="states of each request over time">'
    for row, timeline in enumerate(shown):
        yield from _bar(timeline, row, scale)
    yield "</svg>"


def _details(result: Result) -> Iterator[str]:
    yield "<h2>Every clause</h2><table>"
    yield "<tr><th>clause</th><th>outcome</th><th>requirement</th><th>page</th><th>seen</th></tr>"
    for verdict in result.verdicts:
        clause, name = BY_ID[verdict.clause], verdict.outcome.value
        anchor = "" if verdict.outcome in BROKEN else f' id="{clause.id}"'
        seen = verdict.observation or verdict.reason or f"{verdict.judged} judged"
        yield f'<tr{anchor}><td>{_code(clause.id)}{" ★" if clause.core else ""}</td><td class="{name}">{name}</td>'
        yield f"<td>{escape(clause.requirement)}</td><td>{escape(clause.section)}</td><td>{escape(seen)}</td></tr>"
    yield "</table>"


def _head(result: Result) -> Iterator[str]:
    meta, summary = result.meta, result.summary
    code = ExitCode(result.exit_code)
    yield f"<h1>Contract of {escape(meta.origin)}</h1>"
    yield f'<p class="dim">{escape(meta.started_at)}, {meta.exchanges} exchanges, {meta.callbacks} callbacks in '
    yield f"{meta.seconds:.1f} s. Exit code {code.value} ({code.name.lower()}). Judged {summary.judged} of {summary.selected} "
    yield f"selected clauses, {summary.total} in all; this profile and budget could have judged {summary.possible}.</p>"
    yield from (f'<p class="dim">{escape(line)}.</p>' for line in paid(meta))
    for trouble in (meta.unusable, meta.spend_stopped, *summary.stale):
        if trouble:
            yield f'<p class="FAIL">{escape(trouble)}</p>'
    yield "<table>"
    for outcome, meaning in MEANINGS.items():
        if outcome.value in summary.outcomes:
            number = summary.outcomes[outcome.value]
            yield f'<tr><td class="{outcome.value}">{outcome.value}</td><td>{number}</td><td>{meaning}</td></tr>'
    yield "</table>"


def render(result: Result) -> str:
    """The page, with its style inside and nothing outside."""
    style = files(__package__ or "pixazo_contracts.report").joinpath("page.css").read_text(encoding="utf-8")
    parts = (_head, _broken, _matrix, _walk, _timelines, _details)
    body = "\n".join(line for part in parts for line in part(result))
    title = escape(f"Contract of {result.meta.origin}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n<style>{style}</style></head>\n'
        f"<body>{body}</body></html>\n"
    )
