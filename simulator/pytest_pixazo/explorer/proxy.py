"""The network between an app and a gateway, in which an answer can be held up."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pytest_pixazo.webhooks import Listener, Request, Response

PATIENCE = 60.0
"""Real seconds until a gateway that does not answer is given up."""
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Relay:
    """Forwards every request to the gateway at `origin`; `on_its_way` is called before each answer is passed on.

    The gateway sees the Host that the caller used, so that its polling URLs lead through the relay, too.
    """

    def __init__(self, origin: str, on_its_way: Callable[[Request, Response], None]) -> None:
        self._netloc = urlsplit(origin).netloc
        self._on_its_way = on_its_way
        self._listener = Listener(self._answer)
        self.url = self._listener.origin

    def _answer(self, request: Request) -> Response:
        try:
            response = self._forward(request)
        except (OSError, HTTPException) as error:
            return Response(502, f"the relay got no answer: {error!r}".encode())
        self._on_its_way(request, response)
        return response

    def _forward(self, request: Request) -> Response:
        connection = HTTPConnection(self._netloc, timeout=PATIENCE)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            if request.body or request.method == "POST":
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            return Response(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()

    def close(self) -> None:
        """Close the port."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()
