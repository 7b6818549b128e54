"""Judges a trace: verdicts, expectations, baseline, exit code, the result, and the differences of two results."""

from .comparison import CLASSES, Change, Comparison, ComparisonDocument, compare
from .evaluation import ExitCode, Terms, evaluate, read_terms, selection
from .result import (
    InvalidResultError,
    Result,
    ResultDocument,
    Timeline,
    build,
    curl_line,
    key_variable,
    load_result,
    shell_word,
    to_json,
    to_ndjson,
)
from .verdict import JUDGED, Finding, Outcome, Verdict, judge

__all__ = [
    "CLASSES", "JUDGED", "Change", "Comparison", "ComparisonDocument", "ExitCode", "Finding", "InvalidResultError", "Outcome", "Result", "ResultDocument", "Terms", "Timeline", "Verdict",
    "build", "compare", "curl_line", "evaluate", "judge", "key_variable", "load_result", "read_terms", "selection", "shell_word", "to_json", "to_ndjson",
]  # fmt: skip
