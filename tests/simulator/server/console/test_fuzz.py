"""Whatever is asked of the console: never a 5xx, always our headers, and what is wrong stands on the page in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caller import Caller
from tests.inprocess import InProcess
from tests.simulator.server.console.visitor import ACTIONS, HEADERS, HOSTILE, PAGES, Visitor, live

from pixazo_simulator.world.registry import Settings

pytestmark = pytest.mark.usefixtures("no_errors_logged")

FEW, MANY = 60, 3000
"""Examples in the default run, and with --exhaustive."""
NUMBERS = ("0", "-1", "1.5", "1e5", "NaN", "inf", "999999", "9" * 15, "9" * 16, "9" * 5000, "٣", "", " 1", "0x1", "1_0")
TEXTS = (
    *NUMBERS,
    HOSTILE,
    "x" * 20_000,
    "\x00",
    "\r\nX-Evil: 1",
    "%00",
    "null",
    "2026-02-30",
    "0001-01-01T00:00:00+23:59",
    "generate",
)
MEMBERS = (
    "at", "moment", "before", "status", "text", "operation", "rule", "request_id", "explain", "all", "shown", "limit", "seconds",
)  # fmt: skip
NAMES = (
    "key", "step", "balance", "suspended", "model_enabled", "field", "value", "number", "rule", "operation", "body", "webhook", "token",
)  # fmt: skip
READ = (*PAGES, "/worlds/1/requests.har", "/worlds/1/videos/x", "/static/style.css", "/login")


@pytest.fixture(scope="module")
def asked() -> Iterator[Visitor]:
    """Somebody who looks at a world in which something of everything has happened; an exception of the application is raised here."""
    with InProcess(Settings(keys=("sim-key",))) as send:
        live(Caller(send, "sim-key"))
        Caller(send, "unknown").call("GET", "/nowhere")
        yield Visitor(send)


def shortly(value: object) -> str:
    """The beginning of a value, as the name of an example."""
    return str(value)[:40]


def said(page: bytes) -> str:
    """What a refusal says, or a form in its message."""
    found = re.search(r"<h1>.*?</h1><p>(.*?)</p>|<span>(.*?)</span></div>", page.decode(), re.DOTALL)
    assert found, page
    return unescape(found[1] or found[2])


values = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


QUERIES = {
    "path": st.sampled_from(READ),
    "query": st.lists(st.tuples(st.sampled_from(MEMBERS) | values, values), max_size=4),
    "is_part": st.booleans(),
}
FORMS = {
    "action": st.sampled_from([*ACTIONS, "/login"]),
    "form": st.one_of(
        st.lists(st.tuples(st.sampled_from(NAMES) | values, values), max_size=5).map(urlencode).map(str.encode),
        st.binary(max_size=50),
    ),
}
PATHS = {
    "path": st.lists(st.one_of(values, st.sampled_from([*PAGES, *ACTIONS, "worlds", "1", "..", ".", ""])), max_size=6)
}


def ask(asked: Visitor, path: str, query: list[tuple[str, str]], is_part: bool) -> None:
    """Ask for a page, or for a part of it."""
    reply = asked.get(path.partition("?")[0] + "?" + urlencode(query), **({"HX-Request": "true"} if is_part else {}))
    assert reply.status in (200, 303, 400, 404)
    assert HEADERS.items() <= reply.headers.items()
    if reply.status >= 400:
        assert len(said(reply.body)) < 2000
        assert "\n" not in said(reply.body)


def post(asked: Visitor, action: str, form: bytes) -> None:
    """Post a form."""
    reply = asked.post(action, form.replace(b"999999", b"9"))  # else the clock of all examples stands at its end
    assert reply.status == (403 if action == "/login" else 200)
    assert HEADERS.items() <= reply.headers.items()
    assert 0 < len(said(reply.body)) < 2000


def go(asked: Visitor, path: list[str]) -> None:
    """Ask for a path, and post to it."""
    for method in ("GET", "POST"):
        reply = asked.get("/" + "/".join(quote(each, safe="/?") for each in path), method)
        assert reply.status in (200, 204, 303, 400, 403, 404)
        assert HEADERS.items() <= reply.headers.items()


@pytest.mark.slow
@given(**QUERIES)
@settings(max_examples=FEW)
def test_any_query_is_answered(asked: Visitor, path: str, query: list[tuple[str, str]], is_part: bool) -> None:
    """With members that are known and unknown, twice the same one, and values of every kind."""
    ask(asked, path, query, is_part)


@given(**FORMS)
@settings(max_examples=FEW)
def test_any_form_is_answered(asked: Visitor, action: str, form: bytes) -> None:
    """With what was done, or why it was not."""
    post(asked, action, form)


@given(**PATHS)
@settings(max_examples=FEW)
def test_any_path_is_answered(asked: Visitor, path: list[str]) -> None:
    """Also with percent-encoded slashes, dots, and characters that end a line."""
    go(asked, path)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("check", "drawn"), [(ask, QUERIES), (post, FORMS), (go, PATHS)])
def test_much_more_is_answered(asked: Visitor, check: Callable[..., None], drawn: dict[str, Any]) -> None:
    settings(max_examples=MANY)(given(**drawn)(check))(asked=asked)


@pytest.mark.parametrize(
    ("target", "status", "says"),
    [
        ("/worlds/1/requests?before=x", 400, "the query does not fit: before 'x': give an integer"),
        ("/worlds/1/requests?status=abc", 400, "the query does not fit: status 'abc': give an integer"),
        ("/worlds/1?at=junk", 400, "at 'junk'"),
        (f"/worlds/1?at={'9' * 5000}", 400, "at"),
        ("/worlds/1?at=999999", 400, "at"),
        ("/worlds/1/requests?text=" + "x" * 1_000_000, 400, "text"),
        (
            "/worlds/2",
            404,
            "there is no world 2: it was deleted, or never existed; /_sim/console lists those that exist",
        ),
        (f"/worlds/{'9' * 15}", 404, f"there is no world {'9' * 15}"),
        (f"/worlds/{'9' * 16}", 404, "the console has no page for"),
        (f"/worlds/{'9' * 5000}", 404, "the console has no page for"),
        ("/worlds/1/requests/999", 404, "exchange 999 is not kept"),
        ("/worlds/1/webhooks/999", 404, "999"),
        ("/unmatched/999", 404, "exchange 999 is not kept"),
        ("/worlds/1/videos/x", 404, "there is no such generation"),
        ("/worlds/1.5", 404, "the console has no page for 'GET /_sim/console/worlds/1.5': start at /_sim/console"),
        ("/static/..%2f..%2fapp.py", 404, "the console has no page for"),
        ("/%3Cscript%3E", 404, "the console has no page for 'GET /_sim/console/<script>'"),
        ("x", 404, "the console has no page for 'GET /_sim/consolex'"),
    ],
    ids=shortly,
)
def test_a_page_says_what_is_wrong(asked: Visitor, target: str, status: int, says: str) -> None:
    """In one line, with the value and what to do."""
    reply = asked.get(target)
    assert reply.status == status
    assert says in said(reply.body)


@pytest.mark.parametrize("moment", ["NaN", "", "x", "1", "-9" + "9" * 5000, "-1.5"])
def test_a_moment_that_is_none_is_now(asked: Visitor, moment: str) -> None:
    """Or the first one, where it lies before that."""
    assert asked.get(f"/worlds/1?moment={moment}").status == 200


@pytest.mark.parametrize(
    ("action", "form", "says"),
    [
        ("advance", {"step": "x" * 1000}, "seconds"),
        ("advance", {}, "seconds"),
        ("rules/999", {"rule": '{"when": "generate", "reply": {"status": 500}}'}, "999"),
        ("rules", {"rule": "{"}, "the body does not fit"),
        ("rules/999/remove", {}, "999"),
        ("rules", {"rule": "x" * 5_000_000}, "the body is larger than 4194304 bytes"),
        ("change", {"balance": "nan"}, "amount 'nan' is not a sum of US dollars"),
        ("change", {"field": "<script>", "value": "1"}, "policy field '<script>'"),
        ("faults/nothing", {}, "there is no fault 'nothing': the page Script lists them"),
        ("webhooks/999/resend", {}, "999"),
        ("send", {"operation": "x" * 50}, f"operation '{'x' * 40}[cut]' is not one of generate, imageToVideo"),
    ],
    ids=shortly,
)
def test_a_form_says_what_is_wrong(asked: Visitor, action: str, form: dict[str, str], says: str) -> None:
    """In the words of the control routes, where they refuse it; and the page stays where it is."""
    reply = asked.post(f"/worlds/1/{action}", form)
    assert "Refused:" in reply.body.decode()
    assert says in said(reply.body)
    assert "hx-redirect" not in reply.headers
    assert "hx-trigger" not in reply.headers
