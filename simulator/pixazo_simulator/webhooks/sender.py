"""Posts one callback over HTTP and tells what became of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import msgspec

from .egress import Blocked, Destination, LookUps, destination

if TYPE_CHECKING:
    import httpx2


USER_AGENT = "pixazo-sim"
"""Of every callback. Our own routes refuse it, so that no receiver leads a callback to them."""
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "connection": "close", "user-agent": USER_AGENT}
LOOPBACK = "127.0.0.1"
MOST_REDIRECTS = 3
ECHO_LIMIT = 64 * 1024
"""Bytes of an answer that are read when an echo is expected; otherwise only its status is."""


class _Challenge(msgspec.Struct):
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What to post and where; `echo` asks for an answer that repeats the body's challenge.

    `timeout` is how many real seconds a receiver has to take a connection, to agree on TLS, and to answer.
    `refused` sends it to a port on which nobody listens, as if the receiver were down.
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
    """The status that the receiver answered, or the problem; `final` when no repetition can help."""

    status: int | None
    problem: str | None = None
    final: bool = False


class Postman:
    """Posts over bare transports: a client would follow the environment, keep cookies and log URLs that may hold keys.

    Each parcel has a connection of its own, so that nobody waits for another's. One that were kept would fill a receiver that
    serves one connection at a time, and would be closed by the receiver just when it is used again.
    """

    def __init__(self) -> None:
        self._look_ups = LookUps()
        self._transports: dict[bool, httpx2.AsyncHTTPTransport] = {}
        self._making = asyncio.Lock()

    async def post(self, parcel: Parcel) -> Outcome:
        """Post a parcel; whatever goes wrong is an outcome, nothing is raised."""
        try:
            return await self._deliver(parcel)
        except Exception as error:
            import httpx2

            # ValueError: a redirect may name what is no URL.
            if not isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)):
                raise
            return Outcome(None, _told(error))

    async def _deliver(self, parcel: Parcel) -> Outcome:
        url = parcel.url
        for _ in range(1 + MOST_REDIRECTS):
            place = await destination(url, parcel.allowed, self._look_ups)
            if isinstance(place, Blocked):
                return Outcome(None, f"not sent: {place.problem}", final=place.final)
            try:
                transport = await self._transport(secure=urlsplit(url).scheme == "https")
            except Exception as error:  # noqa: BLE001  # whatever it is, the receiver has no part in it
                return Outcome(None, f"not sent: {_told(error)}")
            with _nobody(place) if parcel.refused else nullcontext(place) as address:
                answer = await _send(transport, url, address, parcel)
            if isinstance(answer, Outcome):
                return answer
            if not (parcel.follow and answer.has_redirect_location):
                return _judged(answer, parcel)
            url = urljoin(url, answer.headers["location"])
        return Outcome(None, f"more than {MOST_REDIRECTS} redirects")

    async def _transport(self, *, secure: bool) -> httpx2.AsyncHTTPTransport:
        """The transport for https or http, made when it is needed: only an https callback pays for a TLS context.

        It is made in a thread, since it takes the time of some hundred callbacks.
        """
        async with self._making:
            if secure not in self._transports:
                self._transports[secure] = await asyncio.to_thread(_transport, secure=secure)
        return self._transports[secure]

    async def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


def _transport(*, secure: bool) -> httpx2.AsyncHTTPTransport:
    import anyio
    import httpx2

    anyio.run(anyio.sleep, 0)  # imports what the first connection would import on the loop
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx2.AsyncHTTPTransport(verify=secure, trust_env=False, limits=limits)


async def _send(
    transport: httpx2.AsyncHTTPTransport, url: str, place: Destination, parcel: Parcel
) -> httpx2.Response | Outcome:
    """What the receiver answers, or that it took no connection, or gave no answer, in its time."""
    import httpx2

    limit = asyncio.timeout(None)

    async def trace(event: str, _: object) -> None:
        if event == "http11.send_request_headers.started":
            limit.reschedule(asyncio.get_running_loop().time() + parcel.timeout)

    headers = _HEADERS | parcel.headers | {"host": urlsplit(url).netloc.rpartition("@")[2]}
    request = httpx2.Request(
        "POST", _addressed(url, place), content=parcel.body, headers=headers,
        # The library ends a handshake by its own limit only without a leak.
        extensions={"sni_hostname": place.host, "trace": trace, "timeout": {"connect": parcel.timeout}},
    )  # fmt: skip
    try:
        async with limit:
            answer = await transport.handle_async_request(request)
            try:
                if parcel.echo:
                    await _read_some(answer)
            finally:
                await answer.aclose()
    except httpx2.ConnectTimeout:
        return Outcome(None, f"no connection within {parcel.timeout:g} s")
    except TimeoutError:
        return Outcome(None, f"no answer within {parcel.timeout:g} s")
    return answer


@contextmanager
def _nobody(place: Destination) -> Generator[Destination]:
    """A place where a port is taken and nobody listens, so that every connection is refused."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield replace(place, address=LOOPBACK, port=taken.getsockname()[1])


def _addressed(url: str, place: Destination) -> str:
    """The URL with the host replaced by the address that was checked, path and query kept to the letter."""
    address = f"[{place.address}]" if ":" in place.address else place.address
    parts = urlsplit(url)
    return parts._replace(netloc=f"{address}:{place.port}", fragment="").geturl()


async def _read_some(answer: httpx2.Response) -> None:
    taken = bytearray()
    async for chunk in answer.aiter_raw():  # no coding was accepted, and a small one may unfold without bound
        taken += chunk
        if len(taken) > ECHO_LIMIT:
            break
    answer.extensions["echo"] = bytes(taken)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _judged(answer: httpx2.Response, parcel: Parcel) -> Outcome:
    status = answer.status_code
    if not 200 <= status < 300:
        return Outcome(status, f"answered {status}")
    if parcel.echo and not _echoes(answer.extensions.get("echo", b""), parcel.body):
        return Outcome(None, f"answered {status} without the challenge", final=True)
    return Outcome(status)


def _echoes(answer: bytes, body: bytes) -> bool:
    try:
        return msgspec.json.decode(answer, type=_Challenge) == msgspec.json.decode(body, type=_Challenge)
    except msgspec.DecodeError:
        return False
