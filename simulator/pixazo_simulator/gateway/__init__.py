"""The vendor's side of the wire, without I/O: a request in, a response and its effects out; media and their videos."""

from __future__ import annotations

from .exchange import Request, Response, framed
from .gateway import Gateway, RoutedRequest, sent_key
from .media import serve_media

__all__ = ["Gateway", "Request", "Response", "RoutedRequest", "framed", "sent_key", "serve_media"]
