"""Sends one webhook over HTTP and reports the outcome."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import msgspec

from .egress import Blocked, Destination, LookUps, destination
from .trust import VARIABLES, distrust, read_authorities, trusting

if TYPE_CHECKING:
    import httpx2


USER_AGENT = "pixazo-sim"
"""Of every webhook. `/_sim` refuses it, so that no receiver can redirect a webhook to our own routes."""
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "connection": "close", "user-agent": USER_AGENT}
LOOPBACK = "127.0.0.1"
MOST_REDIRECTS = 3
ECHO_LIMIT = 64 * 1024
"""Bytes of a response body that are read when an echo is expected; otherwise only the status code is."""


class _Challenge(msgspec.Struct):
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """What to send and where; `echo` requires a response that repeats the body's challenge.

    `timeout` is how many real seconds a receiver has to accept the connection, to complete the TLS handshake, and to respond.
    `refused` sends it to a port on which nothing listens, as if the receiver were down.
    """

    url: str
    body: bytes
    headers: dict[str, str]
    allowed: tuple[str, ...]
    follow: bool
    timeout: float
    echo: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status code that the receiver returned, or the problem; `final` when no retry can help."""

    status: int | None
    problem: str | None = None
    final: bool = False


class Sender:
    """Sends over bare transports: a client would use the proxies of the environment, keep cookies and log URLs that may hold keys.

    Each webhook has a connection of its own, so that none waits for another. A kept-alive connection would occupy a receiver that
    serves one connection at a time, and the receiver might close it just when it is used again.
    https receivers are trusted as the system does, or as SSL_CERT_FILE and SSL_CERT_DIR say; those of the authorities in the file
    `webhook_ca` are trusted, too. Raises ValueError with the remedy when that file cannot be used.
    """

    def __init__(self, webhook_ca: str | None = None) -> None:
        self._authorities = read_authorities(webhook_ca) if webhook_ca else ""
        self._look_ups = LookUps()
        self._transports: dict[bool, httpx2.AsyncHTTPTransport] = {}
        self._trusted: tuple[str | None, ...] = ()
        self._creating = asyncio.Lock()

    async def send(self, webhook: WebhookRequest) -> Outcome:
        """Send a webhook. Whatever fails is an outcome, not an exception."""
        try:
            return await self._deliver(webhook)
        except Exception as error:
            import httpx2

            # ValueError: the Location of a redirect may not be a URL.
            if not isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)):
                raise
            return Outcome(None, _described(error))

    async def _deliver(self, webhook: WebhookRequest) -> Outcome:
        url = webhook.url
        for _ in range(1 + MOST_REDIRECTS):
            place = await destination(url, webhook.allowed, self._look_ups)  # again after each redirect
            if isinstance(place, Blocked):
                return Outcome(None, f"not sent: {place.problem}", final=place.final)
            try:
                transport = await self._transport(secure=urlsplit(url).scheme == "https")
            except ValueError as error:
                return Outcome(None, f"not sent: {error}")
            except Exception as error:  # noqa: BLE001  # whatever it is, it is not the receiver's
                return Outcome(None, f"not sent: {_described(error)}")
            with _refusing(place) if webhook.refused else nullcontext(place) as address:
                response = await _send(transport, url, address, webhook)
            if isinstance(response, Outcome):
                return response
            if not (webhook.follow and response.has_redirect_location):
                return _outcome(response, webhook)
            url = urljoin(url, response.headers["location"])
        return Outcome(None, f"more than {MOST_REDIRECTS} redirects")

    async def _transport(self, *, secure: bool) -> httpx2.AsyncHTTPTransport:
        """The transport for https or http, created on first use: only an https webhook pays for a TLS context.

        It is created in a thread, since that takes as long as a hundred webhooks; again when the environment names other authorities.
        """
        async with self._creating:
            named = tuple(map(os.environ.get, VARIABLES))
            if secure and named != self._trusted:
                self._transports.pop(secure, None)
            if secure not in self._transports:
                self._transports[secure] = await asyncio.to_thread(_transport, self._authorities if secure else None)
                self._trusted = named if secure else self._trusted
            return self._transports[secure]

    async def close(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


def _transport(authorities: str | None) -> httpx2.AsyncHTTPTransport:
    """A transport for https that trusts these authorities (PEM), too; None: for http."""
    import anyio
    import httpx2

    anyio.run(anyio.sleep, 0)  # imports here what the first connection would otherwise import on the loop
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    verify = authorities is not None and trusting(lambda: httpx2.create_ssl_context(trust_env=False), authorities)
    return httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)


async def _send(
    transport: httpx2.AsyncHTTPTransport, url: str, place: Destination, webhook: WebhookRequest
) -> httpx2.Response | Outcome:
    """The receiver's response, or that it did not accept a connection, is not trusted, or did not respond in time."""
    import httpx2

    limit = asyncio.timeout(None)

    async def trace(event: str, _: object) -> None:
        # The receiver's time begins when it can read: connecting has a limit of its own.
        if event == "http11.send_request_headers.started":
            limit.reschedule(asyncio.get_running_loop().time() + webhook.timeout)

    headers = _HEADERS | webhook.headers | {"host": urlsplit(url).netloc.rpartition("@")[2]}
    request = httpx2.Request(
        "POST", _addressed(url, place), content=webhook.body, headers=headers,
        # The connect limit is the library's: cancelled from outside, a TLS handshake leaks its socket.
        extensions={"sni_hostname": place.host, "trace": trace, "timeout": {"connect": webhook.timeout}},
    )  # fmt: skip
    try:
        async with limit:
            response = await transport.handle_async_request(request)
            try:
                if webhook.echo:
                    await _read_echo(response)
            finally:
                await response.aclose()
    except httpx2.ConnectError as error:
        if problem := distrust(error, place.host):
            return Outcome(None, problem)
        raise
    except httpx2.ConnectTimeout:
        return Outcome(None, f"no connection within {webhook.timeout:g} s")
    except TimeoutError:
        return Outcome(None, f"no answer within {webhook.timeout:g} s")
    return response


@contextmanager
def _refusing(place: Destination) -> Generator[Destination]:
    """A destination that refuses every connection: a port that is bound, and on which nothing listens."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield replace(place, address=LOOPBACK, port=bound.getsockname()[1])


def _addressed(url: str, place: Destination) -> str:
    """The URL with its host replaced by the address that was checked; path and query are unchanged."""
    address = f"[{place.address}]" if ":" in place.address else place.address
    return urlsplit(url)._replace(netloc=f"{address}:{place.port}", fragment="").geturl()


async def _read_echo(response: httpx2.Response) -> None:
    body = bytearray()
    async for chunk in response.aiter_raw():  # raw: no coding was accepted, and decompression has no bound
        body += chunk
        if len(body) > ECHO_LIMIT:
            break
    response.extensions["echo"] = bytes(body)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _outcome(response: httpx2.Response, webhook: WebhookRequest) -> Outcome:
    status = response.status_code
    if not 200 <= status < 300:
        return Outcome(status, f"answered {status}")
    if webhook.echo and not _echoes(response.extensions.get("echo", b""), webhook.body):
        return Outcome(None, f"answered {status} without the challenge", final=True)
    return Outcome(status)


def _echoes(answer: bytes, body: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=_Challenge) == msgspec.json.decode(body, type=_Challenge)
    except msgspec.DecodeError:
        return False
