"""The appearance of pages and reports: escapes, one stylesheet, templates, static files, and what GitHub shows of a job.

`pages` and `serving` are imported by their own names: commands that only print text need not wait for Jinja2 and Starlette.
"""

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

__all__ = [
    "Annotation", "Level", "encode_json", "folded_code", "in_markdown", "is_github", "job_summary", "markdown_table", "visible",
    "workflow_commands",
]  # fmt: skip
