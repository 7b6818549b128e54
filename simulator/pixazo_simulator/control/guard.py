"""Answers loopback names only, so that no web page reaches us by DNS rebinding or a request across sites."""

from __future__ import annotations

from pixazo_simulator.route import Refused

__all__ = ["guard"]

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_SHOWN = 80


def guard(host: str, origin: str | None) -> None:
    """Raise Refused unless Host, and Origin where there is one, are names of this machine."""
    if not _is_loopback_name(host):
        raise Refused(403, f"Host {host[:_SHOWN]!r} is not a loopback name: call /_sim as localhost or 127.0.0.1")
    if origin is not None and not _is_loopback_name(origin.partition("://")[2]):
        raise Refused(403, f"Origin {origin[:_SHOWN]!r} is not a loopback name: call /_sim from a page of this machine")


def _is_loopback_name(host: str) -> bool:
    name, _, port = host.lower().rpartition(":")
    return (name if port.isdigit() else host.lower()) in _LOOPBACK_NAMES
