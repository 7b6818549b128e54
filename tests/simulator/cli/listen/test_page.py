"""The page of the receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.browser import Browsing, accessible, screenshots
from tests.caller import over_http
from tests.receiver import Receiver, http_response

from pixazo_html.serving import HEADERS
from pixazo_simulator.cli.listen.forwarder import Forwarder
from pixazo_simulator.webhooks import read_secret

from .listening import NOW, SECRET, Listening, listening

PAGE = "/_sim/console"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2K\u202e\x07'\"&"


@pytest.fixture
def ours(receiver: Receiver) -> Iterator[Listening]:
    """A receiver that forwards to an app."""
    forwarder = Forwarder(f"{receiver.url}?app", lambda: NOW)
    with listening(forwarder=forwarder, secrets=(read_secret(SECRET),)) as found:
        yield found


def text(ours: Listening, path: str = PAGE) -> str:
    """A page as it is sent."""
    return over_http(ours.url)("GET", path, {}, b"").body.decode()


@pytest.mark.slow
def test_a_webhook_appears_by_itself_and_is_sent_again(ours: Listening, receiver: Receiver, browsing: Browsing) -> None:
    """Nobody loads the page again; it says what the app answered."""
    page = browsing.open(ours.url + PAGE)
    assert "No webhook yet" in page.inner_text("#live")
    ours.caller.call("POST", "/hook", {"request_id": "r-1", "status": "COMPLETED"})
    page.click("text=r-1")
    opened = page.inner_text("#opened")
    assert all(
        each in opened
        for each in ("Webhook 1", "COMPLETED r-1", '"request_id": "r-1"', "signature missing", "content-type")
    )
    receiver.status = 500
    page.click("#resend")
    page.wait_for_selector("#message >> text=The app answered 500 in")
    page.wait_for_selector("#opened tbody tr:nth-child(2) >> text=500")
    assert len(receiver.received) == 2
    ours.caller.call("POST", "/hook", {"request_id": "r-1", "status": "COMPLETED"})
    page.wait_for_selector("#live >> text=2nd time")
    page.click("text=Close")
    page.wait_for_selector("#row-2")


@pytest.mark.slow
def test_what_came_is_shown_and_does_nothing(ours: Listening, browsing: Browsing) -> None:
    """Markup is text; what steers a terminal or is not seen is shown as an escape."""
    body = {"request_id": HOSTILE, "status": HOSTILE, "x": [HOSTILE]}
    ours.caller.call("POST", "/hook?a=<script>alert(3)</script>", body, {"X-Odd": "<script>alert(4)</script>\xff"})
    ours.caller.call("POST", "/", b"\xff\xfe" + HOSTILE.encode())
    for number in (1, 2):
        page = browsing.open(f"{ours.url}{PAGE}/{number}")
        assert page.locator("main script, main img").count() == 0
        assert "<script>alert(1)</script>" in page.inner_text("#opened")
        assert not {"\x1b", "\u202e", "\x07"} & set(page.content())


@pytest.mark.slow
def test_it_can_be_read_without_scripts(ours: Listening, browsing: Browsing) -> None:
    """The list, and each webhook by its link."""
    ours.caller.call("POST", "/hook", {"request_id": "r-1"})
    page = browsing.open(ours.url + PAGE, scripts=False)
    page.click("#row-1")
    assert "r-1" in page.inner_text("#opened")


@pytest.mark.exhaustive
def test_it_looks_finished(ours: Listening, receiver: Receiver, browsing: Browsing) -> None:
    """Empty, full and opened, narrow and wide, light and dark: axe-core finds nothing serious."""
    page = browsing.open(ours.url + PAGE)
    accessible(page)
    screenshots(page, "listen-empty")
    for status, answer in (("PROCESSING", 204), ("COMPLETED", 500), ("COMPLETED", 200), ("FAILED", 204)):
        receiver.status = answer
        ours.caller.call("POST", "/hook", {"request_id": "0c8f9b1e-7c7e-4d5c-9d55-b7b8a0cf3a1d", "status": status})
    page = browsing.open(f"{ours.url}{PAGE}/2")
    accessible(page)
    screenshots(page, "listen")


def test_many_webhooks_stay_a_short_page(ours: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixazo_simulator.cli.listen.page.MOST_ROWS", 10)
    with listening() as many:
        for number in range(15):
            many.caller.call("POST", "/", {"request_id": f"r-{number}"})
        page = text(many)
    assert page.count('<tr><td class="number dim">') == 10
    assert page.index("r-14<") < page.index("r-5<")
    assert "r-4<" not in page
    assert "the latest 10 of 15" in page
    assert "this receiver, with 204" in page
    assert 'id="resend"' not in text(ours)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/1", f"{PAGE}/static/style.css", f"{PAGE}/static/htmx.min.js"])
def test_it_is_sent_with_a_strict_policy(ours: Listening, path: str) -> None:
    """Nothing but its own files runs or is loaded, and nobody frames it."""
    ours.caller.call("POST", "/", {})
    reply = over_http(ours.url)("GET", path, {}, b"")
    assert reply.status == 200
    assert reply.headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert "<style" not in reply.body.decode()[:500]
    refused = over_http(ours.url)("GET", path, {"Host": "evil.test"}, b"")
    assert (refused.status, "Host 'evil.test'" in refused.json()["message"]) == (403, True)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        ("GET", "/2", {}, 404, "there is no webhook 2"),
        ("GET", "/nothing", {}, 404, "is not a route of this receiver"),
        ("GET", "/static/none.js", {}, 404, ""),
        ("POST", "/1/resend", {}, 403, "only this page may do so"),
        ("POST", "/2/resend", {"HX-Request": "true"}, 404, "there is no webhook 2: it has not arrived, or is no longer kept"),
        ("POST", "/1/resend", {"HX-Request": "true", "Origin": "http://evil.test"}, 403, "Origin"),
    ],
)  # fmt: skip
def test_what_the_page_refuses(
    ours: Listening, method: str, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    """In one sentence; the app gets nothing."""
    ours.caller.call("POST", "/", {})
    reply = over_http(ours.url)(method, PAGE + path, headers, b"")
    assert (reply.status, says in reply.body.decode()) == (status, True)
    assert [len(each["answers"]) for each in ours.listed()] == [1]


@pytest.mark.slow
def test_an_app_that_does_not_answer_is_said_where_one_asks(browsing: Browsing) -> None:
    with Receiver(http_response(200), b"") as app, listening(forwarder=Forwarder(app.url, lambda: NOW)) as ours:
        ours.caller.call("POST", "/", {})
        page = browsing.open(f"{ours.url}{PAGE}/1")
        page.click("#resend")
        page.wait_for_selector("#message >> text=Refused: the app gave no HTTP/1.1 response")
        assert json.loads(text(ours, "/_sim/callbacks"))["callbacks"][0]["answers"][1]["status"] == 502
        browsing.close()  # before the receiver: a page whose events end would complain
