"""The HTML report: what a gateway says is shown in it, and never obeyed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.judge import Finding, Outcome, Timeline, Verdict, build
from pixazo_contracts.report import render_html
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
        f"{SHOWN} (exchange 1)",
        SHOWN,
        SHOWN,
        f"{SHOWN}: QUEUED at 1.00 s, {SHOWN} at 2.00 s; 2 reads",
        f"{SHOWN}, generate",
        SHOWN,
    ]


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
