"""Writes what the vendor's page says of each point of the policy, for the console and for the contracts, which share no file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.report.terminal import quotations
from pixazo_simulator.spec import rows

ROOT = Path(__file__).parents[1]
FILES = (
    ROOT / "simulator" / "pixazo_simulator" / "server" / "console" / "quotations.json",
    ROOT / "contracts" / "pixazo_contracts" / "pages" / "data" / "policy.json",
)
MOST = 3
"""Quotations of one point."""


def clauses(text: str) -> Iterator[str]:
    """The ids that a cell of the policy table names, such as `SUBMIT-06..09`."""
    for first, last in re.findall(r"([A-Z0-9-]+-\d+)(?:\.\.(\d+))?", text):
        stem, number = first.rsplit("-", 1)
        for each in range(int(number), int(last or number) + 1):
            yield f"{stem}-{each:0{len(number)}}"


def said(text: str) -> list[tuple[str, str]]:
    """Heading and words of what the page says of these clauses; samples are left out."""
    found = (quote for each in clauses(text) if each in BY_ID for quote in quotations(BY_ID[each]))
    return [*dict.fromkeys((heading, words) for heading, words, is_sample in found if not is_sample)][:MOST]


def text() -> str:
    """A JSON object: field -> list of [heading, words]."""
    lines = [
        f"{json.dumps(row.field)}: {json.dumps(quoted, ensure_ascii=False)}"
        for row in rows()
        if (quoted := said(row.clauses))
    ]
    return "{" + ",\n".join(lines) + "}\n"


if __name__ == "__main__":
    for file in FILES:
        file.write_text(text(), encoding="utf-8")
