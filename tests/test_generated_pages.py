"""The generated pages of the documentation say what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import run_process

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["policy", "attributes"])
def test_a_generated_page_is_what_its_generator_prints(page: str) -> None:
    """To mend docs/PAGE.md run `.venv/bin/python tools/PAGE_page.py > docs/PAGE.md`."""
    made = run_process(sys.executable, ROOT / "tools" / f"{page}_page.py")
    assert (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") == made.stdout
