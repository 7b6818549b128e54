"""Redirects calls to the vendor's hard-coded hosts to a simulator, or refuses them, in this process and in child processes.

Every module but `context` imports only the standard library and its neighbours, by relative names: `preload/` loads this folder on its
own, as `_pixazo_redirect`, into processes whose Python may have no package of ours. Names are therefore imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .child import REDIRECT_CA, REDIRECT_HOSTS, REDIRECT_PORT, is_loopback, offline
    from .context import HOSTS, MEDIA_HOSTS, RedirectionError, redirect
    from .host_guard import GUARD_VARIABLE, Ban, guard_of, remove_variables
    from .proxy import Decide, Forward, Proxy, ProxyRequest, Refuse, Tunnel
    from .routing import HTTPS, Route, misuse, normalized

__all__ = [
    "GUARD_VARIABLE", "HOSTS", "HTTPS", "MEDIA_HOSTS", "REDIRECT_CA", "REDIRECT_HOSTS", "REDIRECT_PORT", "Ban", "Decide", "Forward", "Proxy",
    "ProxyRequest", "RedirectionError", "Refuse", "Route", "Tunnel", "guard_of", "is_loopback", "misuse", "normalized", "offline",
    "redirect", "remove_variables",
]  # fmt: skip

_NAMES = {
    "child": "REDIRECT_CA REDIRECT_HOSTS REDIRECT_PORT is_loopback offline",
    "context": "HOSTS MEDIA_HOSTS RedirectionError redirect",
    "host_guard": "GUARD_VARIABLE Ban guard_of remove_variables",
    "proxy": "Decide Forward Proxy ProxyRequest Refuse Tunnel",
    "routing": "HTTPS Route misuse normalized",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
