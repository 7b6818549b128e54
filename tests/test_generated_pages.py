"""The generated pages of the documentation say what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import run_process

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pages that the generators have written."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "reference").mkdir()
    ran = run_process(sys.executable, "-m", "tools.reference", folder, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.mark.slow
def test_the_generated_pages_are_what_the_code_says(made: Path) -> None:
    """To mend them run `.venv/bin/python -m tools.reference`, which also fails for a public name without a docstring."""
    written = [each for each in made.rglob("*") if each.is_file()]
    assert len(written) > 10
    for each in written:
        page = each.relative_to(made)
        assert (ROOT / "docs" / page).read_text(encoding="utf-8") == each.read_text(encoding="utf-8"), page


def test_signatures_say_how_something_is_called() -> None:
    """Which parameters need a name, and what must be awaited; no default shows where it is in memory."""
    page = (ROOT / "docs" / "reference" / "client.md").read_text(encoding="utf-8")
    assert "\nasync AsyncPixazoClient.generate(\n    prompt: str,\n    *,\n" in page
    assert "\n    polling: Polling = ...,\n" in page
