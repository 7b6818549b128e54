"""A result as one self-contained HTML page, for readers who do not know the project: what was tested, what failed, how to repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

from pixazo_contracts.clauses import BY_ID, PAGE_URL, STATEMENTS
from pixazo_contracts.judge import ExitCode, Outcome, Result, Timeline, Verdict

from . import terminal

#: Each outcome with its sign (besides its colour) and its meaning for readers who do not know the suite.
MEANINGS: Final = {
    Outcome.PASS: ("✓", "as the page says"),
    Outcome.FAIL: ("✗", "not as the page says"),
    Outcome.ERROR: ("!", "the suite itself failed"),
    Outcome.DRIFT: ("≠", "not as the page's example shows, or not as it used to be"),
    Outcome.BLOCKED: ("⊘", "explained by another clause that failed"),
    Outcome.OBSERVED: ("○", "the page is silent; recorded"),
    Outcome.INCONCLUSIVE: ("?", "nothing relevant to it was seen"),
    Outcome.SKIPPED: ("–", "the target lacks what it needs"),
    Outcome.UNFUNDED: ("$", "the budget did not cover it"),
}
#: The subjects of the groups of clauses.
GROUPS: Final = {
    "BASE": "Addresses and methods", "AUTH": "Keys", "HDR": "Headers", "SUBMIT": "Submitting", "T2V": "Text to video: parameters",
    "I2V": "Image to video: parameters", "STATUS": "Reading a status", "FLOW": "From state to state", "OUT": "The video",
    "TIME": "Times", "FAIL": "Generations that fail", "WAL": "Wallet and charges", "ERR": "Errors", "WEBHOOK": "Callbacks",
}  # fmt: skip
#: The sign of each state that ends a generation, and how any other state is drawn.
STATE_ENDS: Final = {"COMPLETED": "✓", "FAILED": "✗", "ERROR": "!"}
STATES: Final = frozenset({"QUEUED", "PROCESSING", *STATE_ENDS})
#: The timelines' drawing area, in pixels: labels, bars, one row.
LABEL, WIDTH, ROW = 300, 700, 20


def _bars(timeline: Timeline, scale: float) -> Iterator[dict[str, Any]]:
    """For each observed state: its style, where its bar begins and how wide it is, in pixels, and the sign of an end."""
    for (state, at), (_, until) in pairwise([*timeline.states, ("", timeline.last)]):
        yield {
            "look": state if state in STATES else "odd",
            "x": LABEL + (at - timeline.submitted) * scale,
            "width": max(2.0, (until - at) * scale),
            "sign": STATE_ENDS.get(state, ""),
        }


def _timelines(result: Result) -> dict[str, Any]:
    ends = [instant - each.submitted for each in result.timelines for instant in (each.last, *each.callbacks)]
    longest = max([*ends, 0.001])
    scale = WIDTH / longest
    rows = [
        {
            "about": each,
            "y": row * ROW,
            "bars": list(_bars(each, scale)),
            "callbacks": [LABEL + (at - each.submitted) * scale for at in each.callbacks],
        }
        for row, each in enumerate(result.timelines)
    ]
    axis = [(LABEL + WIDTH * part / 4, longest * part / 4) for part in range(5)]
    return {"rows": rows, "axis": axis, "label": LABEL, "width": LABEL + WIDTH + 30, "row": ROW}


def _with_outcome(result: Result, *outcomes: Outcome) -> list[Verdict]:
    """The verdicts of these outcomes in their order, core clauses first, excused ones last."""
    found = [each for outcome in outcomes for each in result.verdicts if each.outcome is outcome]
    return sorted(found, key=lambda each: (each.clause in result.summary.excused, not BY_ID[each.clause].core))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def render_html(result: Result) -> str:
    """The page: self-contained, with its style, without scripts."""
    from markupsafe import Markup

    from pixazo_html.pages import STYLE, templates  # on first use: a run without a page does not wait for Jinja2

    broken = _with_outcome(result, Outcome.ERROR, Outcome.FAIL)
    exit_code, core = ExitCode(result.exit_code), sum(BY_ID[each.clause].core for each in broken)
    of_them = f" ({core} of the core)" if core else ""
    sentence = f"{_count(result.summary.judged, 'clause')} judged, {len(broken) or 'none'} broken{of_them}."
    minutes, seconds = divmod(round(result.meta.seconds), 60)
    duration = f"{minutes} min {seconds} s" if minutes else f"{result.meta.seconds:.1f} s"
    page = templates(files(__package__ or "pixazo_contracts.report")).get_template("page.html.jinja")
    return page.render(
        result=result, meta=result.meta, summary=result.summary, verdicts=result.by_id, clauses=BY_ID,
        exit_code=exit_code.value, end=terminal.ENDS[exit_code], sentence=sentence,
        started=datetime.fromisoformat(result.meta.started_at), duration=duration, count=_count,
        meanings={outcome.value: meaning for outcome, meaning in MEANINGS.items()},
        broken=broken, drift=_with_outcome(result, Outcome.DRIFT), observed=_with_outcome(result, Outcome.OBSERVED),
        unjudged=_with_outcome(result, Outcome.BLOCKED, Outcome.INCONCLUSIVE, Outcome.UNFUNDED, Outcome.SKIPPED),
        spending=terminal.spending(result), not_compared=list(terminal.not_compared_lines(result.summary.not_compared)),
        groups=terminal.by_group(result), titles=GROUPS, statements=STATEMENTS, timelines=_timelines(result), most=terminal.MOST_SHOWN,
        source=terminal.source, repeat_command=terminal.repeat_command, keys=terminal.repeat_keys(result), quotations=terminal.quotations, page_url=PAGE_URL,
        # The style is ours, and a style element has no escapes.
        style=Markup(STYLE),  # noqa: S704
    )  # fmt: skip
