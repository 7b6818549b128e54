"""docs/reference/clauses.md: what the page demands, clause by clause."""

from __future__ import annotations

from itertools import groupby

from pixazo_contracts.clauses import CATALOGUE

from .markdown import table

_HEAD = """\
# Clauses

The vendor's page as requirements, each with a check ([contract tests](../how-to/contracts.md)). The strength says how firmly the page demands it, the cost what a check of it needs.
`pixazo-contracts list` prints the same. This page is generated (`python -m tools.reference`).

"""


_COLUMNS = ["clause", "demands", "section of the page, and its words", "strength", "cost"]


def page() -> str:
    """The page."""
    parts = [_HEAD]
    for group, clauses in groupby(CATALOGUE, lambda clause: clause.group):
        rows = ((c.id, c.requirement, c.section, c.strength.name.lower(), c.cost.name.lower()) for c in clauses)
        parts.append(f"## {group}\n\n{table(_COLUMNS, rows)}")
    return "".join(parts)
