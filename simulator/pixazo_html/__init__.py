"""The appearance of the console, the receiver and the contract report: escapes, one stylesheet, templates, and static files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .texts import encode_json, visible

if TYPE_CHECKING:
    from .pages import STYLE, templates
    from .serving import HEADERS, STATIC

__all__ = ["HEADERS", "STATIC", "STYLE", "encode_json", "templates", "visible"]

_HOMES = {"STYLE": ".pages", "templates": ".pages", "HEADERS": ".serving", "STATIC": ".serving"}


def __getattr__(name: str) -> object:
    """Jinja2 is imported with the first page: commands that print texts only do not wait for it."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
