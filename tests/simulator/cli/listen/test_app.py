"""A receiver of webhooks over HTTP, with an app behind it."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from tests.caller import KEY_HEADER, Caller, over_http
from tests.patience import PATIENCE
from tests.receiver import Behaviour, Receiver, http_response
from tests.servers import free_port

from pixazo_simulator.cli.listen.app import BODY_LIMIT
from pixazo_simulator.cli.listen.forwarder import ANSWER_LIMIT, Forwarder
from pixazo_simulator.webhooks import read_secret

from .listening import NOW, SECRET, listening

JSON = {"Content-Type": "application/json"}


def forwarder(url: str, timeout: float = PATIENCE) -> Forwarder:
    """One that posts to an app."""
    return Forwarder(url, lambda: NOW, timeout)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_the_app_gets_the_same_bytes_and_headers(receiver: Receiver, method: str) -> None:
    """At exactly the URL that was named, by the same method; but for the headers of the connection."""
    body, sent = (
        bytes(range(256)),
        {"X-A": "1", "Webhook-Id": "msg_1", "User-Agent": "pixazo-sim", "Content-Type": "a/b"},
    )
    hop = {
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "x",
        "TE": "trailers",
        "Proxy-Authorization": "Basic x",
    }
    with listening(forwarder=forwarder(f"{receiver.url}?app=1")) as ours:
        over_http(ours.url)(method, "/any/path?b=c", sent | hop, body)
    (callback,) = receiver.wait()
    assert callback.line == f"{method} /hook?app=1 HTTP/1.1"
    assert callback.body == body
    own = {"host": receiver.authority, "connection": "close", "content-length": "256", "accept-encoding": "identity"}
    assert callback.headers == {name.lower(): value for name, value in sent.items()} | own


def test_the_gateway_gets_the_answer_of_the_app() -> None:
    """Status code, body and the headers that mean something to it; a challenge is echoed through."""
    answers = (
        http_response(202, b'{"challenge": "c"}', content_type="application/json", set_cookie="a=b", retry_after="7"),
        http_response(302, location="http://127.0.0.1:1/elsewhere"),
        http_response(500, b"\xff\x00"),
        b"HTTP/1.1 204 No\r\n\r\n",
        Behaviour.ECHOING,
    )
    with Receiver(*answers) as app, listening(forwarder=forwarder(app.url)) as ours:
        replies = [ours.caller.call("POST", "/", {"challenge": "c"}) for _ in answers]
    assert [(reply.status, reply.body) for reply in replies] == [
        (202, b'{"challenge": "c"}'), (302, b""), (500, b"\xff\x00"), (204, b""), (200, b'{"challenge": "c"}'),
    ]  # fmt: skip
    assert replies[0].headers == {"content-length": "18", "content-type": "application/json", "retry-after": "7"}
    assert replies[1].headers["location"] == "http://127.0.0.1:1/elsewhere"
    assert len(app.received) == len(answers)  # no redirect was followed


@pytest.mark.parametrize(
    ("behaviour", "status", "says"),
    [
        (Behaviour.SILENT, 504, "the app has not responded within 0.2 s: respond first, and do the work afterwards"),
        (Behaviour.DRIPPING, 504, "the app has not responded within 0.2 s: respond first, and do the work afterwards"),
        (b"HTTP/1.1 700 Odd\r\n\r\n", 502, "the app answered 700, which is not a final status code"),
        (Behaviour.ENDLESS_BODY, 502, f"the response of the app is longer than {ANSWER_LIMIT} bytes: send less"),
        (b"SSH-2.0-Open\r\n\r\n", 502, "the app gave no HTTP/1.1 response (illegal status line: bytearray(b'SSH-2.0-Open')): see its log"),
        (Behaviour.HANGING_UP, 502, "the app gave no HTTP/1.1 response (Server disconnected without sending a response.): see its log"),
    ],
)  # fmt: skip
def test_an_app_that_gives_no_answer(behaviour: Behaviour | bytes, status: int, says: str) -> None:
    """The gateway gets one line, which is kept, too."""
    timeout = 0.2 if status == 504 else PATIENCE
    with Receiver(behaviour) as app, listening(forwarder=forwarder(app.url, timeout)) as ours:
        reply = ours.caller.call("POST", "/", {})
        (entry,) = ours.listed()
    assert (reply.status, reply.body.decode()) == (status, f"{says}\n")
    assert [(each["status"], each["problem"]) for each in entry["answers"]] == [(status, says)]


def test_an_app_that_does_not_run() -> None:
    """The line has the remedy, and no secret of the URL."""
    with listening(forwarder=forwarder(f"http://user:canary@127.0.0.1:{free_port()}/?token=canary")) as ours:
        reply = ours.caller.call("POST", "/", {})
    says = b"the app cannot be reached (connection refused): start it, or correct --forward-to\n"
    assert (reply.status, reply.body) == (502, says)


def test_an_app_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is trusted when SSL_CERT_FILE names its authority; otherwise the line says so."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("localhost")
    certificate.configure_cert(context)
    statuses: list[int] = []
    with Receiver(context=context) as app, authority.cert_pem.tempfile() as file:
        for named in (None, file):
            if named:
                monkeypatch.setenv("SSL_CERT_FILE", named)
            with listening(forwarder=forwarder(app.url)) as ours:
                reply = ours.caller.call("POST", "/", {})
                statuses.append(reply.status)
                if not named:
                    assert reply.body.startswith(b"the certificate of the app is not trusted (")
                    assert reply.body.endswith(b"): name its authority in SSL_CERT_FILE\n")
    assert statuses == [502, 204]


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards go where the user said."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with listening(forwarder=forwarder(receiver.url)) as ours:
        assert ours.caller.call("POST", "/", {}).status == 204


@pytest.mark.parametrize("respond", [204, 200, 500, 429])
def test_without_an_app_it_answers_by_itself(respond: int) -> None:
    """With what the user said, to see retries."""
    with listening(respond=respond) as ours:
        reply = ours.caller.call("POST", "/hook", {"request_id": "r-1", "status": "COMPLETED"})
        (entry,) = ours.listed()
    assert (reply.status, reply.body) == (respond, b"")
    assert [entry[name] for name in ("number", "method", "path", "request_id", "status", "size", "times")] == [
        1, "POST", "/hook", "r-1", "COMPLETED", 44, 1,
    ]  # fmt: skip
    assert [each["status"] for each in entry["answers"]] == [respond]


def test_what_is_listed_has_no_secret() -> None:
    """Keys, what is like them, and the secret of the receiver; signatures are none."""
    secret = "canary-17-17"
    hidden = {
        "Authorization": f"Bearer {secret}",
        "X-Api-Key": secret,
        "Cookie": f"a={secret}",
        "X-Token": "canary-18-18",
    }
    with listening(secrets=(read_secret(SECRET),)) as ours:
        ours.caller.call("POST", f"/hook?token={secret}", {"text": secret}, hidden | {"Webhook-Signature": "v1,abc"})
        text = ours.caller.call("GET", "/_sim/callbacks").body.decode()
    assert not [
        each for each in (secret, "canary-18-18", ours.caller.key, SECRET.removeprefix("whsec_")) if each in text
    ]
    (entry,) = json.loads(text)["callbacks"]
    headers = entry["headers"]
    assert [headers[name] for name in ("authorization", "x-token", "webhook-signature", KEY_HEADER.lower())] == [
        "[redacted]", "[hidden]", "v1,abc", "[redacted]",
    ]  # fmt: skip
    assert entry["signature"] == {
        "verdict": "missing",
        "age": None,
        "reason": "signature missing: there is no webhook-id",
    }


def test_a_webhook_is_sent_again(receiver: Receiver) -> None:
    """To the app, with the same bytes; both answers are listed."""
    with listening(forwarder=forwarder(receiver.url)) as ours:
        ours.caller.call("POST", "/hook", b"\xff\x00 1")
        receiver.status = 500
        reply = ours.caller.call("POST", "/_sim/callbacks/1/resend", b"{}")
        assert reply.json() == ours.listed()[0]
    assert [each["status"] for each in reply.json()["answers"]] == [204, 500]
    assert [each.body for each in receiver.received] == [b"\xff\x00 1"] * 2
    assert [len(each.answers) for each in ours.told] == [0, 1, 2]


@pytest.mark.parametrize(
    ("method", "target", "headers", "status", "says"),
    [
        ("POST", "/_sim/callbacks/1/resend", JSON, 409, "there is no app to send it to: start with --forward-to URL"),
        ("POST", "/_sim/callbacks/2/resend", JSON, 404, "there is no webhook 2: it has not arrived, or is no longer kept"),
        ("POST", "/_sim/callbacks/1/resend", {}, 415, "a request that changes something needs Content-Type: application/json"),
        ("POST", "/_sim/callbacks/1/resend", {"Content-Type": "text/plain"}, 415, "a request that changes something needs Content-Type: application/json"),
        ("POST", "/_sim/callbacks/1/resend", JSON | {"Host": "evil.test"}, 403, "Host 'evil.test' is not a loopback name: call /_sim as localhost or 127.0.0.1, or start with --control-host evil.test"),
        ("POST", "/_sim/callbacks/1/resend", JSON | {"Origin": "https://evil.test"}, 403, "Origin 'https://evil.test' is not a loopback name: call /_sim from a page of this machine, or start with --control-host evil.test"),
        ("POST", "/_sim/callbacks/1/resend", JSON | {"User-Agent": "pixazo-sim"}, 403, "webhooks may not call /_sim: use a User-Agent other than pixazo-sim"),
        ("GET", "/_sim/callbacks", {"Host": "evil.test"}, 403, "Host 'evil.test' is not a loopback name: call /_sim as localhost or 127.0.0.1, or start with --control-host evil.test"),
        ("POST", "/_sim/worlds", JSON, 404, "POST '/_sim/worlds' is not a route of this receiver, whose page is /_sim/console"),
        ("GET", f"/_sim/console/{'9' * 5000}", {}, 404, f"GET '/_sim/console/{'9' * 106}' is not a route of this receiver, whose page is /_sim/console"),
        ("GET", "/hook", {}, 405, "this URL receives webhooks: use POST or PUT"),
    ],
)  # fmt: skip
def test_what_is_refused(method: str, target: str, headers: dict[str, str], status: int, says: str) -> None:
    """With the rules of the simulator's own routes, in one line; nothing of it is a webhook."""
    with listening() as ours:
        ours.caller.call("POST", "/hook", {})
        reply = over_http(ours.url)(method, target, headers, b"")
        assert (reply.status, reply.json()["message"]) == (status, says)
        assert len(ours.listed()) == 1


