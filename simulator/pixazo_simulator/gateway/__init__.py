"""The vendor's side of the wire, without I/O: a request in, a response and its effects out; media and their videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import Request, Response, RoutedRequest, framed
from .gateway import Gateway, sent_key
from .media import serve_media

if TYPE_CHECKING:
    from .description import gateway_document

__all__ = [
    "Gateway", "Request", "Response", "RoutedRequest", "framed", "gateway_document", "sent_key", "serve_media",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The description is loaded on demand: no request needs it."""
    if name != "gateway_document":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .description import gateway_document

    return gateway_document
