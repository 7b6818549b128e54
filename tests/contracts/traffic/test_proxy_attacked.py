"""Odd clients, odd gateways and odd ends cost nothing but themselves: no key, no false verdict, no second body."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import ssl
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.contracts.traffic.proxied import KEY, STATUS, SUBMIT, App, proxied, settings
from tests.contracts.traffic.test_proxy import through, upstream
from tests.patience import PATIENCE
from tests.receiver import Receiver, http_response

from pixazo_contracts.cli.proxy import proxy
from pixazo_contracts.runner import Hiding
from pixazo_contracts.trace import ConfigurationError, Profile, load_trace
from pixazo_contracts.traffic import Tape, tape
from pixazo_contracts.traffic.tape import MOST_READS, Message, decoded
from pixazo_contracts.traffic.wire import Head
from pixazo_simulator import Simulator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ID = "minimax-hailuo-ai_019d9999-2222-7333-8444-555566667777"


def _origin(gateway: Receiver) -> str:
    return gateway.url.removesuffix("/hook")


def test_a_request_of_two_lengths_is_refused_and_not_sent() -> None:
    request = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with Receiver(OK) as gateway, proxied(_origin(gateway)) as passing:
        assert through(passing.port, request).startswith(b"HTTP/1.1 400 ")
    assert gateway.received == []


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://else.where/a?b", "/a?b"),
        ("//a/b?x=http://y", "//a/b?x=http://y"),
        ("/v1/output.mp4?next=https://y/z", "/v1/output.mp4?next=https://y/z"),
        ("http://[", "/"),
    ],
)
def test_a_target_reaches_the_gateway_and_the_trace_whole(target: str, path: str) -> None:
    with Receiver(OK) as gateway, proxied(_origin(gateway)) as passing:
        assert through(passing.port, f"GET {target} HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n".encode()) == OK
    assert [each.path for each in gateway.received] == [path]
    assert passing.trace is not None
    assert [exchange.url for exchange in passing.trace.exchanges] == [f"{_origin(gateway)}{path}"]
    assert passing.trace.profile.public_origins == ()


def test_a_client_that_has_closed_its_half_gets_its_answer() -> None:
    with Receiver(OK) as gateway, proxied(_origin(gateway)) as passing:
        assert through(passing.port, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", half=True) == OK


def test_a_gateway_of_tls_is_reached_by_the_authorities_of_ssl_cert_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.issue_cert("localhost").private_key_and_cert_chain_pem.tempfile() as chain:
        context.load_cert_chain(chain)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Receiver(OK, context=context) as gateway:
        url = f"https://localhost:{_origin(gateway).rpartition(':')[2]}"
        with proxied(url) as passing:
            assert through(passing.port, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 502 ")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with proxied(url, keep_host=False) as passing:
            assert through(passing.port, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == OK
    assert gateway.received[-1].headers["host"] == url.removeprefix("https://")


@pytest.mark.parametrize(
    "header",
    [
        f"OCP-apim-SUBSCRIPTION-key: {KEY}",
        f"Authorization: Basic {base64.b64encode(f'me:{KEY}'.encode()).decode()}",
        f"Cookie: a=b; sid={KEY}",
        f"X-Auth-Token: {KEY}",
    ],
)
def test_no_key_is_kept_wherever_it_stands(header: str, tmp_path: Path) -> None:
    body = json.dumps({"prompt": f"It is {KEY}", "callback_url": f"https://a.example/{KEY}"}).encode()
    chunks = b"".join(b"5\r\n%b\r\n" % body[at : at + 5] for at in range(0, len(body) - 4, 5))
    rest = body[len(body) // 5 * 5 :]
    chunks += (b"%x\r\n%b\r\n" % (len(rest), rest) if rest else b"") + b"0\r\n\r\n"
    echo = gzip.compress(json.dumps({"message": KEY}).encode(), mtime=0)
    answer = http_response(400, echo, content_encoding="gzip", location=f"/{KEY}", content_type="application/json")
    head = (
        f"POST {SUBMIT}generate?q={KEY} HTTP/1.1\r\nHost: {KEY}.example\r\nX-Webhook-URL: https://b.example/{KEY}\r\n"
        f"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n{header}\r\n\r\n"
    )
    with (
        Receiver(answer) as gateway,
        proxied(_origin(gateway), out=tmp_path, public_url="http://127.0.0.1:9") as passing,
    ):
        through(passing.port, head.encode() + chunks)
    assert passing.trace is not None
    assert [exchange.status for exchange in passing.trace.exchanges] == [400]
    for text in [*(file.read_text().lower() for file in tmp_path.iterdir()), *passing.lines]:
        assert KEY.lower() not in text


def test_what_is_known_to_be_a_key_only_later_is_struck_from_what_was_written(tmp_path: Path) -> None:
    """At once where it is written as it is, at the end however it is spelled; keys of the start, from an earlier trace. A cookie is no key."""
    spelled = "".join(f"%{ord(char):02x}" for char in "spelled-4c1a")
    with Receiver(http_response(401, b"{}")) as gateway:
        with proxied(_origin(gateway), out=tmp_path, public_url="http://127.0.0.1:9") as passing:
            early = App(passing.port, None)
            hook = {"X-Webhook-URL": f"https://a.example/{KEY}"}
            early.call("POST", f"{SUBMIT}generate?q={KEY}", {"prompt": f"{spelled} of-a-start-1 of-a-cookie-1"}, **hook)
            App(passing.port).call("GET", f"{STATUS}x", Cookie="sid=of-a-cookie-1")
            App(passing.port).submit()
            assert all(KEY not in file.read_text() for file in tmp_path.iterdir())
            App(passing.port, "spelled-4c1a").submit()
        assert spelled not in (tmp_path / "trace.ndjson").read_text()
        Tape(Profile(origin=_origin(gateway)), tmp_path, ["of-a-start-1"]).close()
    first, *_ = load_trace(tmp_path / "trace.ndjson").exchanges
    assert first.request_body == '{"prompt": "<api-key> <api-key> <hidden>"}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://m.example/a.mp4?X-Amz-Date=1&X-Amz-Signature=ab12#token=x", "https://m.example/a.mp4?X-Amz-Date=1&X-Amz-Signature=<hidden>#token=<hidden>"),
        ("https://me:word@a.example/hook?sig=a%20b", "https://<hidden>@a.example/hook?sig=<hidden>"),
        (r'{"callback_url": "https:\/\/me:w@a.example?a=1\u0026token=x", "apiKey": "y\"z"}', r'{"callback_url": "https:\/\/<hidden>@a.example?a=1\u0026token=<hidden>", "apiKey": "<hidden>"}'),
        ("/to?url=https%3A%2F%2Fa.example%3Ftoken%3Dx", "/to?url=https%3A%2F%2Fa.example%3Ftoken%3D<hidden>"),
        ('{"idempotency_key": "x", "prompt": "What? key, @ :// home"}', '{"idempotency_key": "x", "prompt": "What? key, @ :// home"}'),
    ],
)  # fmt: skip
def test_the_value_of_a_name_that_sounds_like_a_secret_is_hidden_in_urls_and_json(text: str, shown: str) -> None:
    assert Hiding(()).text(text) == shown


def test_a_submit_in_chunks_is_called_back_through_the_proxy() -> None:
    body = json.dumps({"prompt": "A", "callback_url": "https://a.example/x"}).encode()
    request = f"POST {SUBMIT}generate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n"
    with Receiver(OK) as gateway, proxied(_origin(gateway), public_url="http://proxy.example") as passing:
        through(passing.port, request.encode() + body + b"\r\n0\r\nX-T: 1\r\n\r\n")
    sent = gateway.received[0]
    assert json.loads(sent.body)["callback_url"].startswith("http://proxy.example/hook/")
    assert sent.headers["content-length"] == str(len(sent.body))
    assert "transfer-encoding" not in sent.headers


def test_callbacks_that_may_have_come_while_nothing_listened_are_not_missed(tmp_path: Path) -> None:
    with Simulator(settings()) as simulator:
        with proxied(simulator.url, out=tmp_path, public_url="http://127.0.0.1:9") as passing:
            hook = {"X-Webhook-URL": "https://a.example/x"}
            _, members, _ = App(passing.port).call("POST", f"{SUBMIT}generate", {"prompt": "A"}, **hook)
        with proxied(simulator.url, out=tmp_path, public_url="http://127.0.0.1:9") as passing:
            App(passing.port).follow(members["request_id"])
    assert passing.outcomes["STATUS-01"] == "PASS"
    assert passing.outcomes["WEBHOOK-03"] == "SKIPPED"


BODY = b'{"message": "x"}'


@pytest.mark.parametrize(
    ("encoding", "body", "readable"),
    [
        ("gzip", gzip.compress(BODY, mtime=0), True),
        ("GZIP", gzip.compress(BODY, mtime=0)[:-9], False),
        ("gzip", gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0), True),
        ("deflate", zlib.compress(BODY), True),
        ("deflate", zlib.compress(BODY)[2:-4], True),
        ("br", b"\x0b", False),
        ("zstd", b"(", False),
    ],
)
def test_a_content_encoding_is_undone_or_the_body_is_not_judged(encoding: str, body: bytes, readable: bool) -> None:
    assert decoded([("Content-Encoding", encoding)], body) == (BODY if readable else b"", readable)


def test_a_small_body_that_unpacks_to_a_huge_one_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "MOST_DECODED", 1000)
    assert decoded([("Content-Encoding", "gzip")], gzip.compress(bytes(100_000), mtime=0)) == (b"", False)


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_what_was_issued_unread_is_no_unknown_id(encoding: str, tmp_path: Path) -> None:
    tape = Tape(Profile(origin="http://127.0.0.1:1"), tmp_path)
    typed = (b"Content-Type", b"application/json")
    answer = Head((b"202", b""), b"1.1", [(b"Content-Encoding", encoding.encode())])
    assert _read(tape).aims == ("STATUS-10",)
    assert tape.record(_message("POST", f"{SUBMIT}generate", answer, b"\1", b'{"prompt": "A"}', typed)).aims == ()
    assert _read(tape).aims == ()
    tape.end(0, 0, None)


def _message(
    method: str, target: str, answer: Head, answered: bytes, body: bytes = b"", *headers: tuple[bytes, bytes]
) -> Message:
    head = Head((method.encode(), target.encode()), b"1.1", [(b"Ocp-Apim-Subscription-Key", KEY.encode()), *headers])
    sent, received = bytearray(body), bytearray(answered)
    return Message(
        head=head, started=0.0, body=sent, size=len(body), answer=answer, answered=received, answer_size=len(answered)
    )


def _read(tape: Tape) -> Any:
    return tape.classify("GET", f"{STATUS}{ID}", (("Ocp-Apim-Subscription-Key", KEY),), b"")


def test_what_is_judged_with_one_exchange_does_not_grow_with_the_trace(tmp_path: Path) -> None:
    tape = Tape(Profile(origin="http://127.0.0.1:1"), tmp_path)

    def passes(method: str, target: str, code: int, **members: object) -> int:
        body = json.dumps({"request_id": ID, **members}).encode()
        exchange = tape.record(_message(method, target, Head((b"%d" % code, b""), b"1.1"), body))
        return len(tape.window(exchange).exchanges)

    passes("POST", f"{SUBMIT}generate", 202, status="QUEUED")
    sizes = [passes("GET", f"{STATUS}{ID}", 200, status="COMPLETED") for _ in range(10 * MOST_READS)]
    assert max(sizes) <= 2 * MOST_READS
    assert len(tape.end(0, 0, None).exchanges) == 1 + 10 * MOST_READS


def test_a_second_interrupt_ends_at_once_and_what_was_paid_for_is_recorded(tmp_path: Path) -> None:
    arrived, end = threading.Event(), threading.Event()

    def hang(peer: socket.socket) -> None:
        peer.recv(65536)
        arrived.set()
        end.wait(PATIENCE)

    with upstream(hang) as url:
        with proxied(url, out=tmp_path, budget=1, ledger=tmp_path / "ledger") as passing:
            body = b'{"prompt": "A"}'
            app = socket.create_connection(("127.0.0.1", passing.port))
            app.sendall(b"POST /minimax-hailuo-ai/v1/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n" + body)
            assert arrived.wait(PATIENCE)
            passing.interrupt()
            passing.interrupt()
        end.set()
    app.close()
    # It would keep the process from ending.
    assert not any(each.name.startswith("paid") for each in threading.enumerate())
    trace = load_trace(tmp_path / "trace.ndjson")
    assert [(exchange.error, exchange.spent) for exchange in trace.exchanges] == [("abandoned", True)]
    events = [json.loads(line)["event"] for line in (tmp_path / "ledger").read_text(encoding="utf-8").splitlines()]
    assert events == ["reserve", "spend"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--upstream", "http://localhost:8901"], "is the proxy itself"),
        (["--upstream", "nonsense"], "--upstream is not a URL with a host"),
        (["--upstream", "http://127.0.0.1:1", "--listen", "x"], "write HOST:PORT"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(args: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        proxy.main(args, standalone_mode=False)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"--listen {listen} cannot be used"):
            proxy.main(["--upstream", "http://127.0.0.1:1", "--listen", listen], standalone_mode=False)
