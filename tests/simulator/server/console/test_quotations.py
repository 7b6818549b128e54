"""What the page Policy quotes stands on the vendor's page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.command import run_process
from tests.page import as_read, sections

import pixazo_simulator.server.console
from pixazo_simulator.spec import rows

ROOT = Path(__file__).parents[4]
FILE = Path(pixazo_simulator.server.console.__file__).with_name("quotations.json")


def test_the_quotations_are_what_their_generator_prints() -> None:
    """To mend them run `.venv/bin/python tools/policy_quotations.py > simulator/pixazo_simulator/server/console/quotations.json`."""
    made = run_process(sys.executable, ROOT / "tools" / "policy_quotations.py")
    assert made.stderr == ""
    assert FILE.read_text(encoding="utf-8") == made.stdout


def test_every_quotation_stands_on_the_page() -> None:
    """Word for word, below its heading; each is of a point that there is."""
    quoted: dict[str, list[tuple[str, str]]] = json.loads(FILE.read_bytes())
    under = sections()
    assert quoted.keys() <= {row.field for row in rows()}
    assert len(quoted) > 20
    for found in quoted.values():
        for heading, words in found:
            assert as_read(words) in under[heading]
