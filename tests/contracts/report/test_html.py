"""The HTML report: what a gateway says is shown in it, and never obeyed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import Finding, Outcome, Timeline, Verdict, build
from pixazo_contracts.judge.result import Missing
from pixazo_contracts.report import render_html, render_terminal

HOSTILE = "</code><script>alert(1)</script>\x00\x1b[31m\u202e\ud800 \"'&{{ 7 * 7 }}"
SHOWN = "</code><script>alert(1)</script>\\u0000\\u001b[31m\\u202e\\ud800 \"'&{{ 7 * 7 }}"
FINDING = Finding(HOSTILE, HOSTILE, HOSTILE, exchange=1)
TIMELINE = Timeline(
    request_id=HOSTILE,
    operation="generate",
    case=HOSTILE,
    submitted=0.0,
    states=(("QUEUED", 1.0), (HOSTILE, 2.0)),
    last=3.0,
    reads=2,
    callbacks=(2.5,),
)


class Page(HTMLParser):
    """What a browser makes of a page: its elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_what_a_gateway_says_is_escaped() -> None:
    """Markup becomes text, what could not be seen becomes an escape, and neither is a template."""
    verdicts = [
        Verdict(clause="STATUS-07", outcome=Outcome.FAIL, findings=(FINDING,)),
        Verdict(clause="STATUS-08", outcome=Outcome.OBSERVED, observation=HOSTILE),
    ]
    result = replace(build(trace(), verdicts, 1, stale=(HOSTILE,)), timelines=(TIMELINE,))
    page = Page(render_html(result))
    assert "script" not in page.elements
    assert {"svg", "rect", "path", "style"} <= page.elements
    assert [text for text in page.text if "alert" in text] == [
        *[SHOWN] * 6,
        f"{SHOWN}: QUEUED at 1.00 s, {SHOWN} at 2.00 s; 2 reads",
        "</code><script>alert(1)</script>\\u0000\\u001b[31m\\u202e\\ud800 \"'…",
    ]


def test_the_page_is_quoted_word_for_word_with_its_address() -> None:
    """A row, and a sample line by line, each in a quotation that names the page; silence is said."""
    failed = [Verdict(clause=each, outcome=Outcome.FAIL) for each in ("STATUS-07", "STATUS-09", "STATUS-08")]
    page = render_html(build(trace(), failed, 1))
    url = "https://www.pixazo.ai/models/hailuo"
    said = f'<figcaption><a href="{url}" rel="noreferrer">The page</a>'
    row = "polling_url | string | Status URL (initial response only)"
    assert f'<blockquote cite="{url}">{row}</blockquote>{said}, Response Fields' in page
    assert "&#34;media_type&#34;: &#34;application/octet-stream&#34;\n  },\n" in page
    assert f'Not on <a href="{url}" rel="noreferrer">the page</a>: silence' in page
    text = render_terminal(build(trace(), failed, 1))
    assert f'    page: Response Fields: "{row}" <{url}>\n' in text
    assert '    page: Response (Completed): { "request_id": "minimax-hailuo-ai_019d' in text


def test_what_is_missing_leads() -> None:
    """Where the run fails because too little was seen, the page says so before anything else, and why."""
    missing = Missing(clause="FLOW-01", why="INCONCLUSIVE: nothing", fails=True)
    judged = build(trace(), [Verdict(clause="FLOW-01", outcome=Outcome.INCONCLUSIVE, reason="nothing")], 13)
    page = render_html(replace(judged, summary=replace(judged.summary, missing=(missing,))))
    said = ("Too little was judged", "1 clause that this run must judge", "What broke", "fails the run")
    assert sorted(said, key=page.index) == [*said]


def test_what_broke_is_in_the_order_of_its_importance() -> None:
    """Mistakes of the suite and what failed: core clauses first, excused ones last; what drifts comes after them."""
    outcomes = {"STATUS-07": "FAIL", "AUTH-12": "DRIFT", "STATUS-01": "FAIL", "SUBMIT-10": "FAIL", "FLOW-01": "ERROR"}
    assert [name for name in outcomes if BY_ID[name].core] == ["STATUS-01", "SUBMIT-10", "FLOW-01"]
    verdicts = [Verdict(clause=name, outcome=Outcome(outcome)) for name, outcome in outcomes.items()]
    page = render_html(build(trace(), verdicts, 1, excused=frozenset({"SUBMIT-10"})))
    assert re.findall('<article [^>]*id="([^"]+)"', page) == [
        "FLOW-01",
        "STATUS-01",
        "STATUS-07",
        "SUBMIT-10",
        "AUTH-12",
    ]


def test_it_says_what_it_cost() -> None:
    """The generations of a target that charges, of how many that were allowed."""
    judged = build(trace(), [], 0)
    paid = replace(judged, meta=replace(judged.meta, budget=8, generations_spent=3, generations_released=1))
    assert "the target charges nothing" in render_html(judged)
    assert "3 of 8 generations spent, 1 reserved and given back" in render_html(paid)


def test_a_result_without_timelines_has_no_drawing() -> None:
    """Where nothing broke and nothing was generated, the page says so."""
    page = Page(render_html(build(trace(), [], 0)))
    assert "✓ Nothing." in page.text
    assert "svg" not in page.elements


def test_jinja2_is_only_needed_for_a_report() -> None:
    """Nothing imports it before: a run does not wait for it."""
    code = "import sys, pixazo_contracts.cli, pixazo_contracts.report; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
