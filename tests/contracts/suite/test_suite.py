"""The suite as tests, run as others run it: by pytest in a process of its own, against a gateway on a socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.contracts.gateways.edits import accepted, coded, envelope, having, is_submit, without
from tests.contracts.gateways.fake_gateway import ACCOUNTS, KEY, Ask, Reply
from tests.contracts.gateways.fake_server import serve

import pixazo_contracts
from pixazo_contracts.suite.conftest import exit_if_unusable
from pixazo_simulator import Settings, Simulator

if TYPE_CHECKING:
    from tests.contracts.gateways.edits import Edit

LOCAL = "--pixazo-contract-pace 0.05 --pixazo-contract-deadline 20"
CLAUSES = "--pixazo-contract-clauses"
PAID = "paid = true\npace = 0.05\ndeadline = 20\n"


def session(directory: Path, *command: str) -> tuple[int, str]:
    """The exit code and the output of one session in an empty directory."""
    # A worker of pytest-xdist tells its children that they are workers, too. Of plugins ours alone: to load the others takes a second.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_pixazo.plugin"}
    environment = {
        **inherited,
        **plugins,
        "XDG_STATE_HOME": str(directory),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    # The suite may be installed below this repository, whose conftest.py a pytest before 9.1 would load.
    alone = f"--confcutdir={Path(pixazo_contracts.__file__).parent}"
    options = ("-q", "-rA", "-p", "no:cacheprovider", alone)
    done = subprocess.run(
        [*command, *options], cwd=directory, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


def suite(directory: Path, url: str, options: str, *more: str) -> tuple[int, str]:
    """A session of the suite against that origin."""
    command = (sys.executable, "-m", "pytest", "--pyargs", "pixazo_contracts", "--pixazo-url", url, "--pixazo-key", KEY)
    return session(directory, *command, *options.split(), *more)


def named(output: str, outcome: str) -> set[str]:
    """The tests with this outcome in the summary."""
    return set(re.findall(rf"^{outcome} \S*?::(\S+)", output, re.MULTILINE))


@pytest.mark.exhaustive
def test_faithful_gateway(tmp_path: Path) -> None:
    """Against a faithful gateway nothing fails, most clauses are judged, and no key is printed."""
    with serve(speed=20) as (url, _):
        code, output = suite(tmp_path, url, LOCAL)
    assert (code, named(output, "FAILED"), named(output, "ERROR")) == (0, set(), set())
    passed = named(output, "PASSED")
    wanted = (
        "test_run test_machine test_clause[STATUS-03] test_clause[WEBHOOK-03] test_id_that_was_never_issued[unknown"
    )
    assert {*wanted.split()} <= passed
    assert sum(name.startswith("test_clause") for name in passed) > 140
    assert "SKIPPED: the target has no account:empty" in output
    assert KEY not in output


#: Few of them, of which one needs the clock and the other an account.
ENDS_BADLY = (CLAUSES, "FAIL-01", CLAUSES, "ERR-402-01", "-k", "test_clause")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param(ENDS_BADLY, {"test_clause[FAIL-01]", "test_clause[ERR-402-01]"}, id="some"),
        pytest.param(
            ("-k", "test_clause or test_machine"),
            {"test_machine", "test_clause[FAIL-01]", "test_clause[WEBHOOK-07]", "test_clause[ERR-402-01]"},
            id="all",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_virtual_clock(tmp_path: Path, options: tuple[str, ...], wanted: set[str]) -> None:
    """Where the gateway's clock is ours to move, all of it is judged without waiting, what ends badly included."""
    command = ["-m", "pytest", "--pyargs", "pixazo_contracts", "-p", "tests.contracts.suite.fake_endpoint"]
    code, output = session(tmp_path, sys.executable, *command, *options)
    assert (code, named(output, "FAILED"), named(output, "ERROR")) == (0, set(), set())
    assert wanted <= named(output, "PASSED")


