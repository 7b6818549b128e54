"""Conduct and coverage at the end of a run: printed once, the same for one process and several, and not at all without a world."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase

import pytest
from tests.schemas import check

#: An app that repeats a 400, in two tests; a third is honest.
SUITE = """
import json
import urllib.error
import urllib.request

import pytest

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def submit(pixazo, prompt):
    headers = {"Ocp-Apim-Subscription-Key": pixazo.api_key, "Content-Type": "application/json"}
    body = json.dumps({"prompt": prompt}).encode()
    request = urllib.request.Request(pixazo.url + "/minimax-hailuo-ai/v1/generate", body, headers)
    try:
        with OPENER.open(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("number", [1, 2])
def test_insists(pixazo, number):
    assert [submit(pixazo, "") for _ in range(3)] == [400] * 3


def test_honest(pixazo):
    assert submit(pixazo, "A bear") == 202
"""
INSISTS = "  test_app.py::test_insists[{}]: sent 3 times, though it was answered 400: exchanges 1-3"
SECTION = "*pixazo conduct: what will hurt on the real gateway*"


def ran(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    """A run with these options."""
    return suite.runpytest("-p", "no:cacheprovider", "-p", "xdist", *options)


def section(done: pytest.RunResult) -> list[str]:
    """The lines of the conduct report, with its headline."""
    text = done.stdout.str()
    found = re.search(r"=+ pixazo conduct.*?(?=\n=)", text, re.DOTALL)
    return found[0].splitlines() if found else []


def test_the_conduct_report_is_printed_by_default(suite: pytest.Pytester) -> None:
    """The findings, check by check; the run still succeeds."""
    done = ran(suite)
    assert section(done)[1].startswith("refusal-repeated: A request that was refused with 400 or 402 was sent again")
    assert section(done)[4:] == [INSISTS.format(1), INSISTS.format(2)]
    done.stdout.no_fnmatch_line("*behaviour coverage*")
    done.assert_outcomes(passed=3)
    assert done.ret == 0


CHECK = "refusal-repeated%3A A request that was refused with 400 or 402 was sent again and again unchanged."
SHOWN = "sent 3 times, though it was answered 400: exchanges 1-3, and 1 finding more here%0Awhy it hurts: *"


@pytest.mark.parametrize(
    "options", [(), pytest.param(("-n", "2"), marks=pytest.mark.exhaustive)], ids=["alone", "xdist"]
)
def test_github_actions(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    """Found by the environment: one annotation at the line of a test, relative to the repository; the summary has all of it, once."""
    summary = suite.path / "summary.md"
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(suite.path.parent),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = ran(suite, "--pixazo-cov-fail-under=50", "--pixazo-assumptions", *options)
    shown = [line for line in done.stdout.lines if line.startswith("::")]
    assert shown[0] == (
        "::error title=pixazo::behaviour coverage 8.1 %25 is less than 50 %25: --pixazo-cov shows what is missing"
    )
    place = f"file={suite.path.name}/test_app.py,line=22,title={CHECK}"
    assert fnmatchcase(shown[1].replace("[", "("), f"::warning {place}::test_app.py::test_insists(1]: {SHOWN}")
    assert len(shown) == 2
    written = summary.read_text(encoding="utf-8")
    assert re.findall("^## .*", written, re.MULTILINE) == [
        "## Pixazo conduct: what will hurt on the real gateway",
        "## Pixazo coverage, documented behaviour: 3 of 37 (8 %)",
        "## Pixazo coverage, faults, which no page documents: 0 of 30 (0 %)",
        "## Pixazo bill",
        "## Pixazo assumptions: what the tests depend on besides the page",
    ]
    assert "| refusal-repeated | test\\_app.py::test\\_insists\\[2\\] | sent 3 times" in written
    assert '| generate:402 | pixazo.when("generate").reply(402, times=1) |' in written


def test_without_github_actions_nothing_is_annotated(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor with `--pixazo-format=text`; with `=github` misconduct that fails its test is an error, and no summary is needed."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::warning" not in ran(suite, "--pixazo-format=text").stdout.str()
    monkeypatch.delenv("GITHUB_ACTIONS")
    done = ran(suite, "--pixazo-format=github", "--pixazo-conduct=fail", "-k", "insists")
    done.stdout.fnmatch_lines(["::error file=test_app.py,line=22,title=refusal-repeated*"])


@pytest.mark.exhaustive
def test_workers_of_xdist_have_one_report(suite: pytest.Pytester) -> None:
    """Two processes print what one prints: conduct, coverage and the JSON file are the same."""
    options = ("--pixazo-cov", "--pixazo-cov-json=report.json")
    alone = ran(suite, *options)
    output = (suite.path / "report.json").read_text(encoding="utf-8")
    spread = ran(suite, *options, "-n", "2")
    spread.assert_outcomes(passed=3)
    assert section(spread) == section(alone) != []
    summary = [
        line for line in alone.stdout.lines if line.startswith(("documented behaviour", "  generate", "    generate"))
    ]
    assert [line for line in spread.stdout.lines if line in summary] == summary
    assert (suite.path / "report.json").read_text(encoding="utf-8") == output


def test_a_test_that_failed_gets_no_error_for_its_conduct(suite: pytest.Pytester) -> None:
    """Its findings are in the report at the end."""
    suite.makepyfile(
        test_hasty="""
        def test_hasty(pixazo, pixazo_client):
            handle = pixazo_client.generate("A bear", extra_body={"durations": 10})
            assert 0
        """
    )
    done = ran(suite, "--pixazo-conduct=fail", "test_hasty.py")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([SECTION, "*test_hasty: durations is not a parameter of this operation*"])


def test_misconduct_can_fail_the_tests(suite: pytest.Pytester) -> None:
    """Each such test fails at its teardown with the finding and the marker that allows it; the other one passes."""
    done = ran(suite, "--pixazo-conduct=fail")
    done.assert_outcomes(passed=3, errors=2)
    done.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_insists[[]1[]]*",
            "refusal-repeated: sent 3 times, though it was answered 400: exchanges 1-3; instead: *",
            'Intended in this test? @pytest.mark.pixazo(allow_conduct=["refusal-repeated"])',
        ]
    )
    assert done.ret == 1


def test_a_test_may_allow_it(suite: pytest.Pytester) -> None:
    """With the marker it passes, and nothing is printed."""
    allowing = SUITE.replace(
        "@pytest.mark.param", '@pytest.mark.pixazo(allow_conduct=["refusal-repeated"])\n@pytest.mark.param'
    )
    suite.makepyfile(test_app=allowing)
    done = ran(suite, "--pixazo-conduct=fail")
    done.assert_outcomes(passed=3)
    done.stdout.no_fnmatch_line(SECTION)


def test_a_rule_that_does_not_exist_cannot_be_allowed(suite: pytest.Pytester) -> None:
    """The test says so, once and before it runs, with the nearest name."""
    suite.makepyfile(
        test_app=SUITE.replace(
            "def test_honest", '@pytest.mark.pixazo(allow_conduct="refusal-repeat")\ndef test_honest'
        )
    )
    done = ran(suite)
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(
        ["marker pixazo: usage check 'refusal-repeat' does not exist (did you mean refusal-repeated[?]): *"]
    )


def test_the_report_can_be_switched_off(suite: pytest.Pytester) -> None:
    """By option or ini file; any other word is refused."""
    ran(suite, "--pixazo-conduct=off").stdout.no_fnmatch_line(SECTION)
    suite.makeini("[pytest]\npixazo_conduct = off")
    ran(suite).stdout.no_fnmatch_line(SECTION)
    suite.makeini("[pytest]\npixazo_conduct = loud")
    ran(suite).stderr.fnmatch_lines(["ERROR: pixazo_conduct 'loud' is not one of off, report, fail"])
    suite.makeini("[pytest]\npixazo_max_spend = much")
    ran(suite).stderr.fnmatch_lines(["ERROR: --pixazo-max-spend or ini setting pixazo_max_spend: max_spend 'much'*"])


def test_an_error_at_teardown_shows_no_line_of_the_plugin(pytester: pytest.Pytester) -> None:
    """The traceback of a fixture that fails in its teardown shows no line of the plugin."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def fragile():
            yield
            raise RuntimeError("torn")
        """
    )
    pytester.makepyfile("def test_it(fragile): pass")
    done = pytester.runpytest()
    done.stdout.fnmatch_lines(["E       RuntimeError: torn"])
    done.stdout.no_fnmatch_line("*pytest_pixazo*")
    done.stdout.no_fnmatch_line("*wrapper=True*")


def test_the_coverage_is_printed_when_asked_for(suite: pytest.Pytester) -> None:
    """A table of what was met, hints for what was not; faults separately."""
    done = ran(suite, "--pixazo-cov")
    done.stdout.fnmatch_lines(
        [
            "*pixazo behaviour coverage*",
            "documented behaviour: * of 37 (* %)",
            "  generate        2 of 7  missing: 401 402 403 429 500",
            "  To cover what is missing:",
            '    generate:402 * pixazo.when("generate").reply(402, times=1)',
            "faults, which no page documents: 0 of * (0 %)",
            '    fault:reply_lost * pixazo.when("generate").fault(ReplyLost(), times=1)',
        ]
    )


def test_too_little_coverage_fails_the_run(suite: pytest.Pytester) -> None:
    """One line says how much was met and how much is required; omitted behaviours do not count."""
    done = ran(suite, "--pixazo-cov-fail-under=50")
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(
        ["pixazo: behaviour coverage *.* % is less than 50 %: --pixazo-cov shows what is missing"]
    )
    assert done.ret == 1
    suite.makeini("[pytest]\npixazo_cov_omit = [!g]*")
    assert ran(suite, "--pixazo-cov-fail-under=28.5").ret == 0
    assert ran(suite, "--pixazo-cov-fail-under=28.6").ret == 1
    suite.makeini("[pytest]\naddopts = --pixazo-cov-fail-under=100")
    assert ran(suite, "--pixazo-cov-fail-under=0").ret == 0
    suite.makeini("[pytest]\npixazo_cov_omit = generat:*")
    wrong = ran(suite, "--pixazo-cov-fail-under=1")
    wrong.stdout.fnmatch_lines(["pixazo: pixazo_cov_omit 'generat:[*]' matches no behaviour: *"])
    assert wrong.ret == 1


def test_the_coverage_of_no_world_is_nothing(pytester: pytest.Pytester) -> None:
    """A run with coverage but without a world reports 0 %."""
    pytester.makepyfile("def test_nothing(): pass")
    done = pytester.runpytest("--pixazo-cov", "--pixazo-cov-fail-under=1")
    done.stdout.fnmatch_lines(
        ["documented behaviour: 0 of 37 (0 %)", "pixazo: behaviour coverage 0.0 % is less than 1 %: *"]
    )
    assert done.ret == 1


def test_the_coverage_as_json(suite: pytest.Pytester) -> None:
    """What was met, how often and by which test first; what is missing, with its hint."""
    done = ran(suite, "--pixazo-cov-json=report.json")
    assert done.ret == 0
    assert check((suite.path / "report.json").read_bytes()) == "coverage"
    output = json.loads((suite.path / "report.json").read_text(encoding="utf-8"))
    assert output["documented"]["met"]["generate:400"] == {"times": 6, "first": "test_app.py::test_insists[1]"}
    assert output["documented"]["missing"]["generate:402"] == 'pixazo.when("generate").reply(402, times=1)'
    assert output["faults"]["percent"] == 0
    assert len(output["faults"]["missing"]) == 30


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--pixazo-cov-fail-under=101", "ERROR: --pixazo-cov-fail-under 101 is not a percentage from 0 to 100"),
        ("--pixazo-cov-json=no/where.json", "ERROR: --pixazo-cov-json no/where.json: there is no folder no"),
    ],
)
def test_invalid_options(suite: pytest.Pytester, option: str, says: str) -> None:
    """They are refused in one line before any test runs."""
    done = ran(suite, option)
    done.stderr.fnmatch_lines([says])
    assert done.ret == 4
