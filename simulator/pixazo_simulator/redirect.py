"""Code in this process with the vendor's host hard-coded reaches a simulator."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from .detour import Detour, plain
from .hooks import Hooks
from .wire import KEY_HEADER

__all__ = ["HOSTS", "MEDIA_HOSTS", "RedirectionError", "redirect"]

HOSTS = ("gateway.pixazo.ai",)
"""The vendor's host, as the page prints it."""
MEDIA_HOSTS = ("pub-582b7213209642b9b995c96c95a30381.r2.dev",)
"""The host of media, as the page prints it in an example."""
TIMEOUT = 10.0
"""Seconds that the simulator has to open or to close a door."""

_ALONE = threading.Lock()


class RedirectionError(Exception):
    """A redirection cannot begin; the message names the remedy."""


@contextmanager
def redirect(
    url: str, api_key: str, *, hosts: Sequence[str] = HOSTS, media_hosts: Sequence[str] = MEDIA_HOSTS
) -> Generator[Detour]:
    """Lead the calls of this process to `https://HOST` into the world of `api_key` on the simulator at `url`.

    It holds in all threads, for clients made before, and past the proxies that the environment names. TLS is verified as ever,
    against the simulator's own authority; whatever key a caller sends is taken for that of the world. Other uses of the
    hosts fail, and are told in `violations` of what is given. Processes started meanwhile are not redirected: that
    is what `pixazo-sim exec` is for.
    Raises RedirectionError when the simulator opens no door, or while another redirection holds.
    """
    if not _ALONE.acquire(blocking=False):
        raise RedirectionError(
            "another redirection holds in this process, and a host leads into one world: end it first"
        )
    try:
        names = tuple(dict.fromkeys(plain(host) for host in (*hosts, *media_hosts)))
        with (
            _door(url, api_key, names) as (port, ca_pem),
            closing(Detour(names, ("127.0.0.1", port))) as route,
            Hooks(route, ca_pem),
        ):
            yield route
    finally:
        _ALONE.release()


@contextmanager
def _door(url: str, api_key: str, hosts: Sequence[str]) -> Generator[tuple[int, str]]:
    """A door of the simulator: its port, and the certificate of its authority."""
    told = _control(url, api_key, "POST", "/_sim/doors", {"hosts": hosts})
    try:
        yield told["port"], told["ca_pem"]
    finally:
        _control(url, api_key, "DELETE", f"/_sim/doors/{told['door']}", {})


def _control(url: str, api_key: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask our own routes of the simulator, past any proxy."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
    with closing(connection):
        try:
            connection.request(method, path, json.dumps(body), {KEY_HEADER: api_key})
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RedirectionError(f"no simulator answers at {url}: {error}; start one, and name its URL") from None
    if answer.status >= http.client.BAD_REQUEST:
        raise RedirectionError(f"the simulator at {url} refused {method} {path}: {told.get('message')}")
    return told
