"""The vendor's side of the wire, without I/O: a request in, a response and its effects out; media and their videos."""

from __future__ import annotations

from .exchange import Request, Response, framed
from .gateway import Gateway, RoutedRequest, sent_key
from .media import serve_media
from .traffic import BOUNDS, TIMED, Traffic

__all__ = [
    "BOUNDS", "TIMED", "Gateway", "Request", "Response", "RoutedRequest", "Traffic", "framed", "sent_key", "serve_media",
]  # fmt: skip