def test_a_host_may_be_named() -> None:
    """As on the simulator: a container is called by the name of its service."""
    with listening(control_hosts=("listen",)) as ours:
        assert over_http(ours.url)("GET", "/_sim/callbacks", {"Host": "listen:8901"}, b"").status == 200


CHUNKED: Callable[[bytes], bytes] = lambda body: b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)  # noqa: E731


@pytest.mark.parametrize("size", [10_000_000, BODY_LIMIT])
def test_a_large_webhook(size: int) -> None:
    """It reaches the app whole, and what is listed of it is short."""
    with Receiver(Behaviour.ECHOING) as app, listening(forwarder=forwarder(app.url)) as ours:
        body = b"\xff" * size
        assert ours.caller.call("POST", "/", body).status == 502  # the answer is too long
        (entry,) = ours.listed()
    assert app.received[0].body == body
    assert entry["size"] == size
    assert len(json.dumps(entry)) < 20_000


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_webhook_that_is_too_large(framing: str) -> None:
    body = b"a" * (BODY_LIMIT + 1)
    with listening() as ours:
        if framing == "length":
            reply = ours.caller.call("POST", "/", body)
        else:
            reply = over_http(ours.url)("POST", "/", {"Transfer-Encoding": "chunked"}, CHUNKED(body))
        assert (reply.status, reply.json()["message"]) == (413, f"the body is larger than {BODY_LIMIT} bytes")
        assert ours.listed() == []


def test_a_sender_that_goes_away_leaves_no_webhook() -> None:
    with listening() as ours:
        with socket.create_connection(("127.0.0.1", int(ours.url.rpartition(":")[2])), PATIENCE) as sender:
            sender.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert Caller(over_http(ours.url), "other-key").sim("callbacks") == {"total": 0, "callbacks": []}
