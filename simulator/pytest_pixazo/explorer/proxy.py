"""The network between an app and a gateway, on which a response can be held up."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer

PATIENCE = 60.0
"""Real seconds until a gateway that does not answer is given up."""
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


class Proxy(LoopbackServer):
    """A reverse proxy for the gateway at `gateway`; `before_response` is called before each response is passed on.

    The gateway sees the Host that the caller used, so that the polling and media URLs that it makes lead through the proxy, too.
    """

    def __init__(self, gateway: str, before_response: Callable[[HttpRequest, HttpResponse], None]) -> None:
        self._netloc = urlsplit(gateway).netloc
        self._before_response = before_response
        super().__init__(self._forward)

    def _forward(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self._ask_gateway(request)
        except (OSError, HTTPException) as error:
            return HttpResponse(502, f"the proxy got no response: {error!r}".encode())
        self._before_response(request, response)
        return response

    def _ask_gateway(self, request: HttpRequest) -> HttpResponse:
        connection = HTTPConnection(self._netloc, timeout=PATIENCE)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            if request.body or request.method == "POST":
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            return HttpResponse(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()
