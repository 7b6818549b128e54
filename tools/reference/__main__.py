"""Writes the generated pages, docs/reference/NAME.md, and docs/llms.txt: `python -m tools.reference`, with a folder instead of docs/ if one is given."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

from tools.contents import DOCS, SITE_URL, contents

from . import attributes, clauses, client, commands, faults, plugin, policy, routes, shipped

_MODULES = (attributes, clauses, client, commands, faults, plugin, policy, routes, shipped)
PAGES = {each.__name__.rpartition(".")[2]: each.page for each in _MODULES} | {"documents": routes.documents_page}


def llms() -> str:
    """The list of all pages for programs that read them, as llmstxt.org has it."""
    about = "Test software against Pixazo's MiniMax Hailuo video API without the API: a simulator, pytest fixtures, a client, contract tests. Unofficial."
    parts = [f"# pixazo-testkit\n\n> {about}\n\nAll of it in one file: {SITE_URL}llms-full.txt\n"]
    for section, entries in groupby(contents(), lambda entry: entry.section):
        lines = (f"- [{entry.title}]({SITE_URL}{entry.place}): {entry.about}" for entry in entries)
        parts.append("\n".join([f"\n## {section}\n", *lines, ""]))
    return "".join(parts)


def main(docs: Path = DOCS) -> None:
    """Write all of them."""
    for name, page in PAGES.items():
        text = re.sub(r"\n{3,}", "\n\n", page()).strip()
        (docs / "reference" / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")
    (docs / "llms.txt").write_text(llms(), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
