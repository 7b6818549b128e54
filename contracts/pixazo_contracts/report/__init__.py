"""Reports: a result as a terminal matrix, JUnit XML, one HTML page; each a pure function."""

from __future__ import annotations

from .terminal import paid, render_changes, render_plan, told

__all__ = [
    "paid", "render_changes", "render_plan", "told",
]  # fmt: skip
