"""The generated pages of the documentation say what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import run_process

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("page", ["policy", "attributes", "shipped"])
def test_a_generated_page_is_what_its_generator_prints(page: str) -> None:
    """To mend docs/reference/PAGE.md run `.venv/bin/python tools/PAGE_page.py > docs/PAGE.md`."""
    made = run_process(sys.executable, ROOT / "tools" / f"{page}_page.py")
    assert (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8") == made.stdout


def test_clauses_and_console_have_the_same_quotations() -> None:
    """To mend both files run `.venv/bin/python tools/policy_quotations.py`, into each of them."""
    console, pages = (
        "simulator/pixazo_simulator/console/quotations.json",
        "contracts/pixazo_contracts/pages/data/policy.json",
    )
    assert (ROOT / console).read_bytes() == (ROOT / pages).read_bytes()
