"""Redirects calls to the vendor's hard-coded hosts to a simulator, or refuses them, in this process and in child processes.

Except for the control client within `redirect()`, it imports only the standard library and itself, by relative names: `preload/`
loads this folder as `_pixazo_redirect` into processes whose Python may have no package of ours.
"""

from .context import (
    HOSTS,
    MEDIA_HOSTS,
    REDIRECT_CA,
    REDIRECT_HOSTS,
    REDIRECT_PORT,
    RedirectionError,
    media_hosts,
    offline,
    redirect,
)
from .host_guard import GUARD_VARIABLE, Ban, guard_of, remove_variables
from .proxy import HTTPS, Decide, Forward, Proxy, ProxyRequest, Relay, Tunnel, Upstream, is_loopback, normalized
from .routing import Redirection, misuse

__all__ = [
    "GUARD_VARIABLE", "HOSTS", "HTTPS", "MEDIA_HOSTS", "REDIRECT_CA", "REDIRECT_HOSTS", "REDIRECT_PORT", "Ban", "Decide",
    "Forward", "Proxy", "ProxyRequest", "Redirection", "RedirectionError", "Relay", "Tunnel", "Upstream", "guard_of",
    "is_loopback", "media_hosts", "misuse", "normalized", "offline", "redirect", "remove_variables",
]  # fmt: skip
