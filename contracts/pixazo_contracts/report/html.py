"""A result as one self-contained HTML page: what broke, the clauses, the page's statements, the timelines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

from pixazo_contracts.clauses import BY_ID, PAGE_URL, STATEMENTS, Clause
from pixazo_contracts.judge import ExitCode, Outcome, Result, Timeline
from pixazo_contracts.trace import ConfigurationError, visible

from .page import quotations, repeat_command, repeat_keys
from .terminal import by_group, not_compared_lines, reported, source, spending

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

#: What the exit codes mean to somebody who does not know them.
ENDS: Final = {
    ExitCode.CLEAN: "Nothing unexpected was seen.",
    ExitCode.FAILED: "The gateway does not do what the page says.",
    ExitCode.SUITE: "The suite failed, or its record is not whole.",
    ExitCode.UNUSABLE: "The gateway could not be tested.",
    ExitCode.SPEND: "The run was stopped, so that it would not cost more.",
    ExitCode.EXPECTATIONS: "The expectations or the baseline are out of date.",
    ExitCode.UNJUDGED: "Too little was judged to call this a pass.",
}

#: The timelines' drawing area, in pixels: labels, bars, one row.
LABEL, WIDTH, ROW = 260, 680, 18


def _visible(value: object) -> object:
    """What the template shows of a value; Jinja2 then escapes the markup, except in what is marked as safe."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _bars(timeline: Timeline, scale: float) -> Iterator[dict[str, Any]]:
    """For each state that was seen: its name, and where its bar begins and how wide it is, in pixels."""
    for (state, at), (_, until) in pairwise([*timeline.states, ("", timeline.last)]):
        yield {"state": state, "x": LABEL + at * scale, "width": max(2.0, (until - at) * scale)}


def _timelines(result: Result) -> list[dict[str, Any]]:
    shown = result.timelines
    ends = [instant for timeline in shown for instant in (timeline.last, *timeline.callbacks)]
    scale = WIDTH / max([*ends, 0.001])
    return [
        {
            "about": timeline,
            "y": row * ROW,
            "bars": list(_bars(timeline, scale)),
            "circles": [LABEL + at * scale for at in timeline.callbacks],
        }
        for row, timeline in enumerate(shown)
    ]


def check_html() -> None:
    """Raise `ConfigurationError` where Jinja2 is missing, without which no HTML report can be written."""
    if find_spec("jinja2") is None:
        raise ConfigurationError("an HTML report needs Jinja2: install pixazo-testkit[contracts]")


def render_html(result: Result) -> str:
    """The page, with its style inside and nothing outside. Raises `ConfigurationError` where Jinja2 is missing."""
    check_html()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup, escape

    def prose(text: str) -> Markup:
        return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just there

    def quoted(clause: Clause) -> list[tuple[str, str, bool]]:
        # Samples have several lines, which stay: they are ours, and escaped here.
        return [(heading, escape(text), is_sample) for heading, text, is_sample in quotations(clause)]

    folder = files(__package__ or "pixazo_contracts.report")
    environment = Environment(
        autoescape=True, finalize=_visible, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    page = environment.from_string(folder.joinpath("page.html.jinja").read_text(encoding="utf-8"))
    return page.render(
        result=result,
        meta=result.meta,
        summary=result.summary,
        verdicts=result.by_id,
        exit_code=ExitCode(result.exit_code),
        summary_line=ENDS[ExitCode(result.exit_code)],
        spending=list(spending(result)),
        meanings=[(outcome.value, meaning) for outcome, meaning in MEANINGS.items()],
        broken=list(reported(result)),
        not_compared=list(not_compared_lines(result.summary.not_compared)),
        groups=by_group(result),
        statements=STATEMENTS,
        timelines=_timelines(result),
        size={"label": LABEL, "width": LABEL + WIDTH + 10, "row": ROW},
        clauses=BY_ID,
        source=source,
        repeat_command=repeat_command,
        keys=repeat_keys(result),
        page_url=PAGE_URL,
        quotations=quoted,
        prose=prose,
        # The style is ours, and a style element takes no escapes.
        style=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),  # noqa: S704
    )
