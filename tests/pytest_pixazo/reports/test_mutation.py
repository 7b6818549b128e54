"""Mutation testing runs the tests that use a world once per changed gateway, and reports what they notice."""

from __future__ import annotations

import json
import os
import re
import select
import sys
from pathlib import Path

import msgspec
import pytest
from tests.patience import PATIENCE
from tests.pytest_pixazo.submitting import CALLING
from tests.schemas import check

from pixazo_html import workflow_commands
from pixazo_simulator.mutants import MUTANTS, VARIANTS
from pytest_pixazo.reports.mutation import (
    CHANGES,
    Change,
    Outcome,
    Totals,
    Verdict,
    annotated,
    chosen,
    document,
    doubted,
    judged,
    table,
)
from pytest_pixazo.reports.suite_run import Suite, SuiteRun
from pytest_pixazo.world import Place

SUITE = f"""{CALLING}


@pytest.fixture
def submitted(pixazo):
    return call(pixazo, "/minimax-hailuo-ai/v1/generate", {{"prompt": "A bear"}})


def test_the_video_is_there(pixazo, submitted):
    pixazo.clock.advance(15)
    body = json.loads(call(pixazo, "/v2/requests/status/" + json.loads(submitted)["request_id"]))
    assert body["status"] == "COMPLETED"
    assert body["output"]["media_url"]


def test_too_strict(submitted):
    assert b'"status":"QUEUED"' in submitted


def test_without_a_world():
    assert True
"""
MUTANT = Change("no-polling-url", "SUBMIT-03", "The 202 has no polling_url")
LATE = Change("no-retry", "WEBHOOK-11", "A webhook delivery that failed is not repeated")
VARIANT = Change("json-indented", "benign", "JSON is indented")
WORLDS = {"test_a": Place("test_a", "/t/test_a.py", 3)}
GREEN = SuiteRun(began=("test_a",), worlds=WORLDS, failed=(), exit_code=0, seconds=1.5, output="1 passed")
RED = SuiteRun(
    began=("test_a",), worlds=WORLDS, failed=(("test_a", "AssertionError: no"),), exit_code=1, seconds=1.5, output=""
)
PARTS = 10
"""All changes take too long for one test on a busy machine."""
STUCK = SuiteRun(began=("test_a", "test_b"), worlds={}, failed=(), exit_code=None, seconds=30.0, output="")
BROKEN = SuiteRun(began=(), worlds={}, failed=(), exit_code=4, seconds=0.5, output="usage:\nERROR: not found: test_a")


def mutated(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    """A run with these options."""
    return suite.runpytest("-p", "no:cacheprovider", "--strict-config", *options)


def test_all_means_every_mutant_and_every_variant() -> None:
    """211 mutants in the order of their clauses, then the benign variants, each with its sentence."""
    assert [change.name for change in chosen("all")] == [
        *(mutant.name for mutant in MUTANTS),
        *(variant.name for variant in VARIANTS),
    ]
    assert [change.is_benign for change in CHANGES].count(True) == len(VARIANTS)
    assert MUTANT in CHANGES
    assert VARIANT in CHANGES


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("no-polling-url", ["no-polling-url"]),
        ("json-*", ["json-type-compared-exactly", "json-for-video", "json-indented", "json-escaped", "json-ends-in-newline"]),
        ("WAL-0[12]", ["debited-twice", "error-is-charged"]),
        ("slower, no-polling-url", ["no-polling-url", "slower"]),
    ],
)  # fmt: skip
def test_globs_choose_by_name_and_by_clause(text: str, names: list[str]) -> None:
    """Several globs select the union, in the order of the list."""
    assert [change.name for change in chosen(text)] == names


def test_a_glob_that_chooses_nothing_is_refused() -> None:
    """The error names it and the nearest name."""
    says = "--pixazo-mutants 'no-poling-url' matches no change of the gateway (did you mean no-polling-url?): see pixazo-sim mutants"
    with pytest.raises(ValueError, match=re.escape(says)):
        chosen("slower,no-poling-url")