@pytest.mark.slow
def test_the_discovery_document_of_a_url_is_asked_for(tmp_path: Path) -> None:
    """As by `pixazo-contracts run`: a simulator on a manual clock says how to advance it, and which accounts it has."""
    with Simulator(Settings(keys=(KEY,))) as simulator:
        code, output = suite(tmp_path, simulator.url, " ".join((CLAUSES, "WAL-01", "-k", "test_clause")))
    assert (code, named(output, "PASSED")) == (0, {"test_run", "test_clause[WAL-01]"}), output


@pytest.mark.exhaustive
def test_wrong_gateway(tmp_path: Path) -> None:
    """The clause concerned fails with its sentence, where, expected, got and a cURL line; its neighbours do not."""
    edit = envelope(having(model_id="video-01"))
    with serve(speed=20, edit=edit) as (url, _):
        code, output = suite(tmp_path, url, f"{LOCAL} {CLAUSES} STATUS-0* -k test_clause")
    assert (code, named(output, "FAILED")) == (1, {"test_clause[STATUS-04]"})
    assert "`model_id` is `minimax-hailuo-ai`" in output
    (line,) = re.findall("again: (.*)", output)
    again = f"pytest --pyargs pixazo_contracts -k test_clause --pixazo-url {url}"
    assert line == f"{again} {LOCAL}.0 {CLAUSES} STATUS-04"
    assert 'expected  "minimax-hailuo-ai"' in output
    assert re.search(
        r'curl -i -X GET http://127\.0\.0\.1:\d+/v2/requests/status/minimax-hailuo-ai_\S+ -H "Ocp-Apim', output
    )


@pytest.mark.exhaustive
def test_the_printed_command_repeats_the_test(tmp_path: Path) -> None:
    """A shell that carries it out fails the same test, and no other."""
    options = f"{LOCAL} --pixazo-contract-account empty={ACCOUNTS['empty']} {CLAUSES} ERR-402-0[12] -k test_clause"
    with serve(speed=20, edit=coded(402, 403)) as (url, _):
        _, output = suite(tmp_path, url, options)
        (line,) = re.findall("again: pytest (.*)", output)
        keys = f"PIXAZO_API_KEY={KEY} KEY_OF_EMPTY={ACCOUNTS['empty']}"
        code, again = session(
            tmp_path, "bash", "-c", f'{keys} && export PIXAZO_API_KEY && {sys.executable} -m pytest {line} "$@"', "-"
        )
    assert (code, named(again, "FAILED")) == (1, {"test_clause[ERR-402-01]"})


def no_two_switches(ask: Ask, reply: Reply) -> Reply:
    """Refuses two members together that the page allows, which no probe sends so, and which one in six generated bodies has."""
    both = b'"aigc_watermark"' in ask.body and b'"prompt_optimizer": false' in ask.body
    return Reply(400, {"error": "no", "message": "no"}) if both else reply


@pytest.mark.exhaustive
def test_generated_requests_find_it(tmp_path: Path) -> None:
    """What only generated requests show fails their test."""
    with serve(speed=20, edit=no_two_switches) as (url, _):
        code, output = suite(tmp_path, url, f"{LOCAL} {CLAUSES} T2V-* -k", "test_valid_body[generate] or test_clause")
    assert code == 1
    assert named(output, "FAILED") == {"test_valid_body[generate]"}
    assert "breaks SUBMIT-01" in output


@pytest.mark.exhaustive
def test_machine_keeps_its_counterexample(tmp_path: Path) -> None:
    """The state machine fails, and leaves the course of events as a file."""
    with serve(speed=100, edit=accepted(without("polling_url"))) as (url, _):
        options = f"{LOCAL} --pixazo-contract-core --pixazo-contract-out {tmp_path} -k test_machine"
        code, output = suite(tmp_path, url, options)
    assert (code, named(output, "FAILED")) == (1, {"test_machine"})
    assert "breaks SUBMIT-03" in output
    written = {path.name for path in tmp_path.iterdir()}
    assert {"counterexample_submit_03.py", "trace.ndjson", "result.ndjson"} <= written


