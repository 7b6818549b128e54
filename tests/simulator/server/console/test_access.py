"""Who may use the console, and how: what `/_sim` refuses is refused here, and nothing is changed by what no page of ours sends."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from tests.caller import Caller, Reply, over_http
from tests.inprocess import InProcess
from tests.simulator.server.console.visitor import ACTIONS, BASE, HEADERS, PAGES, Visitor, live
from tests.simulator.server.raw_socket import RawSocket

from pixazo_simulator.server.console import pages
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.registry import Settings

TOKEN = "a-token-of-the-team"


def state_of(caller: Caller) -> tuple[object, ...]:
    """What can be changed by the forms."""
    return tuple(caller.sim(what) for what in ("world", "script", "deliveries", "journal"))


@pytest.fixture(scope="module")
def lived() -> Iterator[Caller]:
    """The holder of the key of world 1, in which something of everything has happened; no test here changes it."""
    with Simulator() as server:
        caller = Caller(over_http(server.url), server.api_key)
        live(caller)
        yield caller


def visitor(caller: Caller, **headers: str) -> Visitor:
    """Somebody who looks at the same server."""
    return Visitor(caller.send, **headers)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Host": "evil.test"}, "Host &#39;evil.test&#39; is not a loopback name"),
        ({"Host": "localhost.evil.test:8900"}, "is not a loopback name"),
        ({"Origin": "null"}, "Origin &#39;null&#39; is not a loopback name"),
        ({"Origin": "https://evil.test"}, "Origin &#39;https://evil.test&#39; is not a loopback name"),
        ({"User-Agent": "pixazo-sim"}, "webhooks may not call /_sim"),
    ],
    ids=["host", "host_that_begins_like_ours", "no_origin", "origin", "webhook"],
)
def test_a_page_is_refused_to_whom_the_control_routes_are_refused(
    lived: Caller, headers: dict[str, str], says: str
) -> None:
    """With a page that says why, and nothing of the world."""
    for path in PAGES:
        reply = visitor(lived, **headers).get(path)
        assert reply.status == 403
        assert says in reply.body.decode()
        assert "World 1" not in reply.body.decode()


FROM_ELSEWHERE = pytest.mark.parametrize(
    "headers", [{"Host": "evil.test"}, {"Origin": "null"}, {"Origin": "http://evil.test"}, {"User-Agent": "pixazo-sim"}]
)


@FROM_ELSEWHERE
def test_a_form_is_refused_to_them_and_changes_nothing(lived: Caller, headers: dict[str, str]) -> None:
    """Though it has the header of our pages."""
    before = state_of(lived)
    assert {visitor(lived, **headers).post(*each).status for each in ACTIONS.items()} == {403}
    assert state_of(lived) == before


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
@pytest.mark.parametrize("sent", ["", "false", "TRUE", "true, true"])
def test_what_a_page_elsewhere_can_send_is_refused_and_changes_nothing(lived: Caller, kind: str, sent: str) -> None:
    """A form, or a simple request of a script: neither has HX-Request: true, which such a page may not add."""
    before = state_of(lived)
    for action, form in ACTIONS.items():
        reply = visitor(lived).post(action, form, **{"Content-Type": kind, "HX-Request": sent})
        assert reply.status == 403
        assert "only the console itself may do this" in reply.body.decode()
    assert state_of(lived) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_form_is_posted_or_does_nothing(lived: Caller, method: str) -> None:
    """A link, an image or a prefetch does nothing, whatever headers it has."""
    before = state_of(lived)
    assert {visitor(lived).get(each, method).status for each in ACTIONS} == {404}
    assert {visitor(lived, HX_Request="true").get(each, method).status for each in ACTIONS} == {200}
    assert state_of(lived) == before


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_page_is_read_by_get_and_head_only(lived: Caller, method: str) -> None:
    """Any other method is answered with a page that says so, under the same headers."""
    for path in (*PAGES, "/static/style.css", "/worlds/1/events", "/nowhere"):
        reply = visitor(lived).get(path, method)
        assert reply.status == 404
        assert f"has no page for &#39;{method} {BASE}" in reply.body.decode()
        assert HEADERS.items() <= reply.headers.items()


def test_head_answers_the_head_of_a_page(lived: Caller) -> None:
    """With the status and the length that the page has."""
    for path in PAGES:
        page, head = (visitor(lived).get(path, method) for method in ("GET", "HEAD"))
        assert (head.status, head.body) == (page.status, b"")
        assert int(head.headers["content-length"]) == len(page.body)


def test_two_headers_host_or_origin_are_a_bad_request(simulator: Simulator) -> None:
    """Nobody can tell which of the two counts."""
    for name, value in (("Host", "localhost"), ("Origin", "http://localhost")):
        with RawSocket(simulator.port) as wire:
            host = "" if name == "Host" else "Host: localhost\r\n"
            wire.send(f"GET {BASE}?all HTTP/1.1\r\n{host}{name}: {value}\r\n{name}: {value}\r\n\r\n".encode())
            assert wire.response().status == 400


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1"])
def test_a_peer_elsewhere_sees_nothing_and_changes_nothing(peer: str) -> None:
    """Unless the operator has opened the control routes to everybody."""
    with InProcess(peer=peer) as send:
        theirs = Visitor(send)
        for reply in (*map(theirs.get, PAGES), *(theirs.post(*each) for each in ACTIONS.items())):
            assert reply.status == 403
            assert "answers only callers on this machine" in reply.body.decode()
    with InProcess(Settings(control_open=True), peer=peer) as send:
        assert Visitor(send).get("?all").status == 200


# With a control token


@pytest.fixture(scope="module")
def guarded() -> Iterator[Simulator]:
    """A server with a control token."""
    with Simulator(Settings(control_token=TOKEN)) as server:
        Caller(over_http(server.url), server.api_key).accepted()
        yield server


def log_in(server: Simulator, token: str, **headers: str) -> Reply:
    """Send the form of the login page, as a browser does without scripts."""
    return Visitor(over_http(server.url)).post("/login", {"token": token}, **{"HX-Request": "", **headers})


def cookie_of(reply: Reply) -> str:
    """The cookie that was set, as it is sent back."""
    (found,) = SimpleCookie(reply.headers["set-cookie"]).values()
    return f"{found.key}={found.value}"


@pytest.mark.parametrize(
    "path", [*PAGES, "/worlds/1/events", "/worlds/1/requests.har", "/worlds/1/videos/x", "/nowhere"]
)
def test_every_page_asks_for_the_token(guarded: Simulator, path: str) -> None:
    reply = Visitor(over_http(guarded.url)).get(path)
    assert reply.status == 403
    assert "This server asks for its control token" in reply.body.decode()
    assert "the control token is missing" in reply.body.decode()
    assert "World 1" not in reply.body.decode()
    assert HEADERS.items() <= reply.headers.items()


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN[:-1], TOKEN.upper(), f"{TOKEN} {TOKEN}", "\xe4\u4e00", "x" * 100_000]
)
def test_another_token_is_refused(guarded: Simulator, token: str) -> None:
    reply = log_in(guarded, token)
    assert reply.status == 403
    assert "this is not the control token" in reply.body.decode()
    assert "set-cookie" not in reply.headers


def test_the_token_sets_a_cookie_that_holds_no_token(guarded: Simulator) -> None:
    """No script can read it, no other site sends it; with it pages are shown and forms work."""
    reply = log_in(guarded, f" {TOKEN} ")
    assert (reply.status, reply.headers["location"]) == (303, BASE)
    assert TOKEN not in str(reply)
    (cookie,) = SimpleCookie(reply.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", BASE)
    known = Visitor(over_http(guarded.url), Cookie=f"other=1; {cookie_of(reply)}; more=2")
    assert known.get("/worlds/1").status == 200
    assert "Changed for this world: balance 7" in known.post("/worlds/1/change", {"balance": "7"}).body.decode()
    assert known.get("/worlds/1", Host="evil.test").status == 403
    assert known.get("/worlds/1", Origin="null").status == 403
    unsent = known.post("/worlds/1/change", {"balance": "8"}, **{"HX-Request": ""})
    assert unsent.status == 403


def test_the_cookie_opens_nothing_but_the_console(guarded: Simulator) -> None:
    """A program sends the token itself."""
    cookie = cookie_of(log_in(guarded, TOKEN))
    assert over_http(guarded.url)("GET", "/_sim/health", {"Cookie": cookie}, b"").status == 403


@pytest.mark.parametrize("other", ["theme=dark mode", "a", "a=[1,2]", 'a="', "\xe4=\xe4", "=", ""])
def test_a_cookie_of_another_app_does_not_shut_the_console(guarded: Simulator, other: str) -> None:
    """Cookies are shared by all ports of a host, and not every app writes them by the standard."""
    ours = cookie_of(log_in(guarded, TOKEN))
    for both in (f"{ours}; {other}", f"{other}; {ours}"):
        assert Visitor(over_http(guarded.url), Cookie=both).get("?all").status == 200


@pytest.mark.parametrize("value", ["", "x", TOKEN, "\xe4", '"', "%00"])
def test_another_cookie_is_as_good_as_none(guarded: Simulator, value: str) -> None:
    """The token itself as well; so is the cookie of a server with another token."""
    name = cookie_of(log_in(guarded, TOKEN)).partition("=")[0]
    assert Visitor(over_http(guarded.url), Cookie=f"{name}={value}").get("").status == 403
    with Simulator(Settings(control_token="another")) as other:
        theirs = cookie_of(log_in(other, "another"))
        assert Visitor(over_http(other.url), Cookie=theirs).get("?all").status == 200
    assert Visitor(over_http(guarded.url), Cookie=theirs).get("?all").status == 403


@FROM_ELSEWHERE
def test_nobody_logs_in_from_elsewhere(guarded: Simulator, headers: dict[str, str]) -> None:
    """Not even with the token: a page that has rebound its name could try tokens, and read the answers."""
    reply = log_in(guarded, TOKEN, **headers)
    assert reply.status == 403
    assert "set-cookie" not in reply.headers


def test_the_header_with_the_token_will_do_as_well(guarded: Simulator) -> None:
    """As for the control routes."""
    assert Visitor(over_http(guarded.url), X_Pixazo_Control_Token=TOKEN).get("?all").status == 200
    assert Visitor(over_http(guarded.url), X_Pixazo_Control_Token="wrong").get("?all").status == 403


def test_without_a_control_token_nobody_logs_in(lived: Caller) -> None:
    reply = visitor(lived).post("/login", {"token": ""})
    assert (reply.status, "set-cookie" in reply.headers) == (403, False)


# The receiver


def test_a_webhook_reaches_the_receiver_and_nothing_else(lived: Caller) -> None:
    """Which says nothing in return."""
    webhook = visitor(lived, User_Agent="pixazo-sim")
    for reply in (webhook.post("/receiver", b"{}"), webhook.get("/receiver", "PUT")):
        assert (reply.status, reply.body, HEADERS.items() <= reply.headers.items()) == (204, b"", True)
    for path in ("/receiver/", "/receiver/x", "/receiver.x", "/receiver%2f..%2fworlds%2f1"):
        assert webhook.get(path).status == 404
    assert all(webhook.get(path).status == 403 for path in PAGES)


def test_the_receiver_takes_many_megabytes_in_pieces_while_others_are_served() -> None:
    """And keeps none of them."""
    with Simulator() as server, RawSocket(server.port) as wire:
        head = f"POST {BASE}/receiver HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.send(head.encode())
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for number in range(32):
            wire.send(piece)
            if number % 8 == 0:
                assert Visitor(over_http(server.url)).get("?all").status == 200
        wire.send(b"0\r\n\r\n")
        wire.finish()
        assert wire._file.readline() == b"HTTP/1.1 204 No Content\r\n"


def test_who_goes_away_before_the_end_of_a_form_is_not_obeyed() -> None:
    """What has arrived of it is no form."""
    with Simulator() as server:
        caller = Caller(over_http(server.url), server.api_key)
        live(caller)
        with RawSocket(server.port) as wire:
            lines = "HX-Request: true\r\nContent-Length: 9\r\nHost: localhost"
            wire.send(f"POST {BASE}/worlds/1/rules/1/remove HTTP/1.1\r\n{lines}\r\n\r\n".encode())
            wire.finish()
            wire.hung_up()
        assert len(caller.sim("script")["rules"]) == 1


def test_a_fault_of_the_console_is_a_page_and_a_line_of_the_log(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the message of the exception, which may hold a key."""

    def failing(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(pages, "draw", failing)
    reply = visitor(caller).get("/worlds/1")
    assert reply.status == 500
    assert b"ZeroDivisionError: this is a fault of the simulator" in reply.body
    assert "the console failed with ZeroDivisionError" in caplog.text
    assert "secret" not in reply.body.decode() + caplog.text
