"""A client on a raw socket that reports everything that it receives of one response, however it ends."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from tests.simulator.server.raw_socket import request

__all__ = ["End", "Seen", "observe"]

PATIENCE = 10.0
"""Seconds that a server on loopback has for a response."""


class End(Enum):
    """How a response ended for the client."""

    WHOLE = auto()
    CLOSED = auto()
    RESET = auto()
    SILENCE = auto()


@dataclass(frozen=True)
class Seen:
    """What arrived: status (0: no response, but perhaps bytes), headers by lower-case name, body so far, its end, real seconds it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    end: End
    seconds: float
    arrivals: tuple[float, ...] = ()

    @property
    def gist(self) -> tuple[int, str, bytes, End]:
        """What is compared of two responses."""
        return self.status, self.headers.get("content-type", ""), self.body, self.end


def observe(port: int, method: str, target: str, body: bytes = b"", *, patience: float = PATIENCE, **more: Any) -> Seen:
    """Send a request on a connection of its own, and read until the response is complete, cut, or `patience` seconds overdue."""
    began = time.monotonic()
    arrived, arrivals, end = bytearray(), list[float](), End.WHOLE
    with socket.create_connection(("127.0.0.1", port), patience) as connection:
        connection.sendall(request(method, target, body, **more))
        try:
            while not _whole(bytes(arrived), method):
                piece = connection.recv(65536)
                arrivals.append(time.monotonic() - began)
                if not piece:
                    end = End.CLOSED
                    break
                arrived += piece
        except ConnectionResetError:
            end = End.RESET
        except TimeoutError:
            end = End.SILENCE
    status, headers, content = _read(bytes(arrived))
    return Seen(status, headers, content, end, time.monotonic() - began, tuple(arrivals))


def _whole(arrived: bytes, method: str) -> bool:
    status, headers, body = _read(arrived)
    return status != 0 and (method == "HEAD" or len(body) >= int(headers.get("content-length", "0")))


def _read(arrived: bytes) -> tuple[int, dict[str, str], bytes]:
    if not arrived.startswith(b"HTTP/"):
        return 0, {}, arrived
    head, complete, body = arrived.partition(b"\r\n\r\n")
    if not complete:
        return 0, {}, b""
    line, *rest = head.decode("latin-1").split("\r\n")
    pairs = (each.partition(": ") for each in rest)
    return int(line.split()[1]), {name.lower(): value for name, _, value in pairs}, body
