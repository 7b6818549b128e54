"""Judges a trace: verdicts, expectations, baseline, exit code, the result, and the differences of two results."""

from __future__ import annotations

from .evaluation import Change, ExitCode, Terms, changes, evaluate, incomparable, read_terms, selection
from .result import (
    InvalidResultError,
    Result,
    Timeline,
    build,
    key_variable,
    load_result,
    shell_word,
    to_json,
    to_ndjson,
)
from .verdict import JUDGED, Finding, Outcome, Verdict, judge

__all__ = [
    "JUDGED", "Change", "ExitCode", "Finding", "InvalidResultError", "Outcome", "Result", "Terms", "Timeline", "Verdict", "build", "changes", "evaluate", "incomparable", "judge", "key_variable", "load_result", "read_terms", "selection", "shell_word", "to_json", "to_ndjson",
]  # fmt: skip
