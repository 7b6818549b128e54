"""Decides where a callback may go: loopback, or a host that was allowed by name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urlsplit

LOOK_UP_TIMEOUT = 5.0
"""Seconds that the system's resolver has to answer."""
MOST_LOOK_UPS = 64
"""Names that are looked up at once."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that was checked, and the host and port it was asked for by."""

    address: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why nothing is sent, and the remedy; `final` when no repetition can help."""

    problem: str
    final: bool = True


class LookUps:
    """Asks the system's resolver for the addresses of names.

    That cannot be interrupted and may take minutes. So each name has a thread of its own, which nobody waits for when the
    server stops; whoever asks for a name that is being looked up waits for the same answer.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[list[str] | Exception]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a name. Raises OSError when there are none, or not in time."""
        found = self._under_way.get(host)
        if found is None:
            if len(self._under_way) >= MOST_LOOK_UPS:
                raise OSError(f"{MOST_LOOK_UPS} other names are being looked up")
            found = self._under_way[host] = asyncio.get_running_loop().create_future()
            Thread(target=self._ask, args=(host, found), name=f"pixazo-sim look-up of {host}", daemon=True).start()
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT):
                answer = await asyncio.shield(found)
        except TimeoutError:
            raise OSError(f"the resolver did not answer within {LOOK_UP_TIMEOUT:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, host: str, found: asyncio.Future[list[str] | Exception]) -> None:
        answer: list[str] | Exception
        try:
            answer = _resolved(host)
        except (OSError, UnicodeError) as error:
            answer = error
        with suppress(RuntimeError):  # the loop is closed
            found.get_loop().call_soon_threadsafe(self._tell, host, found, answer)

    def _tell(self, host: str, found: asyncio.Future[list[str] | Exception], answer: list[str] | Exception) -> None:
        del self._under_way[host]
        found.set_result(answer)


def receiver(url: str) -> tuple[str, int]:
    """Host, in lower case, and port that a URL leads to. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


async def destination(url: str, allowed: tuple[str, ...], look_ups: LookUps) -> Destination | Blocked:
    """Resolve the host of `url` once and check every address found, so that no later answer of a resolver counts.

    A name that was not allowed is looked up only if it is `localhost` or below it: nothing leaves the machine.
    """
    host, port = receiver(url)
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https") or not host:
        return Blocked(
            f"a URL with scheme {scheme[:_SHOWN]!a} and host {host[:_SHOWN]!a} is no http or https URL of a receiver"
        )
    by_name = host in allowed
    try:
        addresses = await _addresses(host, look_ups if by_name else None)
    except (OSError, UnicodeError) as error:  # a label may be empty or too long to be written in IDNA
        if by_name:
            return Blocked(f"host {host} does not resolve: {error}", final=isinstance(error, UnicodeError))
        return Blocked(_remedy(host))
    if not by_name and not all(_is_loopback(address) for address in addresses):
        return Blocked(_remedy(host))
    return Destination(addresses[0], host, port)


async def _addresses(host: str, look_ups: LookUps | None) -> list[str]:
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1"]
    try:
        return _resolved(host, socket.AI_NUMERICHOST)  # a number is read, nobody is asked
    except OSError:
        if look_ups is None:
            raise
    return await look_ups.addresses(host)


def _resolved(host: str, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return [str(address[0]) for *_, address in found]


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _remedy(host: str) -> str:
    return f"host {host} is not loopback and was not allowed: start with --webhook-allow {host} or Settings(policy=...), in pytest set pixazo_webhook_allow"
