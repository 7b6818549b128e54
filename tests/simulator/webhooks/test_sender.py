"""Sending one webhook over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import uvloop
from tests.patience import PATIENCE
from tests.receiver import Behaviour, Receiver, http_response
from tests.servers import free_port

from pixazo_simulator.webhooks import sender as module
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import Sender, WebhookRequest, trusting


@pytest.fixture(autouse=True, params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is about both kinds of loops."""
    monkeypatch.setattr("asyncio.events.new_event_loop", request.param)


def webhook(url: str, **more: Any) -> WebhookRequest:
    """A webhook whose details do not matter."""
    parts: dict[str, Any] = {
        "url": url,
        "body": b'{"status":"COMPLETED"}',
        "headers": {"content-type": "application/json"},
        "allowed": (),
        "follow": False,
        "timeout": PATIENCE / 2,
    }
    return WebhookRequest(**parts | more)


def post(*webhooks: WebhookRequest, together: bool = False) -> list[Outcome]:
    """The outcomes of some webhooks, sent by one sender one after the other, or all at once."""

    async def deliver() -> list[Outcome]:
        sender = Sender()
        async with asyncio.timeout(PATIENCE):
            if together:
                return await asyncio.gather(*map(sender.send, webhooks))
            return [await sender.send(each) for each in webhooks]

    return asyncio.run(deliver())


def problem(url: str, **more: Any) -> str:
    """Why a webhook to this URL got no status."""
    (outcome,) = post(webhook(url, **more))
    assert outcome.status is None
    return outcome.problem or ""


def outcome_of(response: Behaviour | bytes, **more: Any) -> Outcome:
    """What becomes of a webhook to a receiver that responds so."""
    with Receiver(response) as listener:
        (outcome,) = post(webhook(listener.url, **more))
    return outcome


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    assert outcome_of(http_response(status)) == Outcome(status)


def test_localhost_is_both_loopback_addresses() -> None:
    """Some servers listen on ::1 only; where nobody listens, 127.0.0.1 is named."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204)
            self.end_headers()

    with socket.socket() as reserved:  # so that no other test listens at this port of 127.0.0.1
        reserved.bind(("127.0.0.1", 0))
        try:
            server = Server(("::1", reserved.getsockname()[1]), Handler)
        except OSError:
            pytest.skip("there is no ::1 here")
        with server:
            url = f"http://localhost:{server.server_port}/hook"
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            assert post(webhook(url)) == [Outcome(204)]
            thread.join(PATIENCE)
        assert problem(url) == f"connection refused by 127.0.0.1:{server.server_port}"


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlocation: /elsewhere\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (INTERIM + http_response(204), Outcome(204)),
        (INTERIM + http_response(307), Outcome(307, "answered 307")),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            Outcome(101, "answered 101"),
        ),
        (b"HTTP/1.0 200 OK\n\n", Outcome(200)),
    ],
)
def test_the_status_is_that_of_the_final_response(response: bytes, outcome: Outcome) -> None:
    """Interim ones are skipped; a shell script may end its lines with LF."""
    assert outcome_of(response, follow=True) == outcome


@pytest.mark.parametrize("status", [301, 400, 404, 410, 429, 500, 503])
def test_anything_else_is_not(status: int) -> None:
    """The problem names the status; a redirect is not followed."""
    with Receiver(http_response(status, location="/elsewhere")) as listener:
        assert post(webhook(listener.url)) == [Outcome(status, f"answered {status}")]
        assert len(listener.received) == 1


def test_what_arrives() -> None:
    """Method, exact path and query, the given headers, our own, the body; no fragment and no password."""
    with Receiver() as listener:
        url = f"http://user:pass@{listener.authority}/a%20b/c;d?e=%2F&f#g"
        post(webhook(url, headers={"content-type": "application/json", "webhook-id": "msg_1"}))
        (callback,) = listener.received
    assert callback.line == "POST /a%20b/c;d?e=%2F&f HTTP/1.1"
    assert callback.body == b'{"status":"COMPLETED"}'
    assert callback.headers["host"] == listener.authority
    assert callback.headers["user-agent"] == "pixazo-sim"
    assert callback.headers["connection"] == "close"
    assert (callback.headers["content-type"], callback.headers["webhook-id"]) == ("application/json", "msg_1")
    assert "authorization" not in callback.headers


def test_no_cookie_of_one_receiver_reaches_another() -> None:
    """Worlds share the sender, and nothing else."""
    with Receiver(http_response(200, set_cookie="a=b; path=/")) as first, Receiver() as second:
        assert post(webhook(first.url), webhook(first.url), webhook(second.url)) == [
            Outcome(200),
            Outcome(200),
            Outcome(204),
        ]
        assert all("cookie" not in callback.headers for callback in [*first.received, *second.received])


def test_the_environment_does_not_interfere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would receive what must not leave this machine."""
    with Receiver() as proxy, Receiver() as listener:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.authority}")
        assert post(webhook(listener.url)) == [Outcome(204)]
        assert proxy.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_nobody_listens(host: str) -> None:
    """The problem says so; a retry may help."""
    place = f"{host}:{free_port()}"
    assert post(webhook(f"http://{place}/")) == [Outcome(None, f"connection refused by {place}")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour", [pytest.param(Behaviour.SILENT, marks=pytest.mark.exhaustive), Behaviour.DRIPPING]
)
def test_a_receiver_that_does_not_respond_in_time_is_given_up(behaviour: Behaviour) -> None:
    """One limit for the whole attempt: single bytes do not extend it."""
    assert outcome_of(behaviour, timeout=0.5) == Outcome(None, "no response within 0.5 s", late=True)


