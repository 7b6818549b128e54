"""Code with the vendor's host hard-coded reaches a simulator: in this process, or in a Python process that `pixazo-sim exec` started."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .patches import Patches
from .proxy import Address, is_loopback, normalized
from .routing import Redirection

HOSTS = ("gateway.pixazo.ai",)
"""The vendor's host, as the page prints it."""
MEDIA_HOSTS = ("pub-582b7213209642b9b995c96c95a30381.r2.dev",)
"""The host of media, as the page prints it in an example."""
REDIRECT_PORT = "PIXAZO_REDIRECT_PORT"
REDIRECT_HOSTS = "PIXAZO_REDIRECT_HOSTS"
REDIRECT_CA = "PIXAZO_REDIRECT_CA"
"""Port, hosts and authority (PEM file) of the TLS listener of `exec`, for its children: programs change SSL_CERT_FILE at will."""

_ACTIVE = threading.Lock()


class RedirectionError(Exception):
    """A redirection cannot begin; the message names the remedy."""


@contextmanager
def redirect(
    url: str,
    api_key: str,
    *,
    hosts: Sequence[str] = HOSTS,
    media_hosts: Sequence[str] = MEDIA_HOSTS,
    control_token: str | None = None,
) -> Generator[Redirection]:
    """Redirect this process's calls to `https://HOST` to the world of `api_key` on the simulator at `url`.

    This applies to all threads, to clients created before, and despite proxies in the environment. TLS is verified as usual,
    against the simulator's own authority; any key that a client sends is replaced by the key of the world. Every other use of the
    hosts fails and is listed in `violations` of the yielded redirection. Processes that start meanwhile are not redirected: use
    `pixazo-sim exec` for them. `control_token` is that of `--control-token`. Raises RedirectionError when the simulator opens no
    TLS listener, or while another redirection is active.
    """
    # Here, since a process that `exec` started may have nothing of ours except this folder.
    from pixazo_simulator.control import ControlClient, ControlError

    if not _ACTIVE.acquire(blocking=False):
        raise RedirectionError(
            "another redirection is active in this process, and a host reaches only one world: end it first"
        )
    try:
        names = tuple(dict.fromkeys(normalized(host) for host in (*hosts, *media_hosts)))
        control = ControlClient(url, api_key, control_token=control_token)
        try:
            listener = control.open_tls_listener(names)
        except ControlError as error:
            raise RedirectionError(f"the simulator opens no TLS listener: {error}") from None
        try:
            address = ("127.0.0.1", listener.port)
            with closing(Redirection(names, address)) as redirection, Patches(redirection, listener.ca_pem):
                yield redirection
        finally:
            with suppress(ControlError):  # a simulator or world that is gone has closed its listeners
                control.close_tls_listener(listener.number)
    finally:
        _ACTIVE.release()


def begin() -> None:
    """Redirect this process as its environment says, before its program runs; raises whatever prevents that, such as KeyError."""
    hosts, port = os.environ[REDIRECT_HOSTS].split(","), int(os.environ[REDIRECT_PORT])
    redirection = _ChildRedirection(hosts, ("127.0.0.1", port))
    Patches(redirection, Path(os.environ[REDIRECT_CA]).read_text(encoding="ascii")).__enter__()


def offline(name: str, port: int, hosts: Sequence[str]) -> str:
    """Why another host is refused."""
    return f"{name} port {port} was refused: pixazo-sim exec is offline except for {', '.join(hosts)} and this machine"


def media_hosts(origin: str) -> tuple[str, ...]:
    """The hosts of media to redirect where policy `media_origin` is `origin`: the printed one, and that of the policy."""
    host = urlsplit(origin).hostname
    return MEDIA_HOSTS if not host or is_loopback(host) else tuple(dict.fromkeys((*MEDIA_HOSTS, normalized(host))))


class _ChildRedirection(Redirection):
    """Allows only the listener and this machine; a proxy in the environment is that of `exec`, which redirects by itself."""

    def destination(self, host: object, port: object) -> Address | None:
        address = super().destination(host, port)
        if address is None and not is_loopback(host):
            raise self.refusal(offline(normalized(host), port if isinstance(port, int) else 0, sorted(self.hosts)))
        return address

    def is_redirected(self, peer: tuple[Any, ...] | None) -> bool:
        return peer is not None and is_loopback(peer[0])

    def refusal(self, violation: str) -> ConnectionRefusedError:
        if violation not in self.violations:
            sys.stderr.write(f"pixazo-sim: {violation}\n")
        return super().refusal(violation)

    def _known_proxies(self) -> set[Address]:
        return set()
