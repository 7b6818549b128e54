"""The key injector: the lowest layer but the wire, so that no layer above ever holds a key."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from pixazo_contracts.trace import KEY_HEADER

if TYPE_CHECKING:
    from pixazo_contracts.probes import Send
    from pixazo_contracts.trace import Target

    from .transport import Reply, Transport


#: What the API-management product of that header calls the query form, which the page does not offer.
QUERY_NAME: Final = "subscription-key"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class KeyInjector:
    """Puts the key of a request's account where its placement says; never on a request to another origin."""

    def __init__(self, inner: Transport, target: Target, run: str) -> None:
        self._inner = inner
        self._target = target
        # Of the shape of a real key, and certainly nobody's.
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
        """Send with the key in its place."""
        if request.account == "":
            return self._inner.send(request)
        if _origin(request.url) != _origin(self._target.profile.origin):
            raise PermissionError(f"{request.url} is not at {self._target.profile.origin}: the key stays here")
        return self._inner.send(self._with_key(request, self._key(request.account)))

    @staticmethod
    def _with_key(request: Send, key: str) -> Send:
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
                return replace(request, url=f"{request.url}{joint}{urlencode({QUERY_NAME: key})}")
        return replace(request, headers=(*request.headers, header))
