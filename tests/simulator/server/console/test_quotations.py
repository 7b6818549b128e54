"""What the page Policy quotes stands on the vendor's page."""

from __future__ import annotations

import json

from tests.page import as_read, sections
from tools.policy_quotations import FILES, text

from pixazo_simulator.spec import rows


def test_the_quotations_are_those_of_the_clauses() -> None:
    """To mend them run `.venv/bin/python -m tools.policy_quotations`."""
    assert [file.read_text(encoding="utf-8") for file in FILES] == [text()] * 2


def test_every_quotation_stands_on_the_page() -> None:
    """Word for word, below its heading; each is of a point that there is."""
    quoted: dict[str, list[tuple[str, str]]] = json.loads(FILES[0].read_bytes())
    under = sections()
    assert quoted.keys() <= {row.field for row in rows()}
    assert len(quoted) > 20
    for found in quoted.values():
        for heading, words in found:
            assert as_read(words) in under[heading]
