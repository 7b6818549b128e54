"""Thousands of hostile requests cause no 5xx and no traceback, and valid requests are still served."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.registry import Settings
from tests.caller import Caller, Send, over_http
from tests.hostile_requests import HostileRequests, Request
from tests.inprocess import InProcess
from tests.patience import PATIENCE

GARBAGE = 500
"""Connections that send bytes that are no request."""
EPOCH = 250
"""Requests after which a fresh world takes over, since one of them may have suspended or deleted the old one."""
SETTINGS = Settings(open_keys=True)
BODY_LIMIT = 28 * 1024 * 1024
HEAD = b"POST /minimax-hailuo-ai/v1/generate HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: noisy\r\n"
HALF = HEAD + b"Content-Length: 100\r\n\r\n" + b" " * 99
ERROR_SHAPES = ({"error", "message"}, {"statusCode", "message"}, {"error", "status"})
ALLOWED = {200, 201, 202, 204, 206, 304, 400, 401, 402, 403, 404, 405, 413, 415, 416, 429, 431}
pytestmark = pytest.mark.usefixtures("no_errors_logged")


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Host and port of a server that opens a world for any key."""
    with Simulator(SETTINGS) as running:
        yield running.host, running.port


@pytest.fixture
def good(address: tuple[str, int]) -> Iterator[None]:
    """The server answers valid requests before and after the test."""
    assert_serves(over_http("http://{}:{}".format(*address)))
    yield
    assert_serves(over_http("http://{}:{}".format(*address)))


def assert_serves(send: Send) -> None:
    """A caller with a fresh world can submit, wait and read."""
    caller = Caller(send, "a-good-caller")
    assert caller.call("POST", "/_sim/worlds", {"key": caller.key}).status == 201
    request_id = caller.accepted()
    caller.advance(15)
    assert caller.status(request_id) == "COMPLETED"
    assert caller.call("DELETE", "/_sim/world").status == 200


def assert_composed(request: Request, status: int, content_type: str, body: bytes) -> None:
    """The status code is an expected one, and an error body has one of the known shapes."""
    assert status in ALLOWED, (request, status, body)
    if status >= 400 and body and content_type == "application/json":
        assert set(json.loads(body)) in ERROR_SHAPES, (request, status, body)


def requests(few: int, many: int) -> pytest.MarkDecorator:
    """A few of them in the default run, many in an exhaustive one."""
    return pytest.mark.parametrize("count", [few, pytest.param(many, marks=pytest.mark.exhaustive)])


def keys(count: int) -> Iterator[str]:
    """A key for each of so many requests."""
    return (f"noisy-{number // EPOCH}" for number in range(count))


@pytest.mark.slow
@requests(2000, 7000)
def test_in_process(count: int) -> None:
    """The application answers every combination of method, path, headers and body."""
    hostile, statuses = HostileRequests(1), Counter[int]()
    with InProcess(SETTINGS) as send:
        for key in keys(count):
            request = hostile.request(key)
            reply = send(request.method, request.target, request.headers, request.body)
            assert_composed(request, reply.status, reply.headers.get("content-type", ""), reply.body)
            hostile.known_id = reply.json()["request_id"] if reply.status == 202 else hostile.known_id
            statuses[reply.status] += 1
        assert_serves(send)
    assert statuses.total() == count
    assert {200, 202, 400, 401, 403, 404, 429} <= statuses.keys()


@pytest.mark.slow
@requests(1000, 2500)
def test_on_connections_that_stay_open(address: tuple[str, int], good: None, count: int) -> None:
    """Over a socket, a connection stays usable after a response unless the response says otherwise."""
    hostile, connections = HostileRequests(2), 0
    with closing(http.client.HTTPConnection(*address, timeout=PATIENCE)) as connection:
        for key in keys(count):
            request = hostile.request(key)
            connections += connection.sock is None
            connection.request(request.method, request.target, request.body, request.headers)
            with connection.getresponse() as response:
                body = response.read()
            assert_composed(request, response.status, response.headers.get("content-type", ""), body)
            hostile.known_id = json.loads(body)["request_id"] if response.status == 202 else hostile.known_id
    assert connections < count / 4


@pytest.mark.slow
def test_bytes_that_are_no_request(address: tuple[str, int], good: None) -> None:
    """Garbage gets a 4xx in JSON or no response, and the connection is closed; half a request is discarded."""
    hostile, statuses = HostileRequests(3), Counter[bytes]()
    for _ in range(GARBAGE):
        sent = hostile.garbage()
        response = exchange(address, sent)
        lines = re.findall(rb"^HTTP/1\.1 (\d{3}) ", response, re.MULTILINE)
        assert all(line < b"500" for line in lines), (sent, response)
        assert lines or not response, (sent, response)
        statuses.update(lines)
    assert {b"400", b"401", b"431"} <= statuses.keys()


def exchange(address: tuple[str, int], sent: bytes) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                received += chunk
    return received


def test_connections_that_say_no_more(address: tuple[str, int], good: None) -> None:
    """A hundred callers that stop in the middle of a request do not delay other callers."""
    silent = [socket.create_connection(address, timeout=PATIENCE) for _ in range(100)]
    for number, connection in enumerate(silent):
        connection.sendall(HALF[: 1 + number * len(HALF) // len(silent)])
    assert_serves(over_http("http://{}:{}".format(*address)))
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_beyond_the_limit(address: tuple[str, int], good: None, chunked: bool) -> None:
    """More than 28 MiB are answered 413 and the connection is closed, whether their number was announced or not."""
    size = BODY_LIMIT + 1
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b" " * size) if chunked else b" " * size
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    response = exchange(address, HEAD + framing + b"\r\n\r\n" + body)
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in response
    assert response.endswith(
        b'{"error":"Payload Too Large","message":"The request body is larger than 29360128 bytes."}'
    )
