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


def page() -> str:
    """The page."""
    return _HEAD + "".join(
        f"## {group}\n\n"
        + table(
            ["clause", "demands", "section of the page, and its words", "strength", "cost"],
            (
                (each.id, each.requirement, each.section, each.strength.name.lower(), each.cost.name.lower())
                for each in clauses
            ),
        )
        for group, clauses in groupby(CATALOGUE, lambda clause: clause.group)
    )
