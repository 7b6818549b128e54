"""What passes the proxy passes unchanged, is recorded without its key, is paid for, and is judged."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contracts.traffic.proxied import KEY, STATUS, SUBMIT, App, proxied, settings
from tests.patience import PATIENCE
from tests.servers import free_port

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import judge
from pixazo_contracts.trace import Ceilings, load_trace
from pixazo_simulator import Simulator

Serve = Callable[[socket.socket], None]


def _read_head(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (more := peer.recv(65536)):
        data += more
    return data


@contextmanager
def upstream(serve: Serve) -> Generator[str]:
    """A server of one function, called with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)

    def accept() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            peer.settimeout(PATIENCE)
            with peer:
                serve(peer)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def through(port: int, request: bytes, *, half: bool = False) -> bytes:
    """All that comes back; `half`: the client closes its side first."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as peer:
        peer.sendall(request)
        if half:
            peer.shutdown(socket.SHUT_WR)
        return _rest(peer)


def _rest(peer: socket.socket) -> bytes:
    data = b""
    while more := peer.recv(65536):
        data += more
    return data


REQUEST = (
    b"POST /minimax-hailuo-ai/v1/generate?a=%20b HTTP/1.1\r\nHost: LocalHost:1\r\nocp-apim-SUBSCRIPTION-key: " + KEY.encode() +
    b'\r\nx-B: 2\r\nX-A: 1\r\nx-B: 1\r\nContent-LENGTH: 17\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\n{"prompt":  "A"} '
)  # fmt: skip
RESPONSE = (
    b"HTTP/1.1 202 Right Away\r\nX-z: 1\r\nContent-Type: application/json\r\nSET-cookie: a=b\r\nset-cookie: c=d\r\n"
    b"Content-Encoding: br\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n"
)


def test_bytes_pass_both_ways_as_they_are_but_for_hop_by_hop_fields() -> None:
    got: list[bytes] = []

    def serve(peer: socket.socket) -> None:
        got.append(_read_head(peer))
        while len(got[0].partition(b"\r\n\r\n")[2]) < 17:
            got[0] += peer.recv(100)
        peer.sendall(RESPONSE)

    with upstream(serve) as url, proxied(url) as passing:
        back = through(passing.port, REQUEST)
    assert got[0] == REQUEST.replace(b", X-Hop\r\nX-Hop: 1", b"")
    assert back == RESPONSE


def test_chunks_a_continue_and_trailers_pass() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n"
    got: list[bytes] = []

    def serve(peer: socket.socket) -> None:
        _read_head(peer)
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += peer.recv(100)
        got.append(body)
        peer.sendall(answer)

    with (
        upstream(serve) as url,
        proxied(url) as passing,
        socket.create_connection(("127.0.0.1", passing.port), timeout=PATIENCE) as app,
    ):
        app.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert app.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        app.sendall(b"3\r\nabc\r\n0\r\n\r\n")
        back = _rest(app)
    assert got == [b"3\r\nabc\r\n0\r\n\r\n"]
    assert back == answer


def test_no_response_stays_no_response_and_a_reset_a_reset() -> None:
    def silent(peer: socket.socket) -> None:
        _read_head(peer)

    def reset(peer: socket.socket) -> None:
        _read_head(peer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    request = b"GET /v2/requests/status/x HTTP/1.1\r\nHost: a\r\n\r\n"
    with upstream(silent) as url, proxied(url) as passing:
        assert through(passing.port, request) == b""
    with upstream(reset) as url, proxied(url) as passing, pytest.raises(ConnectionResetError):
        through(passing.port, request)
    assert passing.trace is not None
    assert [exchange.error for exchange in passing.trace.exchanges] == ["lost"], passing.lines


def test_a_gateway_that_cannot_be_reached_is_a_502_of_the_proxy_and_no_answer_of_the_gateway() -> None:
    with proxied(f"http://127.0.0.1:{free_port()}", budget=1) as passing:
        App(passing.port).submit()
        status, members, _ = App(passing.port).submit()  # what was not sent has cost nothing
    assert (status, "cannot be reached" in str(members["message"])) == (502, True)
    assert passing.fails == set()


def test_a_long_download_is_not_held_back() -> None:
    first, go_on = b"x" * 1000, threading.Event()

    def serve(peer: socket.socket) -> None:
        _read_head(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + first)
        assert go_on.wait(PATIENCE)
        peer.sendall(first)

    with (
        upstream(serve) as url,
        proxied(url) as passing,
        socket.create_connection(("127.0.0.1", passing.port), timeout=PATIENCE) as app,
    ):
        app.sendall(b"GET /v1/output.mp4 HTTP/1.1\r\nHost: a\r\n\r\n")
        data = b""
        while not data.endswith(first):
            data += app.recv(4096)
        go_on.set()
        while len(data.partition(b"\r\n\r\n")[2]) < 2000:
            data += app.recv(4096)


def test_the_trace_gives_the_same_verdicts_later_and_holds_no_key(tmp_path: Path) -> None:
    secret = "An-0ther+Secret/of=the app"
    with Simulator(settings()) as simulator, proxied(simulator.url, out=tmp_path) as passing:
        app = App(passing.port)
        _, members, _ = app.submit(prompt=f"The key is {KEY} and {KEY[::-1]}")
        app.follow(members["request_id"])
        app.call(
            "GET",
            f"{STATUS}{KEY}?subscription-key={KEY}",
            **{"X-Other": KEY, "Cookie": f"sid={secret}; word=swordfish"},
        )
        App(passing.port, secret.replace(" ", "")).submit(prompt=f"{secret.replace(' ', '')} swordfish")
        app.call("GET", f"/{KEY}", Authorization=f"Bearer {secret}")
    trace = load_trace(tmp_path / "trace.ndjson")
    assert {v.clause: v.outcome.value for v in judge(trace, CATALOGUE)} == passing.outcomes
    assert {exchange.account for exchange in trace.exchanges} == {"default", "key-2"}
    for file in tmp_path.iterdir():
        text = file.read_bytes().lower()
        assert KEY.lower().encode() not in text
        assert secret.replace(" ", "").lower().encode() not in text
        assert b"swordfish" not in text
    assert (tmp_path / "proxy.json").stat().st_mode & 0o77 == 0
    assert not any(KEY in line for line in passing.lines)


def test_a_restart_goes_on_with_the_trace_and_mends_its_torn_line(tmp_path: Path) -> None:
    with Simulator(settings()) as simulator:
        with proxied(simulator.url, out=tmp_path) as passing:
            _, members, _ = App(passing.port).submit()
        with (tmp_path / "trace.ndjson").open("ab") as file:
            file.write(b'{"exchange": {"numb')
        with proxied(simulator.url, out=tmp_path) as passing:
            App(passing.port).follow(members["request_id"])
            App(passing.port, "another-key-of-it-55aa").submit()
    trace = load_trace(tmp_path / "trace.ndjson")
    assert trace.cut is None
    assert [generation.outcome for generation in trace.generations] == ["COMPLETED"]
    assert [exchange.number for exchange in trace.exchanges] == [*range(1, len(trace.exchanges) + 1)]
    assert trace.exchanges[-1].account == "key-2"


def test_a_submit_beyond_the_purse_is_not_sent_also_after_a_restart(tmp_path: Path) -> None:
    book = tmp_path / "ledger.ndjson"
    with Simulator(settings()) as simulator:
        with proxied(simulator.url, out=tmp_path / "out", budget=2, ledger=book) as passing:
            app = App(passing.port)
            assert app.submit("imageToVideo", duration=7)[0] == 400  # a clear refusal gives back
            assert app.submit()[0] == 202
        with proxied(simulator.url, out=tmp_path / "out", budget=2, ledger=book) as passing:
            app = App(passing.port)
            codes = [app.submit()[0], app.submit()[0], app.call("PUT", "/anything", b"{}")[0]]
            assert codes == [202, 402, 402]
            assert "--max-generations" in str(app.submit()[1]["message"])
            assert app.call("GET", f"{STATUS}x")[0] == 404
    trace = load_trace(tmp_path / "out" / "trace.ndjson")
    assert sum(exchange.spent for exchange in trace.exchanges) == 2
    assert 402 not in {exchange.status for exchange in trace.exchanges}


def test_a_submit_beyond_a_ceiling_is_refused_with_the_remedy_for_the_ceiling(tmp_path: Path) -> None:
    book, ceilings = tmp_path / "ledger.ndjson", Ceilings(day=0)
    with (
        Simulator(settings()) as simulator,
        proxied(simulator.url, budget=2, ledger=book, ceilings=ceilings) as passing,
    ):
        status, members, _ = App(passing.port).submit()
    message = str(members["message"])
    assert (status, "the ceiling day = 0" in message, "--max-generations" in message) == (402, True, False)


def test_a_gateway_that_builds_urls_from_the_name_that_the_app_used_is_not_accused() -> None:
    with Simulator(settings()) as gateway, proxied(gateway.url) as passing:
        app = App(passing.port)
        request_id = app.submit()[1]["request_id"]
        app.follow(request_id)
        app.call("GET", f"{STATUS}{request_id}", Host="named.example")
    assert passing.fails == set()


def test_a_violation_is_said_once_and_named_in_a_header_if_the_proxy_complains() -> None:
    def serve(peer: socket.socket) -> None:
        while _read_head(peer):
            typed = b"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n"
            peer.sendall(b"HTTP/1.1 202 Accepted\r\n" + typed + b'{"status": "QUEUED"}')

    closing = b"Host: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    request = b"POST /minimax-hailuo-ai/v1/generate HTTP/1.1\r\n" + closing
    with upstream(serve) as url, proxied(url, complain=True) as passing:
        backs = [through(passing.port, request) for _ in range(2)]
    assert b"Pixazo-Contracts: " in backs[0]
    assert b"SUBMIT-03" in backs[0]
    assert b"Pixazo-Contracts" not in backs[1]
    assert sum("SUBMIT-03" in line for line in passing.lines) == 2  # two members are missing


def test_webhooks_are_relayed_to_the_urls_that_the_app_gave_and_to_no_other(tmp_path: Path) -> None:
    got, arrived = list[bytes](), threading.Event()

    def receive(peer: socket.socket) -> None:
        got.append(_read_head(peer))
        peer.sendall(b"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n")
        arrived.set()

    port = free_port()
    public = f"http://127.0.0.1:{port}"
    with (
        upstream(receive) as url,
        Simulator(settings()) as simulator,
        proxied(simulator.url, out=tmp_path, port=port, public_url=public) as passing,
    ):
        app = App(passing.port)
        _, members, _ = app.call("POST", f"{SUBMIT}generate", {"prompt": "A"}, **{"X-Webhook-URL": f"{url}/mine?x=1"})
        app.follow(members["request_id"])
        assert arrived.wait(PATIENCE)
        assert app.call("POST", "/hook/0000-1-proxy", b"{}")[0] == 404
    assert got[0].startswith(b"POST /mine?x=1 HTTP/1.1\r\n")
    trace = load_trace(tmp_path / "trace.ndjson")
    assert [callback.answered for callback in trace.callbacks] == [204]
    assert json.loads(str(trace.callbacks[0].body))["request_id"] == members["request_id"]
    assert passing.fails == set()
    assert passing.outcomes["WEBHOOK-03"] == "PASS"


def test_without_a_public_url_nobody_is_accused_of_callbacks_that_go_elsewhere() -> None:
    with Simulator(settings()) as simulator, proxied(simulator.url) as passing:
        app = App(passing.port)
        _, members, _ = app.call(
            "POST", f"{SUBMIT}generate", {"prompt": "A"}, **{"X-Webhook-URL": "http://127.0.0.1:9/x"}
        )
        app.follow(members["request_id"])
    assert passing.fails == set()
