"""Numbers from the gateway that are none, or not what they seem."""

from __future__ import annotations

import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from tests.contracts.observing import ORIGIN
from tests.patience import PATIENCE

from pixazo_contracts.probes.conversation import Hook
from pixazo_contracts.runner.clock import RealClock
from pixazo_contracts.runner.layers.pacing import retry_after
from pixazo_contracts.runner.layers.recorder import Recorder
from pixazo_contracts.runner.receiver import Receiver
from pixazo_contracts.runner.runner import HttpTransport
from pixazo_contracts.trace.redaction import Redactor
from pixazo_contracts.trace.target import Profile


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("²", 2.0),
        ("999999999", 9.0),
        ("9" * 5000, 2.0),
        ("-1", 2.0),
        ("nan", 2.0),
        ("1e9", 2.0),
        (None, 2.0),
    ],
)
def test_retry_after(value: str | None, seconds: float) -> None:
    """Only plain digits are seconds, and never more than the most that a run waits."""
    assert retry_after(value, otherwise=2.0, at_most=9.0) == seconds


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
    receiver = Receiver("run", RealClock())
    recorder = Recorder(
        HttpTransport(Profile(origin=ORIGIN)), ORIGIN, Redactor(()), receiver.clock.now, recorded.append
    )
    receiver.start(recorder.receive, lambda _: None)
    path = urlsplit(receiver.open(Hook("a"))).path
    port = urlsplit(receiver.url).port
    with closing(receiver), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}".encode("latin-1"))
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")
    assert recorded == []
