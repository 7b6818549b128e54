"""Rows as a table for people, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

MOST_LINES = 60
"""Lines of a table; of more, the first and the last are shown."""
LONGEST_REASON = 160
"""Characters of a reason, which may quote what the app sent."""


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows with aligned columns; the empty text for none."""
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    left_out = len(lines) - MOST_LINES
    if left_out > 0:
        half = MOST_LINES // 2
        lines[half : half + left_out] = [f"... {left_out} more ..."]
    return "\n".join(lines)


def time_of(instant: datetime) -> str:
    """The time of day to the millisecond, such as `10:00:15.000`."""
    return f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}"


def cut(text: str) -> str:
    """A text on one line, cut after 160 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."
