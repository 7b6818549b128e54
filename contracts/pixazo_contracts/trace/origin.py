"""The one form of a target's origin, however its URL is written, and which requests to it can only read."""

from __future__ import annotations

import ipaddress
import posixpath
import re
import socket
from typing import Final
from urllib.parse import unquote, urlsplit

from .target import MODEL_BASE, STATUS_BASE

#: The ports that a URL may leave out.
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

#: An IPv4 address in one of the forms that only `inet_aton` reads: `127.1`, `0x7f000001`, `2130706433`.
LEGACY_IPV4: Final = re.compile(r"[0-9][0-9a-fx.]*")

LOOPBACK: Final = "127.0.0.1"

#: Names of submit operations, in lower case: a path that ends in one is never taken for a medium.
OPERATIONS: Final = frozenset({"generate", "imagetovideo"})

#: What some servers drop from each segment of a path before they resolve `..`.
PARAMETERS: Final = re.compile(r";[^/]*")

#: How many times a path may be percent-encoded before it counts as an attempt to hide a submit.
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


def canonical_origin(url: str) -> str:
    """Scheme, host and port of a URL in their one form.

    In lower case, without a trailing dot or a default port, IDNA-encoded, IPv6 compressed; every name of this machine
    is `127.0.0.1`. Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    scheme, port = parts.scheme.lower(), parts.port
    if not parts.hostname:
        raise ValueError("it names no host")
    shown = "" if port is None or port == DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{_host(parts.hostname)}{shown}"


def _path(url: str) -> str | None:
    """A URL's path as the most lenient gateway might read it; None where it is percent-encoded too many times."""
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
    """Whether a request cannot begin a generation, however wrong the gateway at `origin` is.

    `media` says that the URL came from a `media_url`. A method or path that could be a submit never only reads.
    """
    try:
        path, elsewhere = _path(url), canonical_origin(url) != canonical_origin(origin)
    except ValueError:
        return False
    if method not in {"GET", "HEAD"} or path is None:
        return False
    lower = path.lower()
    if lower.startswith(f"{MODEL_BASE}/") or lower.rstrip("/").rpartition("/")[2] in OPERATIONS:
        return False
    return elsewhere or media or path.startswith(STATUS_BASE)
