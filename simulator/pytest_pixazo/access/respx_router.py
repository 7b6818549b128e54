"""A respx router with a world behind it, for apps on httpx."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough, Route

if TYPE_CHECKING:
    from pytest_pixazo.world import Pixazo


HOST = "gateway.pixazo.ai"
KEY_HEADER = "Ocp-Apim-Subscription-Key"


@contextmanager
def router(pixazo: Pixazo) -> Generator[respx.MockRouter]:
    """Yield a router for routes of the user's; what they do not take goes to the world if it is for the vendor's host.

    Meanwhile the world tells URLs of that host, as the gateway does. Whatever key the app sends is taken for that of the world.
    Requests to the world's own origin pass through, any other is refused as respx does.
    """
    pixazo.policy(public_origin=f"https://{HOST}")
    users = respx.MockRouter(assert_all_called=False)
    with users, httpx.HTTPTransport(verify=False, trust_env=False) as transport, _World(pixazo, transport):
        yield users


def uncalled(users: respx.MockRouter) -> list[str]:
    """A sentence for each route of the user's that nothing called."""
    return [
        f"respx route {route.name or route.pattern!r} was never called" for route in users.routes if not route.called
    ]


class _World(respx.MockRouter):
    """Answers requests by asking the world; respx comes here when no router before has a route for a request."""

    def __init__(self, pixazo: Pixazo, transport: httpx.HTTPTransport) -> None:
        super().__init__(assert_all_called=False)
        self._key = pixazo.api_key
        self._origin = httpx.URL(pixazo.url)
        # Both transports lead through the patched httpcore and here once more, where requests to the origin pass.
        self._blocking = transport
        nothing_kept = httpx.Limits(
            max_keepalive_connections=0
        )  # so that nothing has to be closed on a loop that has ended
        self._waiting = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=nothing_kept)

    def handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a blocking client."""
        return self._blocking.handle_request(self._led(request))

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an asynchronous client."""
        return await self._waiting.handle_async_request(self._led(request))

    def _led(self, request: httpx.Request) -> httpx.Request:
        """The request with the origin of the world in the place of the vendor's. Raises for any other host."""
        url = request.url
        if (url.scheme, url.host, url.port) == (self._origin.scheme, self._origin.host, self._origin.port):
            raise PassThrough(f"{request!r} is for the world itself", request=request, origin=Route())
        if url.host != HOST:
            _refuse(request)
        led = url.copy_with(scheme=self._origin.scheme, host=self._origin.host, port=self._origin.port)
        headers = request.headers.copy()
        if headers.get(KEY_HEADER):
            headers[KEY_HEADER] = self._key
        return httpx.Request(
            request.method, led, headers=headers, stream=request.stream, extensions=request.extensions
        )  # fmt: skip


def _refuse(request: httpx.Request) -> NoReturn:
    raise AllMockedAssertionError(
        f"RESPX: {request!r} not mocked: it is neither for {HOST} nor for the world; add a route to pixazo_respx"
    )