@pytest.mark.parametrize(
    ("change", "trial", "outcome", "tests"),
    [
        (MUTANT, RED, Outcome.NOTICED, RED.failed),
        (MUTANT, GREEN, Outcome.SLIPPED, ()),
        (MUTANT, STUCK, Outcome.NOTICED, (("test_b", "did not end within 31 s"),)),
        (MUTANT, BROKEN, Outcome.UNKNOWN, (("pytest", "exit code 4: ERROR: not found: test_a"),)),
        (VARIANT, RED, Outcome.BRITTLE, RED.failed),
        (VARIANT, GREEN, Outcome.PASSED, ()),
    ],
)
def test_verdicts(change: Change, trial: SuiteRun, outcome: Outcome, tests: tuple[tuple[str, str], ...]) -> None:
    """A failing test notices a mutant and is brittle on a variant; a run that hangs counts as noticed by the test that hung."""
    assert judged(change, trial, 31) == Verdict(change, outcome, tests, trial.seconds)


VERDICTS = [judged(MUTANT, GREEN, 31), judged(LATE, RED, 31), judged(VARIANT, RED, 31)]


def test_the_table_and_its_summary() -> None:
    """A headline for each group of clauses, a line for each change, and the tests that noticed; then a summary."""
    assert [line for line, _ in table(VERDICTS)] == [
        "SUBMIT: 0 of 1 noticed",
        "  slips through SUBMIT-03     no-polling-url                         The 202 has no polling_url",
        "WEBHOOK: 1 of 1 noticed",
        "  noticed       WEBHOOK-11    no-retry                               A webhook delivery that failed is not repeated",
        "                by test_a: AssertionError: no",
        "benign changes: 0 of 1 pass, as they should",
        "  brittle       json-indented                          JSON is indented",
        "                by test_a: AssertionError: no",
    ]
    assert [outcome for _, outcome in table(VERDICTS) if outcome] == [verdict.outcome for verdict in VERDICTS]
    assert Totals.of(VERDICTS).line == "noticed 1 of 2 (50 %); 1 brittle test on 1 benign change"
    assert Totals.of([judged(MUTANT, BROKEN, 31)]).line == "noticed 0 of 1 (0 %); 1 unknown"


def test_what_depends_on_flaky_tests_is_doubtful() -> None:
    """A test that also fails without the change proves nothing; one that passes without it does."""
    assert [each.outcome for each in doubted(VERDICTS, frozenset({"test_a"}))] == [
        "slips through",
        "doubtful",
        "doubtful",
    ]
    assert doubted(VERDICTS, frozenset({"test_b"})) == VERDICTS


def test_json() -> None:
    """The verdicts as one object."""
    report = msgspec.to_builtins(document(VERDICTS, ["test_a"]))
    assert (report["$schema"], report["version"]) == ("urn:pixazo-testkit:mutants:1", 1)
    assert check(json.dumps(report)) == "mutants"
    assert report["summary"] == {
        "mutants": 2, "noticed": 1, "variants": 1, "line": "noticed 1 of 2 (50 %); 1 brittle test on 1 benign change",
    }  # fmt: skip
    assert report["tests"] == ("test_a",)
    assert report["changes"][1] == {
        "name": "no-retry", "clause": "WEBHOOK-11", "description": "A webhook delivery that failed is not repeated", "outcome": "noticed",
        "tests": ({"test": "test_a", "reason": "AssertionError: no"},), "seconds": 1.5,
    }  # fmt: skip


