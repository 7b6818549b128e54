"""Where a target is, however its URL was written, and which requests to it can only read."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import socket
from typing import Final
from urllib.parse import unquote, urlsplit

from .target import MODEL_BASE, STATUS_BASE

#: The ports that a URL need not name.
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

#: An IPv4 address in one of the spellings that `inet_aton` knows: `127.1`, `0x7f000001`, `2130706433`.
LEGACY_IPV4: Final = re.compile(r"[0-9][0-9a-fx.]*")

LOOPBACK: Final = "127.0.0.1"

#: Names of submit operations, in lower case: no path that ends in one is taken for a medium.
OPERATIONS: Final = frozenset({"generate", "imagetovideo"})

#: What some servers drop from each segment of a path before they resolve `..`.
PARAMETERS: Final = re.compile(r";[^/]*")

#: How often a path may be percent-encoded before it is taken for an attempt to hide something.
MOST_DECODINGS: Final = 5


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        if not LEGACY_IPV4.fullmatch(host):
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _host(name: str) -> str:
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return LOOPBACK
    address = _address(name)
    if address is None:
        return name if name.isascii() else name.encode("idna").decode()
    if address.is_loopback or address.is_unspecified:
        return LOOPBACK
    return f"[{address.compressed}]" if address.version == 6 else str(address)


def place(url: str) -> str:
    """Scheme, host and port of a URL in the one spelling that stands for the place.

    Lower case, no trailing dot, IDNA, no default port, IPv6 compressed; every spelling of this machine is `127.0.0.1`.
    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    scheme, port = parts.scheme.lower(), parts.port
    if not parts.hostname:
        raise ValueError("it names no host")
    shown = "" if port is None or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{_host(parts.hostname)}{shown}"


def _path(url: str) -> str | None:
    """A URL's path as the most careless of gateways might understand it; None where that has no end."""
    path = urlsplit(url).path
    for _ in range(MOST_DECODINGS):
        decoded = unquote(path)
        if decoded == path:
            bare = PARAMETERS.sub("", decoded.replace("\\", "/"))
            flat = posixpath.normpath("/" + bare.lstrip("/"))
            return f"{flat}/" if bare.endswith("/") else flat
        path = decoded
    return None


def only_reads(method: str, url: str, origin: str, *, media: bool = False) -> bool:
    """Whether a request can begin nothing, however wrong the gateway at `origin` is."""
    try:
        path, elsewhere = _path(url), place(url) != place(origin)
    except ValueError:
        return False
    if method not in {"GET", "HEAD"} or path is None:
        return False
    lower = path.lower()
    if lower.startswith(f"{MODEL_BASE}/") or lower.rstrip("/").rpartition("/")[2] in OPERATIONS:
        return False
    return elsewhere or media or path.startswith(STATUS_BASE)
