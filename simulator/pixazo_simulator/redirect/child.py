"""A process that `pixazo-sim exec` started: the hosts lead to its door, and nothing else leaves the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .patches import Hooks
from .proxy import Address
from .routing import Detour, plain

DOOR_PORT = "PIXAZO_DOOR_PORT"
DOOR_HOSTS = "PIXAZO_DOOR_HOSTS"
DOOR_CA = "PIXAZO_DOOR_CA"
"""Variables by which `exec` tells what it starts of its door: its port, its hosts, the file of its authority (PEM).

They are our own, since programs and their wrappers set SSL_CERT_FILE and its like as they please.
"""


def begin() -> None:
    """Lead this process as its environment says, until it ends: runs before the program, from `preload/sitecustomize.py`.

    Raises whatever keeps it from doing so.
    """
    route = _Captive(os.environ[DOOR_HOSTS].split(","), ("127.0.0.1", int(os.environ[DOOR_PORT])))
    Hooks(route, Path(os.environ[DOOR_CA]).read_text(encoding="ascii")).__enter__()


def offline(name: str, port: int, hosts: Sequence[str]) -> str:
    """Why another host cannot be reached."""
    return f"{name} port {port} was refused: pixazo-sim exec is offline but for {', '.join(hosts)} and this machine"


def is_loopback(host: object) -> bool:
    """Whether a host, by name or by address, is this machine."""
    name = plain(host)
    try:
        return ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        return name in ("", "localhost") or name.endswith(".localhost")


class _Captive(Detour):
    """Leads to the door or to this machine; a proxy of the environment is that of `exec`, which knows the way by itself."""

    def leads(self, host: object, port: object) -> Address | None:
        led = super().leads(host, port)
        if led is None and not is_loopback(host):
            raise self.refusal(offline(plain(host), port if isinstance(port, int) else 0, sorted(self.hosts)))
        return led

    def is_inside(self, peer: tuple[Any, ...] | None) -> bool:
        return peer is not None and is_loopback(peer[0])

    def refusal(self, violation: str) -> ConnectionRefusedError:
        if violation not in self.violations:
            sys.stderr.write(f"pixazo-sim: {violation}\n")
        return super().refusal(violation)

    def _known_proxies(self) -> set[Address]:
        return set()
