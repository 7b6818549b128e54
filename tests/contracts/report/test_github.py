"""What GitHub Actions shows of a result: the right level, the clause, the page, what came, how to repeat it; and no key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.contracts.judge.test_comparison import result as compared
from tests.contracts.judge.test_comparison import verdict
from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.cli import main
from pixazo_contracts.judge import ExitCode, Finding, Outcome, Verdict, build, compare, to_json
from pixazo_contracts.report import changes_github, result_github
from pixazo_html import workflow_commands

FINDING = Finding("absent", '"x"', "polling_url", exchange=1)
FAIL = Verdict(clause="STATUS-07", outcome=Outcome.FAIL, judged=1, findings=(FINDING,))
CORE = Verdict(clause="STATUS-01", outcome=Outcome.FAIL, judged=1, findings=(FINDING,))
DRIFT = Verdict(clause="HDR-04", outcome=Outcome.DRIFT, judged=1, findings=(FINDING,))
HOSTILE = Finding("::error::x", "::error::y\n<script>|`##[error]z\x1b[31m", "##[error]z", exchange=1)


def levels(*verdicts: Verdict, strict_drift: bool = False) -> list[str]:
    """Level and title of each annotation, without the requirement."""
    found = build(trace(), verdicts, 1, excused=frozenset({"WAL-01"}))
    lines = workflow_commands(result_github(found, strict_drift=strict_drift).annotations).splitlines()
    return [line.removeprefix("::").partition("%3A")[0].replace("title=", "") for line in lines]


def test_a_failure_to_the_byte() -> None:
    """The clause, the words of the page, what came, and the command that repeats it."""
    shown = result_github(build(trace(), [FAIL], 1), strict_drift=False)
    assert workflow_commands(shown.annotations) == (
        "::error title=FAIL STATUS-07%3A `polling_url` does not appear in status answers.::"
        'page: Response Fields: "polling_url | string | Status URL (initial response only)" <https://www.pixazo.ai/models/hailuo>'
        '%0Aexchange 1, polling_url: expected absent; got "x"'
        "%0Aagain: pixazo-contracts run --target http://127.0.0.1:1 --clauses STATUS-07\n"
    )
    (curl,) = [each for each in shown.summary if "<details>" in each]
    assert "\n```\ncurl -i -X GET http://127.0.0.1:1/v2/requests/status/x" in curl
    assert "$PIXAZO_API_KEY" in curl
    assert [each for each in shown.summary if each.startswith("| FAIL STATUS-07 |")]


def test_what_no_record_shows_is_missing_from_the_whole_trace() -> None:
    shown = result_github(
        build(trace(), [replace(DRIFT, findings=(replace(FINDING, exchange=None),))], 1), strict_drift=True
    )
    assert "the whole trace, polling_url: expected absent" in shown.annotations[0].text


def test_levels() -> None:
    """A failure is an error, core clauses first; a drift a warning; what is excused a notice."""
    excused = replace(FAIL, clause="WAL-01")
    assert levels(DRIFT, FAIL, CORE, excused) == [
        "error FAIL STATUS-01", "error FAIL STATUS-07", "warning DRIFT HDR-04", "notice FAIL WAL-01 (excused)",
    ]  # fmt: skip
    assert levels(DRIFT, strict_drift=True) == ["error DRIFT HDR-04"]


def test_a_run_that_fails_for_another_reason_says_so() -> None:
    """Too little was judged, or the target could not be used: an error in any case."""
    found = build(trace(), [], 13)
    (shown,) = result_github(found, strict_drift=False).annotations
    assert (shown.level, shown.text) == ("error", "Too little was judged to call this a pass.")
    unusable = replace(found, exit_code=10, meta=replace(found.meta, unusable="key refused"))
    (shown,) = result_github(unusable, strict_drift=False).annotations
    assert (shown.level, shown.text) == ("error", "key refused")
    assert not result_github(replace(found, exit_code=0), strict_drift=False).annotations


def test_a_core_clause_that_was_not_judged_is_a_warning() -> None:
    """With the reason."""
    core = Verdict(clause="SUBMIT-01", outcome=Outcome.INCONCLUSIVE, reason="nothing came")
    found = build(trace(generate="done"), [core], 13, strict=True)
    missing = [each for each in result_github(found, strict_drift=False).annotations if each.level == "warning"]
    assert [each.text for each in missing] == ["INCONCLUSIVE: nothing came"] * len(found.summary.missing)


def test_changes_between_two_results() -> None:
    """An error is what fails the command."""
    found = compare(compared(verdict(Outcome.PASS)), compared(verdict(Outcome.FAIL)))
    for fail_on, level in ((("regressed",), "error"), (("vanished",), "warning")):
        shown = changes_github(found, fail_on)
        assert [(each.level, each.text) for each in shown.annotations] == [(level, "before: PASS\nafter: FAIL : there")]
    fixed = compare(compared(verdict(Outcome.FAIL)), compared(verdict(Outcome.PASS)))
    assert [each.level for each in changes_github(fixed, ("regressed",)).annotations] == ["notice"]


@pytest.fixture
def results(tmp_path: Path) -> tuple[str, str]:
    """Two results, between which a hostile gateway broke a clause."""
    places = tmp_path / "before.json", tmp_path / "after.json"
    for place, made in zip(
        places, (replace(FAIL, outcome=Outcome.PASS, findings=()), replace(FAIL, findings=(HOSTILE,))), strict=True
    ):
        place.write_bytes(to_json(build(trace(), [made], 0)))
    return str(places[0]), str(places[1])


def diff(results: tuple[str, str], *options: str, **environ: str) -> Result:
    """The command, in such an environment."""
    return CliRunner().invoke(main, ["diff", *results, *options], env=environ)


def test_in_github_actions_it_is_found_by_the_environment(results: tuple[str, str], tmp_path: Path) -> None:
    """The usual text, in which nothing is a command; then the annotations; the summary is appended."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    plain = diff(results).output
    done = diff(results, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    stop, _, rest = done.output.partition("\n")
    token = stop.removeprefix("::stop-commands::")
    assert len(token) == 32
    text, _, commands = rest.partition(f"::{token}::\n")
    assert text == plain
    assert commands.startswith("::error title=regressed (breaking) STATUS-07%3A")
    assert commands.count("\n") == 1
    written = summary.read_text(encoding="utf-8")
    assert written.startswith("before\n## Contract: what changed\n\n| change | clause | before | after |\n")
    assert "<script>" not in written.replace("\\<", "")
    assert "\x1b" not in written
    assert diff(results, "--format", "text", GITHUB_ACTIONS="true").output == plain
    assert diff(results, "--json", GITHUB_ACTIONS="true").output.startswith("{\n")


def test_a_summary_that_cannot_be_written_costs_nothing(results: tuple[str, str], tmp_path: Path) -> None:
    """The exit code is that of the diff; one line says why there is no summary."""
    done = diff(results, "--format", "github", GITHUB_STEP_SUMMARY=str(tmp_path))
    assert done.exit_code == ExitCode.FAILED
    assert done.stderr == f"pixazo-contracts: GITHUB_STEP_SUMMARY {tmp_path}: Is a directory: no summary\n"
