"""The common text of findings or observations, without parts that differ from one request or run to the next."""

from __future__ import annotations

import re
from typing import Final

#: A request id, a UUID, or another machine-made word: long, with a digit in it.
TOKEN: Final = re.compile(r"minimax-hailuo-ai_[\w-]+|\b(?=[\w-]*\d)[\w-]{16,}")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
#: A span of time, a number of bytes, the number of a record.
AMOUNT: Final = re.compile(r"(?<![\d.])-?\d+(\.\d+)?( s| bytes)\b|(?<=exchange )\d+|(?<=callback )\d+")


def neutral(text: str) -> str:
    """A text in which ids, instants, spans of time and numbers of records are placeholders."""
    ids: dict[str, str] = {}

    def reference(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], f"<id:{len(ids) + 1}>")

    return TOKEN.sub(reference, AMOUNT.sub("<number>", INSTANT.sub("<instant>", text)))
