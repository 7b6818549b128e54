"""Leads calls to the vendor's hard-coded hosts to a simulator, or refuses them, in this process and in child processes.

All but `context` imports nothing beside the standard library and its own neighbours, by relative names: `preload/` loads this folder
alone into processes whose Python may know no package of ours. So names are imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .child import DOOR_CA, DOOR_HOSTS, DOOR_PORT, is_loopback, offline
    from .context import HOSTS, MEDIA_HOSTS, RedirectionError, redirect
    from .guard import VARIABLE, Ban, forget, guard_of
    from .proxy import Decide, Forward, Proxy, Refuse, Tunnel, Wish
    from .routing import HTTPS, misuse, plain

__all__ = [
    "DOOR_CA", "DOOR_HOSTS", "DOOR_PORT", "HOSTS", "HTTPS", "MEDIA_HOSTS", "VARIABLE", "Ban", "Decide", "Forward", "Proxy",
    "RedirectionError", "Refuse", "Tunnel", "Wish", "forget", "guard_of", "is_loopback", "misuse", "offline", "plain", "redirect",
]  # fmt: skip

_NAMES = {
    "child": "DOOR_CA DOOR_HOSTS DOOR_PORT is_loopback offline",
    "context": "HOSTS MEDIA_HOSTS RedirectionError redirect",
    "guard": "VARIABLE Ban forget guard_of",
    "proxy": "Decide Forward Proxy Refuse Tunnel Wish",
    "routing": "HTTPS misuse plain",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
