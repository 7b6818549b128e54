"""The published schemas are current, are schemas, and describe what is written. That of the pytest plugin is tried where it is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from pixazo_contracts.cli import main
from pixazo_contracts.judge import Finding, Outcome, Verdict, build, load_result, to_json
from pixazo_contracts.pages import own_page
from tests.command import run_process
from tests.contracts.judge.test_verdict import trace
from tests.contracts.report.test_html import HOSTILE
from tests.schemas import SCHEMAS, check

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_files_are_current(tmp_path: Path) -> None:
    """To mend them run `.venv/bin/python tools/schemas.py`."""
    made = run_process(sys.executable, ROOT / "tools" / "schemas.py", str(tmp_path))
    assert made.returncode == 0, made.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in SCHEMAS.iterdir())
    assert [name for name in names if (tmp_path / name).read_bytes() != (SCHEMAS / name).read_bytes()] == []


@pytest.mark.parametrize("path", sorted(SCHEMAS.iterdir()), ids=lambda path: path.stem)
def test_a_schema_is_one(path: Path) -> None:
    """Of 2020-12, with the id that documents name, or the address at which editors find it; a document of another kind is none of it."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    published = f"https://pixazo-testkit.github.io/pixazo-testkit/schemas/{path.name}"  # of what users write
    assert schema["$id"] in (f"urn:pixazo-testkit:{path.stem}:1", published)
    assert not jsonschema_rs.validator_for(schema).is_valid({"$schema": "urn:pixazo-testkit:other:1", "version": 1})


def test_a_result_and_a_diff(tmp_path: Path) -> None:
    """With findings of a hostile gateway; a result is read back as it was written."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    said = HOSTILE.replace("\ud800", "")
    passed = Verdict(clause="STATUS-07", outcome=Outcome.PASS)
    failed = Verdict(clause="STATUS-07", outcome=Outcome.FAIL, findings=(Finding(said, said, said),), reason=said)
    for place, verdict in ((before, passed), (after, failed)):
        result = build(trace(), [verdict], 0, not_compared={"STATUS-08": "x"})
        place.write_bytes(to_json(result))
        assert check(place.read_bytes()) == "result"
        assert [each.outcome for each in load_result(place).verdicts] == [verdict.outcome]
    done = CliRunner().invoke(main, ["diff", str(before), str(after), "--json"])
    assert (done.exit_code, check(done.output)) == (1, "diff")


def test_what_a_page_says_and_what_changed(tmp_path: Path) -> None:
    """`page read` and `page check`."""
    new = tmp_path / "new.md"
    new.write_text(own_page().replace("maximum 2000 characters", "maximum 1500 characters"), encoding="utf-8")
    for command, name in (("read", "page"), ("check", "page-diff")):
        done = CliRunner().invoke(main, ["page", command, str(new), "--format", "json"])
        assert check(done.output) == name
