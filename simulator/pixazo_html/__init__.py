"""How the console, the receiver and the contract report show things: texts made visible, one stylesheet, and what pages are made of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .texts import encode_json, visible

if TYPE_CHECKING:
    from .pages import STYLE, templates

__all__ = ["STYLE", "encode_json", "templates", "visible"]


def __getattr__(name: str) -> object:
    """Jinja2 is imported when a page is made: who shows texts only does not wait for it."""
    if name in ("STYLE", "templates"):
        return getattr(import_module(".pages", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
