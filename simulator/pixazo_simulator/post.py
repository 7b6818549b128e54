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

from .egress import Blocked, Destination, destination

if TYPE_CHECKING:
    import httpx2

__all__ = ["Outcome", "Parcel", "Postman"]

_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "pixazo-sim"}
LOOPBACK = "127.0.0.1"
MOST_REDIRECTS = 3
ECHO_LIMIT = 64 * 1024
"""Bytes of an answer that are read when an echo is expected; otherwise only its status is."""


class _Challenge(msgspec.Struct):
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What to post and where; `timeout` is in real seconds; `echo` asks for an answer that repeats the body's challenge.

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
    """Posts over bare transports: a client would follow the environment, keep cookies and log URLs that may hold keys."""

    def __init__(self) -> None:
        self._transports: dict[bool, httpx2.AsyncHTTPTransport] = {}

    async def post(self, parcel: Parcel) -> Outcome:
        """Post a parcel; whatever goes wrong is an outcome, nothing is raised."""
        import httpx2

        try:
            async with asyncio.timeout(parcel.timeout):
                return await self._deliver(parcel)
        except TimeoutError:
            return Outcome(None, f"no answer within {parcel.timeout:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            # ValueError: a redirect may name what is no URL.
            return Outcome(None, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    async def _deliver(self, parcel: Parcel) -> Outcome:
        url = parcel.url
        for _ in range(1 + MOST_REDIRECTS):
            place = await destination(url, parcel.allowed)
            if isinstance(place, Blocked):
                return Outcome(None, place.problem, final=True)
            with _nobody(place) if parcel.refused else nullcontext(place) as address:
                answer = await self._send(url, address, parcel)
            if not (parcel.follow and answer.has_redirect_location):
                return _judged(answer, parcel)
            url = urljoin(url, answer.headers["location"])
        return Outcome(None, f"more than {MOST_REDIRECTS} redirects")

    async def _send(self, url: str, place: Destination, parcel: Parcel) -> httpx2.Response:
        import httpx2

        parts = urlsplit(url)
        headers = _HEADERS | parcel.headers | {"host": parts.netloc.rpartition("@")[2]}
        request = httpx2.Request(
            "POST", _addressed(url, place), content=parcel.body, headers=headers,
            extensions={"sni_hostname": place.host},
        )  # fmt: skip
        answer = await self._transport(secure=parts.scheme == "https").handle_async_request(request)
        try:
            if parcel.echo:
                await _read_some(answer)
        finally:
            await answer.aclose()
        return answer

    def _transport(self, *, secure: bool) -> httpx2.AsyncHTTPTransport:
        """The transport for https or http, made when it is needed: only an https callback pays for a TLS context."""
        import httpx2

        if secure not in self._transports:
            self._transports[secure] = httpx2.AsyncHTTPTransport(verify=secure, trust_env=False)
        return self._transports[secure]

    async def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


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
    async for chunk in answer.aiter_bytes():
        taken += chunk
        if len(taken) > ECHO_LIMIT:
            break
    answer.extensions["echo"] = bytes(taken)


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