@pytest.mark.exhaustive
def test_drift(tmp_path: Path) -> None:
    """Drift is a warning, and fails only where asked to."""
    edit = accepted(having(estimated_cost=1))
    with serve(speed=20, edit=edit) as (url, _):
        options = f"{LOCAL} {CLAUSES} SUBMIT-04 -k test_clause"
        mild, strict = suite(tmp_path, url, options), suite(tmp_path, url, options, "--pixazo-contract-strict-drift")
    assert mild[0] == 0
    assert "ContractDriftWarning: DRIFT SUBMIT-04" in mild[1]
    assert (strict[0], named(strict[1], "FAILED")) == (1, {"test_clause[SUBMIT-04]"})


@pytest.mark.exhaustive
def test_expected_deviation(tmp_path: Path) -> None:
    """A failure that an expectation excuses is an expected one."""
    expect = tmp_path / "expect.toml"
    expect.write_text(EXPECTATION, encoding="utf-8")
    with serve(speed=20, edit=envelope(having(model_id="video-01"))) as (url, _):
        options = f"{LOCAL} {CLAUSES} STATUS-04 -k test_clause --pixazo-contract-expect {expect}"
        code, output = suite(tmp_path, url, options)
    assert (code, named(output, "XFAIL")) == (0, {"test_clause[STATUS-04]"})


EXPECTATION = '[[expect]]\nclause = "STATUS-04"\noutcome = "FAIL"\nreason = "known"\nexpires = 2999-01-01\n'


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (f"{LOCAL} {CLAUSES} AUTH-01", 10, "target unusable: the target does not respond (connect): check --pixazo-url"),
        (f"{CLAUSES} STATUS-99", 2, "--pixazo-contract-clauses STATUS-99 matches no clause"),
        (
            f"--pixazo-contract-pace 0 {CLAUSES} AUTH-01", 2,
            "pixazo-contracts: --pixazo-contract-pace 0.0 must be above 0",
        ),
        (f"--pixazo-contract-out /dev/null/x {CLAUSES} AUTH-01", 2, "pixazo-contracts: [Errno "),
    ],
    ids=["dead host", "no such clause", "bad setting", "no place"],
)  # fmt: skip
@pytest.mark.exhaustive
def test_what_is_unusable_ends_the_session(tmp_path: Path, options: str, code: int, said: str) -> None:
    """With one line and the code of the command; it is never green."""
    ended, output = suite(tmp_path, "http://127.0.0.1:9", options)
    assert ended == code
    assert said in output
    assert "Traceback" not in output


def anything(ask: Ask, reply: Reply) -> Reply:
    """Accepts whatever is submitted."""
    return Reply(202, ACCEPTED) if is_submit(ask) else reply


ACCEPTED = {"request_id": "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001", "status": "QUEUED"}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("granted", "edit", "works"),
    [
        pytest.param(0, None, 0, id="nothing granted"),
        pytest.param(1, None, 1, id="one granted, one taken"),
        pytest.param(2, anything, 0, id="anything accepted"),
    ],
)
def test_target_that_charges(tmp_path: Path, granted: int, edit: Edit | None, works: int) -> None:
    """Run and generated requests together spend no more than what was granted."""
    profile = tmp_path / "profile.toml"
    profile.write_text(PAID, encoding="utf-8")
    options = f"--pixazo-contract-profile {profile} --pixazo-contract-core --pixazo-contract-max-generations {granted}"
    with serve(speed=20, edit=edit or (lambda _, reply: reply)) as (url, gateway):
        _, output = suite(tmp_path, url, options)
        answered = [ask for ask in gateway.asked if is_submit(ask)]
    assert len(gateway.works) <= granted
    assert len(gateway.works) >= works
    if granted == 0:
        assert answered == []
    if edit is not None:
        assert len(answered) <= granted
    assert "generated requests could each cost a generation" in output


@pytest.mark.parametrize(("notes", "code"), [((), 2), (("what was recorded is judged by: ...",), 3)])
def test_only_what_ends_a_session_before_anything_was_sent_is_a_bad_setting(notes: tuple[str, ...], code: int) -> None:
    """As of the command: a run that was cut has a note that names its trace, which is printed."""
    error = OSError("no space left")
    for note in notes:
        error.add_note(note)
    with pytest.raises(pytest.exit.Exception) as ended, exit_if_unusable():
        raise error
    assert (ended.value.returncode, ended.value.msg) == (code, "; ".join(["pixazo-contracts: no space left", *notes]))
