"""The scripts of others that the pages load."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "simulator" / "pixazo_html" / "static"


def test_vendored_files_are_those_that_are_named() -> None:
    """Each script but ours, with the digest that stands beside it, and its licence."""
    listed = dict(
        re.findall(
            r"^\| `([\w.-]+)` \| `[\w./-]+` \| `([0-9a-f]{64})` \|$", (FOLDER / "VENDORED.md").read_text(), re.MULTILINE
        )
    )
    scripts = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in FOLDER.glob("*.js")}
    del scripts["console.js"]
    assert scripts == listed
    assert "Zero-Clause BSD" in (FOLDER / "htmx.LICENSE").read_text()
