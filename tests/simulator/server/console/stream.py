"""The events that an open page of the console gets, line by line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.patience import PATIENCE
from tests.simulator.server.console.visitor import BASE

__all__ = ["Stream"]


class Stream:
    """`with Stream(port, 1, seen) as stream: stream.next()`: the events of a world, as an open page gets them."""

    def __init__(self, port: int, number: int, seen: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        target = f"{BASE}/worlds/{number}/events?shown={seen}"
        self._socket.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode()
        self._lines = self._read()
        self.ended = False

    def _read(self) -> Iterator[str]:
        while size := int(self._file.readline() or b"0", 16):
            yield from self._file.read(size + 2).decode().split("\n")
        self.ended = True

    def next(self) -> str:
        """The next line that is neither empty nor of what cannot be known: empty at the end."""
        return next((each.strip() for each in self._lines if each.strip() not in ("", "data: -")), "")

    def until(self, line: str) -> None:
        """Read on up to this line."""
        while (found := self.next()) != line:
            assert found, f"the stream has ended before {line!r}"

    def close(self) -> None:
        """Go away."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
