"""The vendor's template: which headings and columns of tables a page has."""

from __future__ import annotations

import re
from typing import Final

#: The headings of the template. Copies of a rendered page have some of them as plain lines; Chatterbox has two names for the sample.
TITLES: Final = (
    "base url", "authentication", "request code", "output", "webhook", "request parameters", "example request", "response",
    "request headers", "response handling", "error responses", "queue system errors", "error via status/webhook",
    "retrieving results", "endpoint", "curl example", "response (completed)", "response fields", "status values", "status flow",
    "typical workflow", "pricing",
)  # fmt: skip
_ALIASES: Final = {
    "webhook (optional)": "webhook", "headers": "request headers", "request body": "example request", "parameters": "request parameters",
    "minimum request": "example request", "full request (all options)": "example request",
}  # fmt: skip
#: Names of columns, as written: a parameter `status` is not one.
COLUMNS: Final = frozenset({
    "Header", "Type", "Required", "Description", "Parameter", "Default", "Value", "Code", "Meaning", "Field", "Status",
    "Resolution", "Duration", "Price (USD)", "Price",
})  # fmt: skip


#: What a table is about, by its columns; and the columns that a list has in place of a table.
TABLES: Final = {
    ("parameter", "type", "required", "description"): "request parameters",
    ("header", "type", "required", "description"): "authentication",
    ("header", "value"): "request headers",
    ("code", "meaning"): "response handling",
    ("field", "type", "description"): "response fields",
    ("status", "description"): "status values",
    ("resolution", "price"): "pricing",
}  # fmt: skip


_YES: Final = frozenset({"yes", "true", "required", "mandatory", "y", "✓", "✔", "✅", "☑"})
_NO: Final = frozenset({"no", "false", "optional", "n", "✗", "✘", "✕", "❌", "☐"})


def is_required(cell: str) -> bool | None:
    """What a cell of the column `Required` says; None if it is neither yes nor no."""
    plain = cell.strip(" *`\ufe0f").casefold()
    return True if plain in _YES else False if plain in _NO else None


def kind_of(title: str) -> str:
    """The heading of the template that this is, or an empty string: `Request Parameters - Generate Video Request` is `request parameters`."""
    plain = re.sub(r"\s+", " ", title.strip().rstrip(":").casefold())
    plain = _ALIASES.get(plain, plain)
    if plain in TITLES:
        return plain
    if plain.startswith("request parameters"):
        return "request parameters"
    return "pricing" if plain.endswith(" pricing") else ""