def test_whoever_takes_no_connection_in_time_is_given_up() -> None:
    """The problem is the connection, not the response: here the receiver never begins the TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert post(webhook(url, timeout=0.05)) == [Outcome(None, "no connection within 0.05 s", late=True)]


def test_what_cannot_be_prepared_is_not_blamed_on_the_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent; the next attempt tries again. The loop continues while a TLS context is created, in a thread."""
    broken, loops = [ValueError("no certificates")], list[asyncio.AbstractEventLoop]()

    def create(authorities: str) -> ssl.SSLContext:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loops[0]).result(PATIENCE)
        if broken:
            raise broken.pop()
        return trusting(authorities)

    async def deliver() -> list[Outcome]:
        loops.append(asyncio.get_running_loop())
        sender = Sender()
        return [await sender.send(webhook(f"https://{place}/")) for _ in range(2)]

    monkeypatch.setattr(module, "trusting", create)
    place = f"127.0.0.1:{free_port()}"
    assert asyncio.run(deliver()) == [
        Outcome(None, "not sent: no certificates"),
        Outcome(None, f"connection refused by {place}"),
    ]


def test_a_webhook_that_is_given_up_leaves_no_connection() -> None:
    """While it waits for the response; an open socket would be reported as a warning."""

    async def cancel() -> None:
        sending = asyncio.create_task(Sender().send(webhook(listener.url)))
        await asyncio.to_thread(listener.wait)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    with Receiver(Behaviour.SILENT) as listener:
        asyncio.run(cancel())


@pytest.mark.slow
def test_a_hundred_at_once_do_not_wait_for_each_other() -> None:
    """A hundred to a receiver that does not respond, and one to another that does."""
    with Receiver(Behaviour.SILENT) as dead, Receiver() as listener:
        *_, outcome = post(*[webhook(dead.url, timeout=0.5)] * 100, webhook(listener.url), together=True)
    assert outcome == Outcome(204)


