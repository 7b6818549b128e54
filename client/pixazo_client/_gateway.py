"""One gateway seen with one key: its addresses, its headers, its secret."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ._errors import PixazoError
from ._redact import hide_data_urls, hide_key

if TYPE_CHECKING:
    from collections.abc import Mapping


DEFAULT_BASE_URL = "https://gateway.pixazo.ai"
KEY_HEADER = "Ocp-Apim-Subscription-Key"
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, token
_FRAMING = {"content-length", "transfer-encoding"}
LONGEST_URL = 8192


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where calls go, and as whom."""

    base_url: str
    api_key: str = field(repr=False)

    @classmethod
    def resolve(cls, api_key: str | None, base_url: str | None) -> Gateway:
        """The gateway that the arguments name, or else the environment, or else the vendor's.

        Raises:
            PixazoError: no key, an empty address, or a key or address that no request could carry.
        """
        key = os.environ.get("PIXAZO_API_KEY") if api_key is None else api_key
        if not key:
            raise PixazoError("no API key: pass api_key= or set PIXAZO_API_KEY")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise PixazoError("the API key has a space, a line break or a non-ASCII character: strip or copy it again")
        name = "PIXAZO_BASE_URL" if base_url is None else "base_url"
        address = os.environ.get(name, DEFAULT_BASE_URL) if base_url is None else base_url
        if not address:  # as an unset secret of a CI job: it must not lead to the gateway that charges
            remedy = f"give http(s)://host[:port], or leave it unset to call {DEFAULT_BASE_URL}"
            raise PixazoError(f"{name} is empty: {remedy}")
        address = address.rstrip("/")
        if _origin(address) is None or "?" in address or "#" in address:
            shown = address.rpartition("@")[2]
            raise PixazoError(f"{name} {shown!r} is not usable: give http(s)://host[:port] without user, query or #")
        return cls(address, key)

    def url(self, path: str) -> str:
        """The address of a path below base_url; never another origin, whatever the path says."""
        return f"{self.base_url}/{path.lstrip('/')}"

    def status_url(self, request_id: str) -> str:
        """The canonical address to read a Generation at (Retrieving Results)."""
        if request_id.strip(".") == "":
            raise PixazoError(f"request id {request_id!r} names no request: give the one the submission answered")
        return self.url(f"/v2/requests/status/{quote(request_id, safe='', errors='replace')}")

    def owns(self, url: str) -> bool:
        """Is this address on base_url's origin, so that the key may be shown to it?"""
        return _origin(url) == _origin(self.base_url)

    def headers(self, *layers: Mapping[Any, Any]) -> dict[str, str]:
        """The key under the documented header, no compression, and these headers; a later layer wins over an earlier one only.

        Raises:
            PixazoError: a name or a value that no header can have.
        """
        ours = {KEY_HEADER: self.api_key, "Accept-Encoding": "identity"}  # compressed data can grow a thousandfold
        if not layers:
            return ours
        merged: dict[str, tuple[str, str]] = {}
        for name, value in (pair for layer in layers for pair in layer.items()):
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower() in _FRAMING:
                raise PixazoError(f"{self.hide(repr(name))} cannot be sent as a header, nothing was sent: leave it out")
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                shown = self.hide(repr(value))
                raise PixazoError(f"header {name} cannot carry {shown}, nothing was sent: percent-encode it")
            merged[name.lower()] = (name, value)
        merged.update((name.lower(), (name, value)) for name, value in ours.items())
        return dict(merged.values())

    def hide(self, text: str) -> str:
        """The text without the key and without embedded images."""
        return hide_data_urls(hide_key(text, self.api_key))


def _origin(url: str) -> tuple[str, str, int] | None:
    # Two parsers must agree on the host, this one and the HTTP library's: refuse what they are known to read apart.
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port
