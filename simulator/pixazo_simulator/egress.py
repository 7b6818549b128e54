"""Decides where a callback may go: loopback, or a host that was allowed by name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Blocked", "Destination", "destination"]


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that was checked, and the host and port it was asked for by."""

    address: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why nothing is sent, and the remedy."""

    problem: str


async def destination(url: str, allowed: tuple[str, ...]) -> Destination | Blocked:
    """Resolve the host of `url` once and check every address found, so that no later answer of a resolver counts.

    A name that was not allowed is looked up only if it is `localhost` or below it: nothing leaves the machine.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    by_name = host in allowed
    local_name = host == "localhost" or host.endswith(".localhost")
    try:
        addresses = ["127.0.0.1"] if local_name else await _resolve(host, port, numeric=not by_name)
    except (OSError, UnicodeError) as error:  # a label may be empty or too long to be written in IDNA
        return Blocked(f"host {host} does not resolve: {error}" if by_name else _remedy(host))
    if not by_name and not all(_is_loopback(address) for address in addresses):
        return Blocked(_remedy(host))
    return Destination(addresses[0], host, port)


async def _resolve(host: str, port: int, *, numeric: bool) -> list[str]:
    flags = socket.AI_NUMERICHOST if numeric else 0
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [str(address[0]) for *_, address in found]


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _remedy(host: str) -> str:
    return f"host {host} is not loopback and was not allowed: start with --webhook-allow {host}, or set policy webhook_allow"