def test_annotations(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """What slips through is a warning; a brittle test, and one that a change of the page breaks, are shown at their lines."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytestconfig.rootpath.parent))
    page = Change("page:code-202", "SUBMIT-02", "code 202: '202' -> '200'", "new.md")
    verdicts = [
        Verdict(MUTANT, Outcome.SLIPPED, (), 1.5),
        Verdict(LATE, Outcome.NOTICED, (("test_a", "no"),), 1.5),
        Verdict(VARIANT, Outcome.BRITTLE, (("test_a", "no"),), 1.5),
        Verdict(page, Outcome.NOTICED, (("test_b", "no"),), 1.5),
        Verdict(page, Outcome.UNKNOWN, (("pytest", "exit code 3: x"),), 1.5),
    ]
    root = pytestconfig.rootpath
    places = {"test_a": Place("test_a", f"{root}/t/test_a.py", 3), "test_b": Place("test_b", f"{root}/b.py", 0)}
    shown = workflow_commands(annotated(verdicts, places, pytestconfig))
    assert shown.splitlines() == [
        "::error title=unknown%3A page%3Acode-202 (SUBMIT-02)::pytest: exit code 3: x%0Acode 202: '202' -> '200'%0Aagain: pytest --pixazo-mutant=page:new.md:code-202",
        "::warning title=slips through%3A no-polling-url (SUBMIT-03)::The 202 has no polling_url%0Aagain: pytest --pixazo-mutant=no-polling-url",
        f"::warning file={root.name}/t/test_a.py,line=3,title=brittle%3A json-indented (benign)::test_a: no%0AJSON is indented%0Aagain: pytest --pixazo-variant=json-indented",
        f"::notice file={root.name}/b.py,title=noticed%3A page%3Acode-202 (SUBMIT-02)::test_b: no%0Acode 202: '202' -> '200'%0Aagain: pytest --pixazo-mutant=page:new.md:code-202",
    ]


@pytest.mark.exhaustive
def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """So are its child processes: a pipe that only one of them held open is closed."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    holding = "import time; pipe = open('pipe', 'w'); print('started', flush=True); time.sleep(3600)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holding!r}])"
    trial = Suite([sys.executable, "-c", script], tmp_path, tmp_path).run([], None, 3)
    assert (trial.exit_code, trial.output) == (None, "started")
    assert select.select([reader], [], [], PATIENCE)[0] == [reader]
    os.close(reader)


def test_after_closing_nothing_runs(tmp_path: Path) -> None:
    """A suite that was closed starts no further run."""
    suite = Suite([sys.executable, "-c", "print('started')"], tmp_path, tmp_path)
    assert suite.run([], None, 10).output == "started"
    suite.close()
    assert (suite.run([], None, 10).exit_code, suite.run([], None, 10).output) == (None, "")


@pytest.mark.slow
def test_mutation_testing(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two mutants one is noticed, of two variants one finds a brittle test; the JSON file and GitHub Actions say the same."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    names = "no-output-on-completed,no-retry,json-indented,more-headers"
    done = mutated(suite, f"--pixazo-mutants={names}", "--pixazo-mutants-json=report.json")
    done.stdout.fnmatch_lines([
        "pixazo mutation testing: the suite runs on the unchanged gateway, then on 4 changed ones",
        "2 tests with a world: * s; 4 runs, * at a time: about * s; a run is stopped after * s",
        "OUT: 1 of 1 noticed",
        "  noticed       OUT-01        no-output-on-completed *",
        "                by test_app.py::test_the_video_is_there: TypeError: 'NoneType' object is not subscriptable",
        "WEBHOOK: 0 of 1 noticed",
        "  slips through WEBHOOK-11    no-retry *",
        "benign changes: 1 of 2 pass, as they should",
        "  brittle       json-indented *",
        "                by test_app.py::test_too_strict: *",
        "  passes        more-headers *",
        "noticed 1 of 2 (50 %); 1 brittle test on 2 benign changes, in *",
        "::warning title=slips through%3A no-retry (WEBHOOK-11)::*",
        "::warning file=test_app.py,line=28,title=brittle%3A json-indented (benign)::test_app.py::test_too_strict: *",
    ], consecutive=True)  # fmt: skip
    assert done.ret == 0
    written = (suite.path / "summary.md").read_text(encoding="utf-8")
    assert written.count("## ") == 1  # the runs of the changes write none
    assert written.startswith("## Pixazo mutation testing: noticed 1 of 2 (50 %)")
    assert check((suite.path / "report.json").read_bytes()) == "mutants"
    report = json.loads((suite.path / "report.json").read_text(encoding="utf-8"))
    assert report["tests"] == ["test_app.py::test_the_video_is_there", "test_app.py::test_too_strict"]
    assert [change["outcome"] for change in report["changes"]] == ["noticed", "slips through", "brittle", "passes"]


@pytest.mark.exhaustive
def test_a_flaky_test_notices_nothing(suite: pytest.Pytester) -> None:
    """A test that begins to fail by itself while the changes are tried makes the verdict doubtful."""
    suite.makepyfile(
        test_app="""
        from pathlib import Path

        def test_third_time(pixazo):
            count = Path("count.txt")
            count.write_text(count.read_text() + "x" if count.exists() else "x")
            assert len(count.read_text()) < 3
        """
    )
    done = mutated(suite, "--pixazo-mutants=no-retry", "test_app.py")
    done.stdout.fnmatch_lines(["  doubtful      WEBHOOK-11    no-retry *", "noticed 0 of 1 (0 %); 1 doubtful, in *"])
    assert done.ret == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def test_red(pixazo):\n    assert 1 == 2", "mutation testing needs a green suite: the suite fails on the unchanged gateway, first *::test_red: assert 1 == 2; *"),
        ("import nothing_of_this_name", "mutation testing needs a green suite: the suite fails * first test_app.py: *"),
        ("def test_other():\n    pass", "nothing to run: no test uses a world, for example through the fixture pixazo"),
    ],
    ids=["red", "broken", "without a world"],
)  # fmt: skip
def test_a_suite_that_cannot_tell(suite: pytest.Pytester, code: str, says: str) -> None:
    """One line says why, and no change is tried."""
    suite.makepyfile(test_app=code)
    refused(mutated(suite, "--pixazo-mutants=no-retry"), says)


