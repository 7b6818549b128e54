"""SECURITY.md names the tests that show what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (HERE / "SECURITY.md").read_text(encoding="utf-8"))
PROMISES = [line for line in (HERE / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    """Every test that the page names exists."""
    wanted = rf"{name}\(" if name else "test_"
    assert re.search(rf"^(?:async )?def {wanted}", (HERE / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_promise_names_a_test() -> None:
    """In its second column; heads and rules of tables are no promises."""
    rows = [row for row in PROMISES if not row.startswith(("| promise |", "| --- |"))]
    assert len(rows) > 30
    assert [row for row in rows if "`tests/" not in row] == []
