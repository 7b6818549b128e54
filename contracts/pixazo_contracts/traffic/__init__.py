"""Traffic that others began: what an app's requests in passing are evidence for, and the proxy that they pass."""

from __future__ import annotations

from .classify import Classified, classify, key_of
from .proxy import Proxy, ProxyOptions, default_keep_host
from .tape import Tape

__all__ = ["Classified", "Proxy", "ProxyOptions", "Tape", "classify", "default_keep_host", "key_of"]