def refused(done: pytest.RunResult, says: str) -> None:
    """The run has ended with that line, before any change was tried."""
    done.stderr.fnmatch_lines([f"ERROR: {says}"])
    done.stdout.no_fnmatch_line("*noticed*")
    assert done.ret != 0


RUNNING = "--pixazo-mutants changes the simulator that the run starts itself: leave {} out"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--pixazo-mutants=no-poling-url", "--pixazo-mutants 'no-poling-url' matches no change of the gateway (did you mean no-polling-url[?]): *"),
        ("--pixazo-variant=slower", "--pixazo-mutants and --pixazo-variant exclude each other: use one"),
        ("--pixazo-mutants-json=no/where.json", "--pixazo-mutants-json no/where.json: there is no folder no"),
        ("--pixazo-sim-url=http://127.0.0.1:1", RUNNING.format("--pixazo-sim-url")),
        ("--override-ini=pixazo_sim_url=http://127.0.0.1:1", RUNNING.format("ini setting pixazo_sim_url")),
    ],
)  # fmt: skip
def test_options_that_are_refused(suite: pytest.Pytester, option: str, says: str) -> None:
    """Among them a simulator that runs already, wherever it is named: what fails on it would count as noticed."""
    refused(mutated(suite, "--pixazo-mutants=no-retry", option), says)


def test_a_simulator_of_the_environment_is_not_changed(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that an option names."""
    monkeypatch.setenv("PIXAZO_SIM_URL", "http://127.0.0.1:1")
    refused(mutated(suite, "--pixazo-mutants=no-retry"), RUNNING.format("PIXAZO_SIM_URL"))


def test_one_run_on_a_changed_gateway(suite: pytest.Pytester) -> None:
    """A verdict can be reproduced by hand, and the run says that its gateway is changed."""
    done = mutated(suite, "--pixazo-mutant=no-output-on-completed")
    done.stdout.fnmatch_lines(["pixazo: the gateway of this run is changed: no-output-on-completed"])
    done.assert_outcomes(passed=2, failed=1)
    mutated(suite, "--pixazo-variant=json-indented").assert_outcomes(passed=2, failed=1)
    mutated(suite, "--pixazo-variant=more-headers").assert_outcomes(passed=3)


def test_a_change_that_does_not_exist(suite: pytest.Pytester) -> None:
    """The tests that use a world fail in one line with the nearest name."""
    done = mutated(suite, "--pixazo-mutant=no-retri")
    done.assert_outcomes(passed=1, errors=2)
    done.stdout.fnmatch_lines(["*mutant 'no-retri' does not exist (did you mean no-retry[?]): see pixazo-sim mutants"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_all_changes(suite: pytest.Pytester, part: int) -> None:
    """Every mutant and variant can be tried, each is named, and no correct test is brittle; every tenth of them in one run."""
    names = [change.name for change in CHANGES[part::PARTS]]
    suite.makepyfile(
        test_app=SUITE.replace(
            """b'"status":"QUEUED"' in submitted""", """json.loads(submitted)["status"] == "QUEUED\""""
        )
    )
    done = mutated(suite, f"--pixazo-mutants={','.join(names)}", "--pixazo-mutants-json=report.json")
    assert done.ret == 0
    report = json.loads((suite.path / "report.json").read_text(encoding="utf-8"))
    assert [change["name"] for change in report["changes"]] == names
    found = {(change["clause"] is None, change["outcome"]) for change in report["changes"]}
    assert found <= {(False, "noticed"), (False, "slips through"), (True, "passes")}
