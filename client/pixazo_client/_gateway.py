"""One gateway and one key: URLs, headers, and the removal of secrets from text that is shown."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ._errors import PixazoError

DEFAULT_BASE_URL = "https://gateway.pixazo.ai"  # Base URL
MODEL_PATH = "/minimax-hailuo-ai/v1"
KEY_HEADER = "Ocp-Apim-Subscription-Key"  # Authentication

LONGEST_URL = 8192
LONGEST_READ = 20_000
LONGEST_SHOWN = 300
LONGEST_ID = 1000
"""Characters: of a URL, of a body that `shorten` looks at, of what it returns, of a request id."""

# Request Headers, by their names in lower case: letter case does not matter (RFC 9110, 5.1)
_SUBMIT_HEADERS = {"content-type": ("Content-Type", "application/json"), "cache-control": ("Cache-Control", "no-cache")}
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, 5.6.2: token
# These two decide where a body ends (RFC 9112, 6): a caller who sets them could smuggle a second request.
_FRAMING = {"content-length", "transfer-encoding"}
# Possessive and bounded quantifiers: hostile text must not make the search backtrack.
_DATA_URL = re.compile(r"(data:[\w.+/\\-]{0,100}(?:;[\w=.+-]{1,100}){0,5},)((?:\\/|[\w+/=%-]++)++)")
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class Secret(str):
    """A key, which reporters of errors that show local variables do not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def secret(key: Any) -> Any:
    """The key as a Secret; what is not text unchanged."""
    return Secret(key) if isinstance(key, str) else key


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway's base URL and the key to call it with."""

    base_url: str
    api_key: str = field(repr=False)

    @classmethod
    def resolve(cls, api_key: str | None, base_url: str | None) -> Gateway:
        """The gateway that the arguments name, or else the environment, or else the vendor's.

        Raises PixazoError for no key, an empty base URL, or a key or base URL that no request could carry.
        """
        key = secret(os.environ.get("PIXAZO_API_KEY") if api_key is None else api_key)
        name = "PIXAZO_BASE_URL" if base_url is None else "base_url"
        url = os.environ.get(name, DEFAULT_BASE_URL) if base_url is None else base_url
        if not key:
            raise PixazoError("no API key: pass api_key= or set PIXAZO_API_KEY")
        for given, value in (("api_key", key), ("base_url", url)):
            if not isinstance(value, str):
                raise PixazoError(f"{given} is of type {type(value).__name__}: give text")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise PixazoError("the API key has a space, a line break or a non-ASCII character: strip or copy it again")
        if not url:  # such as an unset secret of a CI job, which must not fall back to the gateway that charges
            remedy = f"give http(s)://host[:port], or leave it unset to call {DEFAULT_BASE_URL}"
            raise PixazoError(f"{name} is empty: {remedy}")
        url = url.rstrip("/").removesuffix(MODEL_PATH)  # with which the page prints it
        if _origin(url) is None or "?" in url or "#" in url:
            shown = re.split("[?#]", url.rpartition("@")[2])[0]  # without a password or a token
            raise PixazoError(f"{name} {shown!r} is not usable: give http(s)://host[:port] without user, query or #")
        return cls(url, key)

    def url(self, path: str) -> str:
        """The URL of a path below base_url; whatever the path is, the origin stays that of base_url."""
        return f"{self.base_url}/{path.lstrip('/')}"

    def status_url(self, request_id: str) -> str:
        """The documented URL to read a generation's status (Retrieving Results)."""
        if not is_id(request_id):
            shown = shorten(repr(request_id))
            raise PixazoError(f"request id {shown} names no request: give the one that the submission returned")
        return self.url(f"/v2/requests/status/{quote(request_id, safe='', errors='replace')}")

    def owns(self, url: str) -> bool:
        """Whether a URL has base_url's origin, so that the key may be sent to it, and base_url's path, if that has one."""
        prefix = _path(self.base_url).rstrip("/") + "/"
        return _origin(url) == _origin(self.base_url) and _path(url).startswith(prefix)

    def headers(self, *given: Mapping[Any, Any]) -> dict[str, str]:
        """The headers of a request with the key, and those of a submission if any are `given`, which override them.

        Raises PixazoError for a name or a value that no header can have.
        """
        # "identity" declines compression, which could make a small response expand a thousandfold.
        ours = {KEY_HEADER: self.api_key, "Accept-Encoding": "identity"}
        if not given:
            return ours
        merged = _SUBMIT_HEADERS.copy()
        for name, value in chain.from_iterable(headers.items() for headers in given):
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower() in _FRAMING:
                shown = self.hide(re.sub(":.+(?=.$)", ":", repr(name)))  # a value may have slipped in, such as a secret
                raise PixazoError(f"{shown} cannot be sent as a header, nothing was sent: leave it out")
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                flaw, remedy = f"a value of type {type(value).__name__}", "give text"
                if isinstance(value, str):  # which is not shown: it may be a secret
                    flaw, remedy = "a line break or another character that is not printable ASCII", "percent-encode it"
                raise PixazoError(f"header {name} cannot carry {flaw}, nothing was sent: {remedy}")
            merged[name.lower()] = (name, value)
        for name in ours:
            merged.pop(name.lower(), None)
        return dict(merged.values()) | ours

    def hide(self, text: str) -> str:
        """The text with the key and the payload of embedded images redacted."""
        return hide_data_urls(hide_key(text, self.api_key))


def is_id(value: object) -> bool:
    """Whether a value can be a request id in a path: "." and ".." are segments with a meaning there (RFC 3986, 5.2.4)."""
    return isinstance(value, str) and value.strip(".") != "" and len(value) <= LONGEST_ID


def _path(url: str) -> str:
    """The path to which a URL leads, after segments such as ".." and "%2e%2e" (RFC 3986, 6.2.2)."""
    return posixpath.normpath("/" + unquote(urlsplit(url).path).replace("\\", "/"))


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for a URL that this parser and the HTTP library's might read differently."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # as sockets do: a host such as "a..b" fails there
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port


def hide_key(text: str, key: str) -> str:
    """The text with `***` in place of the key, of which each character may be percent-encoded or escaped for JSON."""
    return _spellings(key).sub("***", text)


@lru_cache(8)
def _spellings(key: str) -> re.Pattern[str]:
    # Bounded: hostile text must not make the search backtrack.
    escaped = ((r"\\{0,9}" if c in '"/\\' else "") + re.escape(c) for c in key)
    each = (rf"(?:{one}|(?:%(?:25){{0,9}}|\\{{1,9}}u00)(?i:{ord(c):02x}))" for one, c in zip(escaped, key, strict=True))
    return re.compile("".join(each))


def hide_data_urls(text: str) -> str:
    """The text with the payload of every data URL replaced by its length in characters."""
    if "data:" not in text:
        return text
    return _DATA_URL.sub(lambda found: f"{found[1]}<{len(found[2])} characters>", text)


def shorten(text: str) -> str:
    """One line of at most LONGEST_SHOWN characters; of an HTML page only its visible text."""
    seen = hide_data_urls(text)[:LONGEST_READ].strip()
    if seen.startswith("<"):
        seen = _MARKUP.sub(" ", seen)
    line = " ".join(seen.split())
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"
