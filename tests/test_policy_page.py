"""The policy page of the documentation says what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.command import run_process

ROOT = Path(__file__).parent.parent


def test_the_policy_page_is_what_its_generator_prints() -> None:
    """docs/policy.md is generated; run tools/policy_page.py to mend it."""
    made = run_process(sys.executable, ROOT / "tools" / "policy_page.py")
    assert (ROOT / "docs" / "policy.md").read_text(encoding="utf-8") == made.stdout
