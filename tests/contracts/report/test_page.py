"""The HTML report in a browser: anybody can read it, with a keyboard too, and what a gateway said in it does nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.browser import Browsing, accessible, counted, screenshots
from tests.contracts.fake_run import observe
from tests.contracts.gateways.edits import is_read, members
from tests.contracts.gateways.fake_gateway import Ask, Reply
from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import Finding, Outcome, Result, Terms, Timeline, Verdict, build, evaluate, selection
from pixazo_contracts.judge.result import Missing
from pixazo_contracts.probes import for_clauses
from pixazo_contracts.report import render_html
from pixazo_contracts.runner.session import RunOptions

SOME = tuple(name for name in BY_ID if name.startswith(("AUTH-", "STATUS-", "OUT-")))

SAID = {"broken": "HDR-04", "clean": "Nothing unexpected was seen.", "cut": "Cut short"}
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"


def _wrong(ask: Ask, reply: Reply) -> Reply:
    """A gateway whose refusals are HTML, and whose finished status has a member and a type of its own."""
    if reply.code == 401:
        return replace(
            reply, raw=b"<html><script>alert(1)</script>Denied</html>", headers={"Content-Type": "text/html"}
        )
    if is_read(ask) and reply.code == 200 and members(reply)["status"] == "COMPLETED":
        return replace(reply, value={**members(reply), "polling_url": "https://gateway.example/<b>again", "note": 1})
    return reply


def _run(kind: str) -> Result:
    def edit(ask: Ask, reply: Reply) -> Reply:
        return reply if kind == "clean" else _wrong(ask, reply)

    seen = observe(probes=for_clauses(SOME), options=RunOptions(run="testrun0"), edit=edit).trace
    if kind == "cut":
        seen = replace(seen, footer=None, cut="the trace is not whole, it has no footer: judged by what is there")
    return evaluate(seen, selection(seen), Terms(today=date(2026, 3, 31)))


def saved(folder: Path, result: Result) -> str:
    """The address of the report, as a file."""
    place = folder / "report.html"
    place.write_text(render_html(result), encoding="utf-8")
    return place.as_uri()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the report of a gateway that is wrong in two respects."""
    return saved(tmp_path_factory.mktemp("broken"), _run("broken"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", SAID)
def test_anybody_can_read_it(browsing: Browsing, tmp_path: Path, kind: str) -> None:
    """On a telephone and at a desk, in both colour schemes; it asks for nothing."""
    url = saved(tmp_path, _run(kind))
    page = browsing.open(url)
    page.get_by_text(SAID[kind]).first.wait_for()
    screenshots(page, f"report-{kind}")
    accessible(page)
    assert browsing.requests == [url]


@pytest.mark.exhaustive
def test_anybody_can_read_what_is_folded(browsing: Browsing, broken: str) -> None:
    """The same, with all of it unfolded."""
    page = browsing.open(broken)
    page.evaluate(UNFOLD)
    accessible(page)


HOSTILE = (
    "</style></title></code></pre><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>"
    '"><svg onload=alert(3)><a href=javascript:alert(4) autofocus onfocus=alert(5)>{{ 7 * 7 }}{% raise %}\x00\x1b[2J\u202e\ud800'
)


@pytest.mark.slow
def test_what_a_gateway_said_does_nothing(browsing: Browsing, tmp_path: Path) -> None:
    """Wherever it stands, no script of it runs, nothing is asked for, no element is made of it."""
    finding = Finding(HOSTILE, HOSTILE, HOSTILE, exchange=1, curl=HOSTILE)
    verdicts = [
        Verdict(clause=name, outcome=outcome, findings=(finding,) * 5, observation=HOSTILE, reason=HOSTILE)
        for name, outcome in zip(BY_ID, Outcome, strict=False)
    ]
    timeline = Timeline(
        request_id=HOSTILE, operation=HOSTILE, case=HOSTILE, submitted=0, states=((HOSTILE, 1), ("QUEUED", 2)), last=3, reads=2, callbacks=(2,)
    )  # fmt: skip
    result = build(trace(), verdicts, 3, stale=(HOSTILE,), not_compared={"BASE-01": HOSTILE})
    meta = replace(result.meta, origin=HOSTILE, cut=HOSTILE, unusable=HOSTILE, spend_stopped=HOSTILE, again=(HOSTILE,))
    summary = replace(result.summary, missing=(Missing(clause="BASE-06", why=HOSTILE, fails=True),))
    hostile = saved(tmp_path, replace(result, meta=meta, summary=summary, timelines=(timeline,)))
    page = browsing.open(hostile)
    page.evaluate(UNFOLD)
    assert page.locator("script, img, [onload], [onerror], [onfocus], a[href^=javascript]").count() == 0
    assert page.get_by_text("{{ 7 * 7 }}{% raise %}\\u0000\\u001b[2J\\u202e\\ud800").count() > 20
    assert browsing.requests == [hostile]


@pytest.mark.slow
def test_the_keyboard_leads_from_the_top_to_what_broke(browsing: Browsing, broken: str) -> None:
    """The first stop skips to what broke; from there one comes to its card, and later to what is folded, which unfolds."""
    page = browsing.open(broken, scripts=False)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to what broke"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("href") == "#HDR-04"
    group = page.locator("details", has=page.get_by_role("heading", name="Reading a status"))
    group.locator("summary").focus()
    page.keyboard.press("Enter")
    group.locator("table").wait_for()


@pytest.mark.slow
def test_one_outcome_is_shown_by_its_name(browsing: Browsing, broken: str) -> None:
    """A link shows the clauses of one outcome, across all groups, and another one all of them again; without a script."""
    page = browsing.open(broken, scripts=False)
    part = page.locator("section", has=page.get_by_role("heading", name="All clauses"))
    part.get_by_role("link", name="FAIL").click()
    shown = part.locator("tbody tr:visible")
    counted(shown, 2)
    assert [row.locator(".mono").first.inner_text() for row in shown.all()] == ["HDR-04", "STATUS-07"]
    part.get_by_role("link", name="All").click()
    counted(part.locator("details:visible"), 14)


@pytest.mark.slow
def test_a_statement_of_the_page_leads_to_its_clause(browsing: Browsing, broken: str) -> None:
    """Also to one whose group is folded, which unfolds."""
    page = browsing.open(broken, scripts=False)
    page.locator("#AUTH-02").wait_for(state="attached")
    assert not page.locator("#AUTH-02").is_visible()
    page.get_by_text("56 statements").click()
    page.get_by_role("link", name="AUTH-02").first.click()
    page.locator("#AUTH-02").wait_for()


@pytest.mark.slow
def test_an_element_that_slipped_in_could_load_nothing(browsing: Browsing, broken: str) -> None:
    """The page forbids it: not even a picture on loopback."""
    page = browsing.open(broken)
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/picture'}))")
    browsing.close()
    found = [line for line in browsing.complaints if "img-src forbids http://127.0.0.1:9/picture" in line]
    browsing.complaints.clear()
    assert len(found) == 1
