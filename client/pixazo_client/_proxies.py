"""The proxies that the environment names, as the routes of our own HTTP clients; one that cannot be used is told when it is needed."""

from __future__ import annotations

import os
import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, NoReturn
from urllib.request import getproxies

import httpx2

from ._errors import PixazoError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


_SCHEMED = re.compile(r"[A-Za-z][\w+.-]*://")


class Unusable(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Stands where a proxy that cannot be used would: whatever would go through it is refused before anything is sent."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def handle_request(self, request: httpx2.Request) -> NoReturn:
        """Refuse."""
        host = request.url.host
        raise PixazoError(
            f"{host} cannot be reached, nothing was sent: {self._problem}, add {host} to NO_PROXY, or pass http_client="
        )

    async def handle_async_request(self, request: httpx2.Request) -> NoReturn:
        """Refuse."""
        self.handle_request(request)


def routes(context: ssl.SSLContext) -> Mapping[str, str | Unusable | None]:
    """For patterns of URLs as HTTP clients mount them: the proxy's URL, or None where NO_PROXY says so."""
    named = getproxies()
    past = [entry.strip() for entry in named.get("no", "").split(",")]
    if "*" in past:
        return {}
    through = {f"{scheme}://": named[scheme] for scheme in ("http", "https", "all") if named.get(scheme)}
    if not through:
        return {}
    found: dict[str, str | Unusable | None] = {
        pattern: _usable(pattern[:-3], url if "://" in url else f"http://{url}", context)
        for pattern, url in through.items()
    }
    for pattern in filter(None, map(_pattern, past)):
        found[pattern] = None
    return found


def _usable(scheme: str, url: str, context: ssl.SSLContext) -> str | Unusable:
    try:
        httpx2.HTTPTransport(proxy=url, verify=context).close()
        if httpx2.URL(url).host:
            return url
        remedy = "name a host there"
    except ImportError:
        remedy = "pip install 'httpx2[socks]'"
    except (ValueError, httpx2.InvalidURL):
        remedy = "give http://host:port, or https:// or socks5:// in its place"
    name = next(filter(os.environ.get, (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")), "the system's proxy setting")
    return Unusable(f"the proxy {name}={_shown(url)} cannot be used: {remedy}")


def _shown(url: str) -> str:
    """The URL without user and password, which stand before its last @."""
    scheme = _SCHEMED.match(url)
    return (scheme[0] if scheme else "") + url[scheme.end() if scheme else 0 :].rpartition("@")[2]


def _pattern(entry: str) -> str | None:
    """The pattern of one NO_PROXY entry: a URL, an address, a network, or a domain, which covers what is below it."""
    pattern = f"all://{entry}" if entry.startswith(("*.", "[")) or entry.lower() == "localhost" else f"all://*{entry}"
    if "://" in entry:
        pattern = entry
    elif (network := _network(entry)) is not None:
        pattern = f"all://{network}"
    try:
        httpx2.Client(mounts={pattern: None}, transport=Unusable(""))
    except (ValueError, httpx2.InvalidURL):
        return None
    return pattern if entry else None


def _network(entry: str) -> str | None:
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return None
    address, _, bits = entry.partition("/")
    host = f"[{address}]" if network.version == 6 else address
    return f"{host}/{bits}" if bits else host