class OneByOne(BaseHTTPRequestHandler):
    """Serves each connection until the client closes it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives
        pass


def test_a_receiver_that_serves_one_connection_at_a_time() -> None:
    """No connection is kept alive, which would make the next one wait."""
    with HTTPServer(("127.0.0.1", 0), OneByOne) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            challenge = webhook(f"http://127.0.0.1:{server.server_port}/", body=CHALLENGE, echo=True)
            assert post(*[challenge] * 5, together=True) == [Outcome(200)] * 5
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("echo", [False, True])
def test_an_endless_body_is_not_read_to_its_end(echo: bool) -> None:
    """Only the status code counts; if an echo is expected, 64 KiB are read."""
    outcome = outcome_of(Behaviour.ENDLESS_BODY, body=CHALLENGE, echo=echo, timeout=PATIENCE)
    assert outcome == (Outcome(None, "answered 200 without the challenge", final=True) if echo else Outcome(200))


CUT_SHORT = "the receiver closed the connection in the middle of its response"


@pytest.mark.parametrize(
    ("response", "echo", "problem"),
    [
        (Behaviour.HANGING_UP, False, "the receiver closed the connection without a response"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", False, CUT_SHORT),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False, CUT_SHORT),
        (http_response(200, b"{} ")[:-1], True, CUT_SHORT),
        (Behaviour.ENDLESS_HEAD, False, "the response has more than 65536 bytes of headers"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, False, "the response has more than 65536 bytes of headers"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "the response is not HTTP/1.1: "),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", False, "the response is not HTTP/1.1: "),
    ],
)
def test_what_is_no_http_is_a_problem(response: Behaviour | bytes, echo: bool, problem: str) -> None:
    """A receiver closes the connection too early, does not end its head, which is not read for ever, or speaks another protocol."""
    outcome = outcome_of(response, timeout=PATIENCE, echo=echo)
    assert (outcome.status, outcome.final) == (None, False)
    assert str(outcome.problem).startswith(problem)


def test_an_https_receiver_must_speak_tls() -> None:
    """Any other receives nothing of the webhook."""
    with Receiver() as listener:
        url = f"https://{listener.authority}/"
        assert problem(url) == f"no TLS handshake with {listener.authority}: the receiver closed the connection"
    assert all(callback.body == b"" for callback in listener.received)


def test_a_host_that_is_not_allowed_is_never_called() -> None:
    """No retry can help."""
    (outcome,) = post(webhook("http://169.254.169.254/latest/meta-data/"))
    assert (outcome.status, outcome.final) == (None, True)
    assert outcome.problem is not None
    assert outcome.problem.startswith("not sent: host 169.254.169.254 is not loopback and was not allowed")


def test_the_address_that_was_checked_is_the_one_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against DNS rebinding: a second answer of the resolver has no effect; the Host header has the name."""
    real, addresses = socket.getaddrinfo, ["127.0.0.1"]

    def resolve(host: Any, *more: Any, **named: Any) -> Any:
        return real(addresses.pop() if host == "rebinding.test" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with Receiver() as listener:
        url = f"http://rebinding.test:{listener.port}/"
        assert post(webhook(url, allowed=("rebinding.test",))) == [Outcome(204)]
        assert listener.received[0].headers["host"] == f"rebinding.test:{listener.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_as_a_post_where_the_policy_says_so(status: int) -> None:
    """With the same body; a relative location is resolved, and what no URL contains is percent-encoded."""
    with Receiver(http_response(status, location="/else where/é?x=1"), http_response(204)) as listener:
        assert post(webhook(listener.url, follow=True)) == [Outcome(204)]
        assert [callback.line for callback in listener.received] == [
            "POST /hook HTTP/1.1",
            "POST /else%20where/%C3%A9?x=1 HTTP/1.1",
        ]
        assert listener.received[0].body == listener.received[1].body


def test_redirects_end() -> None:
    with Receiver(http_response(302, location="/again")) as listener:
        assert post(webhook(listener.url, follow=True)) == [Outcome(None, "more than 3 redirects")]
        assert len(listener.received) == 4


def test_a_redirect_goes_nowhere_that_is_not_allowed() -> None:
    """Each hop is checked."""
    outcome = outcome_of(http_response(302, location="http://169.254.169.254/latest"), follow=True)
    assert outcome.final
    assert outcome.problem is not None
    assert "169.254.169.254 is not loopback" in outcome.problem


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:99999/", "ftp://127.0.0.1/", "http://a..b/"])
def test_a_redirect_to_nonsense_is_a_problem(location: str) -> None:
    outcome = outcome_of(http_response(302, location=location), follow=True)
    assert (outcome.status, bool(outcome.problem)) == (None, True)


CHALLENGE = b'{"challenge":"minimax-hailuo-ai_1"}'


MISSING = Outcome(None, "answered 200 without the challenge", final=True)
ECHOES = {
    "the same": (http_response(200, CHALLENGE), Outcome(200)),
    "other JSON": (http_response(200, b'{ "challenge" : "minimax-hailuo-ai_1", "more": 1 }'), Outcome(200)),
    "nothing": (http_response(200), MISSING),
    "no member": (http_response(200, b"{}"), MISSING),
    "another": (http_response(200, b'{"challenge":"other"}'), MISSING),
    "a number": (http_response(200, b'{"challenge":1}'), MISSING),
    "no text": (http_response(200, b"\xff"), MISSING),
    "nested": (http_response(200, b"[" * 50_000), MISSING),
    "beyond 64 KiB": (http_response(200, CHALLENGE.ljust(70_000) + b"x"), MISSING),
    "compressed": (http_response(200, gzip.compress(CHALLENGE), content_encoding="gzip"), MISSING),
    "refused": (http_response(500), Outcome(500, "answered 500")),
}


@pytest.mark.parametrize(("response", "outcome"), ECHOES.values(), ids=ECHOES)
def test_a_challenge_must_be_echoed(response: bytes, outcome: Outcome) -> None:
    """In 64 KiB, and in no coding: a few bytes may decompress to gigabytes. A refusal is known by its status."""
    assert outcome_of(response, body=CHALLENGE, echo=True) == outcome
