"""Reports: a result as text for a terminal, as JUnit XML, and as one HTML page; each is a pure function."""

from __future__ import annotations

from .alarm import ContractBrokenError, ContractDriftWarning, Objection, raise_alarm
from .html import render_html
from .junit import render_junit
from .pages import render_page, render_page_changes
from .terminal import render_changes, render_plan, render_terminal, spending, verdict_lines

__all__ = [
    "ContractBrokenError", "ContractDriftWarning", "Objection", "raise_alarm", "render_changes", "render_html",
    "render_junit", "render_page", "render_page_changes", "render_plan", "render_terminal", "spending", "verdict_lines",
]  # fmt: skip
