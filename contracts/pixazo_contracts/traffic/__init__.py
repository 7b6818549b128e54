"""Traffic that others began: what an app's requests in passing are evidence for."""

from __future__ import annotations

from .classify import Classified, classify, key_of

__all__ = ["Classified", "classify", "key_of"]
