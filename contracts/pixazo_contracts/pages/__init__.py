"""The vendor's page read by a program: what it says as values, what changed between two versions, a model file drafted from it."""

from __future__ import annotations

from importlib.resources import files

from .comparison import Change, compare_pages
from .drafting import draft_model
from .page import InvalidPageError, Operation, Page, Parameter
from .reader import read_page

__all__ = [
    "Change", "InvalidPageError", "Operation", "Page", "Parameter", "compare_pages", "draft_model", "own_page", "read_page",
]  # fmt: skip


def own_page() -> str:
    """The Markdown of the page that this version was built on."""
    return files(__name__).joinpath("data/hailuo.md").read_text(encoding="utf-8")
