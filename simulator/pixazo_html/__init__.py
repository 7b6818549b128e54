"""The appearance of pages and reports: escapes, one stylesheet, templates, static files, and what GitHub shows of a job."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .github import (
    Annotation,
    Level,
    folded_code,
    in_markdown,
    is_github,
    job_summary,
    markdown_table,
    workflow_commands,
)
from .texts import encode_json, visible

if TYPE_CHECKING:
    from .pages import STYLE, templates
    from .serving import CHANGED, HEADERS, is_from_our_page, static_routes

__all__ = [
    "CHANGED", "HEADERS", "STYLE", "Annotation", "Level", "encode_json", "folded_code", "in_markdown", "is_from_our_page",
    "is_github", "job_summary", "markdown_table", "static_routes", "templates", "visible", "workflow_commands",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Jinja2 and Starlette are imported with the first page: commands that print texts only do not wait for them."""
    if name in __all__:
        return getattr(import_module(".pages" if name in ("STYLE", "templates") else ".serving", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
