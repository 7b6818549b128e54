"""A Python process that `pixazo-sim exec` started: the hosts reach its TLS listener, and no other host is reached."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .patches import Patches
from .proxy import Address
from .routing import Route, normalized

REDIRECT_PORT = "PIXAZO_REDIRECT_PORT"
REDIRECT_HOSTS = "PIXAZO_REDIRECT_HOSTS"
REDIRECT_CA = "PIXAZO_REDIRECT_CA"
"""Variables by which `exec` describes its TLS listener to its child processes: port, hosts, and the file of its authority (PEM).

They are our own because programs and wrappers change SSL_CERT_FILE and the like as they please.
"""


def begin() -> None:
    """Redirect this process as its environment says, until it ends; `preload/redirect/sitecustomize.py` calls it before the program.

    Raises whatever prevents that, such as KeyError for a missing variable.
    """
    route = _ChildRoute(os.environ[REDIRECT_HOSTS].split(","), ("127.0.0.1", int(os.environ[REDIRECT_PORT])))
    Patches(route, Path(os.environ[REDIRECT_CA]).read_text(encoding="ascii")).__enter__()


def offline(name: str, port: int, hosts: Sequence[str]) -> str:
    """Why another host is refused."""
    return f"{name} port {port} was refused: pixazo-sim exec is offline but for {', '.join(hosts)} and this machine"


def is_loopback(host: object) -> bool:
    """Whether a host, by name or by address, is this machine."""
    name = normalized(host)
    try:
        return ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        return name in ("", "localhost") or name.endswith(".localhost")


class _ChildRoute(Route):
    """Allows the listener and this machine only; a proxy in the environment is that of `exec`, which redirects by itself."""

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
