"""Reports: a result as text for a terminal, as JUnit XML, as one HTML page, and for GitHub Actions; each is a pure function."""

from .alarm import ContractBrokenError, ContractDriftWarning, objection, raise_alarm
from .github import GitHub, changes_github, result_github
from .html import render_html
from .junit import render_junit
from .pages import PageDiffDocument, PageDocument, page_github, page_json, render_page, render_page_changes
from .terminal import render_changes, render_plan, render_terminal, spending, verdict_lines

__all__ = [
    "ContractBrokenError", "ContractDriftWarning", "GitHub", "PageDiffDocument", "PageDocument", "changes_github", "objection", "page_github", "page_json", "raise_alarm", "render_changes", "render_html",
    "render_junit", "render_page", "render_page_changes", "render_plan", "render_terminal", "result_github", "spending", "verdict_lines",
]  # fmt: skip
