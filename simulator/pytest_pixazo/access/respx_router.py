"""A respx router that sends calls of the vendor's hosts to a world, for apps that use httpx."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough, Route

from pixazo_simulator.redirect import HOSTS, media_hosts
from pixazo_simulator.spec import KEY_HEADER
from pytest_pixazo.world import Pixazo

(HOST,) = HOSTS


@contextmanager
def router(pixazo: Pixazo) -> Generator[respx.MockRouter]:
    """Yield a router for the user's routes; a request that matches none of them goes to the world if it is for the vendor's hosts.

    Within this context the world returns URLs of that host, and its key replaces any key that the app sends. Requests to the
    world's own origin pass through; any other is refused, as respx does.
    """
    policy = pixazo.policy(public_origin=f"https://{HOST}")
    hosts = (HOST, *media_hosts(policy["media_origin"]))
    users = respx.MockRouter(assert_all_called=False)
    with users, httpx.HTTPTransport(verify=False, trust_env=False) as transport, _World(pixazo, hosts, transport):
        yield users


def uncalled(users: respx.MockRouter) -> list[str]:
    """A sentence for each route of the user that was never called."""
    return [
        f"respx route {route.name or route.pattern!r} was never called" for route in users.routes if not route.called
    ]


class _World(respx.MockRouter):
    """Sends requests to the world; respx consults it when no earlier router has a route for a request."""

    def __init__(self, pixazo: Pixazo, hosts: tuple[str, ...], transport: httpx.HTTPTransport) -> None:
        super().__init__(assert_all_called=False)
        self._key = pixazo.api_key
        self._hosts = hosts
        self._origin = httpx.URL(pixazo.url)
        # A request of either transport arrives here again, through the patched httpcore, and then passes through to the origin.
        self._transport = transport
        # It keeps no connection open, since nothing could close it after the loop has ended.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._async_transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=limits)

    def handler(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(self._redirected(request))

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        return await self._async_transport.handle_async_request(self._redirected(request))

    def _redirected(self, request: httpx.Request) -> httpx.Request:
        """The request with the world's origin. Raises PassThrough if it has that origin already, AllMockedAssertionError for any other host."""
        url = request.url
        if (url.scheme, url.host, url.port) == (self._origin.scheme, self._origin.host, self._origin.port):
            raise PassThrough(f"{request!r} is for the world itself", request=request, origin=Route())
        if url.host not in self._hosts:
            known = f"it is neither for {HOST} nor for the world; add a route to pixazo_respx"
            raise AllMockedAssertionError(f"RESPX: {request!r} not mocked: {known}")
        target = url.copy_with(scheme=self._origin.scheme, host=self._origin.host, port=self._origin.port)
        headers = request.headers.copy()
        if headers.get(KEY_HEADER):
            headers[KEY_HEADER] = self._key
        return httpx.Request(
            request.method, target, headers=headers, stream=request.stream, extensions=request.extensions
        )  # fmt: skip
