"""Raw bytes over a socket to a running server."""

from __future__ import annotations

import socket
from typing import Self

from tests.caller import Reply
from tests.patience import PATIENCE

__all__ = ["RawSocket", "accepts", "request"]


def accepts(port: int) -> bool:
    """Whether connections to a port are accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class RawSocket:
    """`with RawSocket(port) as wire: wire.send(...); wire.response(); wire.closed()`."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def send_all_it_takes(self, data: bytes, times: int) -> int:
        """Send bytes repeatedly until the server closes the connection; returns how many bytes were sent."""
        taken = 0
        try:
            for _ in range(times):
                self._socket.sendall(data)
                taken += len(data)
        except OSError:
            pass  # that is what is waited for
        return taken

    def finish(self) -> None:
        """Send no more; responses can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def response(self, *, head: bool = False) -> Reply:
        """The next response, which must state its length; a response to HEAD has no body."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers: dict[str, str] = {}
        while text := self._file.readline().decode("latin-1").strip():
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        length = 0 if head else int(headers["content-length"])
        return Reply(int(line.split()[1]), headers, self._file.read(length))

    def closed(self) -> bool:
        """Whether the server has closed the connection without sending more."""
        try:
            return self._file.read(1) == b""
        except ConnectionError:
            return True

    def hung_up(self) -> bool:
        """Whether the server has closed the connection; waits until it has, or has sent something."""
        try:
            return self._file.peek(1) == b""
        except ConnectionError:
            return True

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def request(method: str, target: str, body: bytes = b"", key: str = "sim-key", **headers: str) -> bytes:
    """A whole HTTP request."""
    sent_headers = {"host": "localhost", "ocp-apim-subscription-key": key, "content-type": "application/json"}
    sent_headers |= {"content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent_headers.items() if value)
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
