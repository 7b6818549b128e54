"""Decides where a webhook may go: to loopback, or to a host that was allowed by name."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Future
from functools import lru_cache
from threading import Thread
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator.spec import is_loopback_ip

LOOPBACK, OTHER_LOOPBACK = "127.0.0.1", "::1"
LOOK_UP_TIMEOUT = 5.0
"""Seconds within which the system's resolver must respond."""
_SHOWN = 80


class Destination(msgspec.Struct, frozen=True):
    """An address that was checked, and the host and port of the URL; `secure` says that it is https."""

    address: str
    host: str
    port: int
    secure: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """The status code that the receiver returned, or the problem; `final` when no retry can help, `late` when it did not respond in time."""

    status: int | None
    problem: str | None = None
    final: bool = False
    late: bool = False


class LookUps:
    """Looks up the addresses of names with the system's resolver.

    A look-up cannot be interrupted and may take minutes: each name, of which few are allowed, has a daemon thread of its own, and
    concurrent look-ups of it share the result.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, Future[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a name. Raises OSError when there are none, or not in time."""
        found = self._under_way.get(host)
        if found is None:
            found = self._under_way[host] = Future()
            found.set_running_or_notify_cancel()  # it goes on, though a caller gives up
            found.add_done_callback(lambda _: self._under_way.pop(host))  # before any caller gets the result
            Thread(target=self._ask, args=(host, found), name=f"pixazo-sim look-up of {host}", daemon=True).start()
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT):
                return await asyncio.wrap_future(found)
        except TimeoutError:
            raise OSError(f"the resolver did not respond within {LOOK_UP_TIMEOUT:g} s") from None

    def _ask(self, host: str, found: Future[list[str]]) -> None:
        try:
            found.set_result(_resolved(host))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)


@lru_cache(maxsize=1024)
def receiver(url: str) -> tuple[str, str, int]:
    """The scheme of a URL, its host in lower case, and its port. Raises ValueError when it is not a URL."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


async def destination(url: str, allowed: tuple[str, ...], look_ups: LookUps) -> Destination | Outcome:
    """Resolve the host of `url` once and check it; the connection goes to the first address. An outcome says why nothing is sent.

    A second look-up could give another address (DNS rebinding). A name that was not allowed leaves the machine in no query.
    """
    scheme, host, port = receiver(url)
    if scheme not in ("http", "https") or not host:
        what = f"a URL with scheme {scheme[:_SHOWN]!a} and host {host[:_SHOWN]!a}"
        return Outcome(None, f"not sent: {what} is not an http or https URL of a receiver", final=True)
    address = _known(host)
    if host not in allowed and not (address and is_loopback_ip(address)):
        remedy = f"start with --webhook-allow {host} or Settings(policy=...), in pytest set pixazo_webhook_allow"
        return Outcome(None, f"not sent: host {host} is not loopback and was not allowed: {remedy}", final=True)
    try:
        address = address or (await look_ups.addresses(host))[0]
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        return Outcome(None, f"not sent: host {host} does not resolve: {error}", final=isinstance(error, UnicodeError))
    return Destination(address, host, port, scheme == "https")


@lru_cache(maxsize=1024)
def _known(host: str) -> str | None:
    """The address of a host that is one, or always loopback (RFC 6761, 6.3); None for a name that a resolver must be asked about."""
    if is_localhost(host):
        return LOOPBACK
    try:
        return _resolved(host, socket.AI_NUMERICHOST)[0]
    except (OSError, UnicodeError):
        return None


def is_localhost(host: str) -> bool:
    """Whether a host is loopback by name, which means the addresses of both families."""
    return host == "localhost" or host.endswith(".localhost")


def _resolved(host: str, flags: int = 0) -> list[str]:
    """What the system's resolver says; with AI_NUMERICHOST it is not asked, an address is parsed."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return [str(address[0]) for *_, address in found]
