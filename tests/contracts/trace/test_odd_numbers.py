"""Lengths of callbacks that are not numbers."""

from __future__ import annotations

import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from tests.contracts.fake_run import ORIGIN

from pixazo_contracts.probes.conversation import ReceiverUrl
from pixazo_contracts.runner.receiver import Receiver, ReceiverAddress
from pixazo_contracts.runner.recorder import Recorder
from pixazo_contracts.runner.redactor import Redactor
from pixazo_contracts.runner.run_clock import RunClock
from pixazo_contracts.runner.transport import HttpTransport
from pixazo_contracts.trace.target import Profile


@pytest.mark.parametrize(
    "head",
    [
        "Transfer-Encoding: chunked\r\n\r\n-1\r\nendless",
        "Content-Length: \xb2\r\n\r\n",
        f"Content-Length: {'9' * 5000}\r\n\r\n",
    ],
    ids=["negative chunk", "superscript", "five thousand digits"],
)
def test_a_callback_of_odd_length(head: str) -> None:
    """A length that is none is refused at once, and what follows is not waited for."""
    recorded: list[object] = []
    receiver = Receiver("run", RunClock(), ReceiverAddress())
    recorder = Recorder(
        HttpTransport(Profile(origin=ORIGIN)), ORIGIN, Redactor(()), receiver.clock.now, recorded.append
    )
    receiver.start(recorder, lambda _: None)
    path = urlsplit(receiver.open(ReceiverUrl("a"))).path
    port = urlsplit(receiver.url).port
    with closing(receiver), socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}".encode("latin-1"))
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")
    assert recorded == []
