"""The HTML report: what a gateway says is shown in it, and never obeyed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.judge import Finding, Missing, Outcome, Timeline, Verdict, build
from pixazo_contracts.report import render_html, render_terminal
from pixazo_contracts.trace import ConfigurationError

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
    assert {"svg", "rect", "circle", "style"} <= page.elements
    assert [text for text in page.text if "alert" in text] == [
        SHOWN,
        SHOWN,
        SHOWN,
        SHOWN,
        f"{SHOWN}: QUEUED at 1.00 s, {SHOWN} at 2.00 s; 2 reads",
        f"{SHOWN}, generate",
        SHOWN,
    ]


def test_the_page_is_quoted_word_for_word_with_its_address() -> None:
    """A row, and a sample line by line, each in a quotation that names the page; silence is said."""
    failed = [Verdict(clause=each, outcome=Outcome.FAIL) for each in ("STATUS-07", "STATUS-09", "STATUS-08")]
    page = render_html(build(trace(), failed, 1))
    url = "https://www.pixazo.ai/models/hailuo"
    said = f'<figcaption><a href="{url}">The page</a>'
    row = "polling_url | string | Status URL (initial response only)"
    assert f'<blockquote cite="{url}">{row}</blockquote>\n{said}, Response Fields' in page
    assert "&#34;media_type&#34;: &#34;application/octet-stream&#34;\n  },\n" in page
    assert f'Not on <a href="{url}">the page</a>: silence' in page
    text = render_terminal(build(trace(), failed, 1))
    assert f'    page: Response Fields: "{row}" <{url}>\n' in text
    assert '    page: Response (Completed): { "request_id": "minimax-hailuo-ai_019d' in text


def test_it_fits_a_narrow_screen_and_what_is_missing_leads() -> None:
    """It says so to the browser, tables become stacks, and only blocks of code and the drawing scroll."""
    missing = Missing(clause="FLOW-01", why="INCONCLUSIVE: nothing", fails=True)
    judged = build(trace(), [Verdict(clause="FLOW-01", outcome=Outcome.INCONCLUSIVE)], 13)
    page = render_html(replace(judged, summary=replace(judged.summary, missing=(missing,))))
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert page.index("Too little was judged") < page.index("INCONCLUSIVE: nothing") < page.index("<h2>Outcomes")
    style = page[page.index("<style>") : page.index("</style>")]
    assert "table, tbody, tr, td, th { display: block;" in style[style.index("@media (max-width") :]
    assert re.findall(r"(\S+) {[^}]*overflow-x: auto", style) == ["pre", ".scroll"]


def test_a_result_without_timelines_has_no_drawing() -> None:
    """Where nothing broke and nothing was generated, the page says so."""
    page = Page(render_html(build(trace(), [], 0)))
    assert "Nothing." in page.text
    assert "svg" not in page.elements


def test_jinja2_is_only_needed_for_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing imports it before, and where it is missing the error says what to install."""
    code = "import sys, pixazo_contracts.cli, pixazo_contracts.report; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ConfigurationError, match=r"install pixazo-testkit\[contracts\]"):
        render_html(build(trace(), [], 0))
