"""The key injector: the layer right above the network, so that no layer above it ever holds a key."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import KEY_HEADER, Target

from .transport import Reply, Transport

#: What the API-management product that uses this header calls the key in a query; the page does not offer that form.
QUERY_NAME: Final = "subscription-key"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class KeyInjector:
    """Adds the key of a request's account where its placement says; never to a request to another origin."""

    def __init__(self, inner: Transport, target: Target, run: str) -> None:
        self._inner = inner
        self._target = target
        # It looks like a real key, and belongs to no account.
        self._unknown = hashlib.sha256(f"nobody {run}".encode()).hexdigest()[:32]

    def _key(self, account: str) -> str:
        match account:
            case "blank":
                return ""
            case "unknown":
                return self._unknown
            case _:
                return self._target.account(account)

    def send(self, request: Send) -> Reply:
        """Send with the key in its place. Raises PermissionError for a request with a key to another origin."""
        if request.account == "":
            return self._inner.send(request)
        if _origin(request.url) != _origin(self._target.profile.origin):
            raise PermissionError(f"{request.url} is not at {self._target.profile.origin}: the key is not sent there")
        key = self._key(request.account)
        match request.placement:
            case "header":
                header = (KEY_HEADER, key)
            case "lower-case":
                header = (KEY_HEADER.lower(), key)
            case "upper-case":
                header = (KEY_HEADER.upper(), key)
            case "bearer":
                header = ("Authorization", f"Bearer {key}")
            case "query":
                joint = "&" if "?" in request.url else "?"
                return self._inner.send(replace(request, url=f"{request.url}{joint}{urlencode({QUERY_NAME: key})}"))
        return self._inner.send(replace(request, headers=(*request.headers, header)))
