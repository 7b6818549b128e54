"""The command, over a real socket: exit codes, artefacts, and that no key is in them."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path
from shutil import copytree
from types import SimpleNamespace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import trustme
from click.testing import CliRunner
from tests.command import run_process
from tests.contracts.gateways.edits import coded, envelope, having
from tests.contracts.gateways.fake_gateway import ACCOUNTS, FAILED_PROMPT, KEY, Reply
from tests.contracts.gateways.fake_server import serve
from tests.receiver import Receiver, http_response
from tests.schemas import check
from tests.servers import free_port

from pixazo_contracts.clauses import CATALOGUE, select
from pixazo_contracts.cli import again, commands, group, main
from pixazo_contracts.runner import run_clock, session
from pixazo_contracts.trace import dump_record
from pixazo_simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from pixazo_contracts.runner import Progress
    from pixazo_contracts.trace import Record

REPORTS = ["junit.xml", "report.html", "result.json", "result.ndjson"]
PACE = ("--pace", "0.05", "--deadline", "10")


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"PIXAZO_API_KEY": KEY})


def run(origin: str, *arguments: str) -> Result:
    return command("run", "--target", origin, *PACE, *arguments)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serve() as (url, _):
        yield url


@pytest.fixture(scope="module")
def out(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts of one whole run against a faithful gateway."""
    path = tmp_path_factory.mktemp("whole")
    assert run(origin, "--out", str(path)).exit_code == 0
    return path


@pytest.mark.slow
def test_a_faithful_gateway_exits_0(out: Path) -> None:
    """The whole suite over a socket raises no alarm, and the JSON says so clause by clause."""
    assert check((out / "result.json").read_bytes()) == "result"
    result = json.loads((out / "result.json").read_text())
    assert result["exit_code"] == 0
    assert result["clauses"]["STATUS-07"]["outcome"] == "PASS"
    assert result["clauses"]["STATUS-07"]["findings"] == []
    assert result["summary"]["judged"] >= 150


def test_no_artefact_holds_the_key(out: Path) -> None:
    """The key stands in none of the files that a run writes."""
    assert sorted(path.name for path in out.iterdir()) == [*REPORTS, "trace.ndjson"]
    assert [path.name for path in out.iterdir() if KEY in path.read_text()] == []


@pytest.mark.slow
def test_judging_the_trace_gives_the_verdicts_of_the_run(out: Path, tmp_path: Path) -> None:
    """`judge` on a stored trace writes the same clauses as the run did."""
    assert command("judge", str(out), "--json", str(tmp_path / "again.json")).exit_code == 0
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["clauses"] == json.loads((out / "result.json").read_text())["clauses"]


@pytest.mark.exhaustive
def test_two_runs_do_not_differ(origin: str, out: Path, tmp_path: Path) -> None:
    """`diff` of two runs of one target is empty, whichever form of result it is given."""
    run(origin, "--json", str(tmp_path / "second.json"))
    compared = command("diff", str(out), str(tmp_path / "second.json"))
    assert (compared.output, compared.exit_code) == ("nothing changed\n", 0)


@pytest.mark.exhaustive
def test_a_regression_is_named_with_its_severity(out: Path, tmp_path: Path) -> None:
    """`diff` against a gateway wrong in one respect names that clause, and nothing else, as regressed."""
    with serve(edit=envelope(having(polling_url="https://example.com/"))) as (url, _):
        failed = run(url, "--json", str(tmp_path / "wrong.json"))
    assert failed.exit_code == 1
    assert "FAIL STATUS-07" in failed.output
    assert "curl -i -X GET" in failed.output
    compared = command("diff", str(out / "result.json"), str(tmp_path / "wrong.json"))
    assert compared.exit_code == 1
    named = [line.split("  ")[0] for line in compared.output.splitlines() if not line.startswith(" ")]
    assert named == ["regressed (breaking) STATUS-07"]
    as_json = command("diff", str(out), str(tmp_path / "wrong.json"), "--fail-on", "vanished", "--json")
    found = json.loads(as_json.output)
    assert ([change["clause"] for change in found["changes"]], found["exit_code"]) == (["STATUS-07"], 0)
    assert as_json.exit_code == 0
    written = command("diff", str(out), str(out), "--fail-on", "risky,any", "--json", str(tmp_path / "diff.json"))
    assert (written.output, written.exit_code) == ("nothing changed\n", 0)
    assert json.loads((tmp_path / "diff.json").read_text())["fail_on"] == ["risky", "any"]


@pytest.mark.exhaustive
def test_the_example_of_expectations_and_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the commands that docs/how-to/contracts.md prints: a known failure, and two runs that do not differ."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "contracts.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Known deviations")
    lines = [line[4:] for line in section.partition("\n## ")[0].splitlines() if line.startswith("    ")]
    commands = [line.removeprefix("pixazo-contracts ") for line in lines if line.startswith("pixazo-contracts ")]
    expectation = "\n".join(line for line in lines if not line.startswith("pixazo-contracts "))
    (tmp_path / "expect.toml").write_text(expectation.replace("2027-", "2999-"))
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    with serve(edit=envelope(having(polling_url="https://example.com/"))) as (url, _):
        for line in commands:
            few = (*PACE, "--clauses", "STATUS-0*", "--max-generations", "1", "--ledger", "ledger")
            only = few if line.startswith("run ") else ()
            carried_out = command(*line.replace("http://127.0.0.1:8900", url).split(), *only)
            assert carried_out.exit_code == 0, carried_out.output
            printed.append(carried_out.output)
    assert printed[0].endswith("\nexit code 0: Nothing unexpected was seen.\n")
    assert printed[-1] == "nothing changed\n"


@pytest.mark.exhaustive
def test_a_submit_that_waits_for_its_generation_fails() -> None:
    """A 202 that is held until the generation has ended is distinguished from one that is merely slow."""
    with serve(hold=lambda reply: 0.8 if reply.code == 202 else 0.0) as (url, _):
        assert "FAIL SUBMIT-14" in run(url, "--clauses", "SUBMIT-14").output
    with serve(hold=lambda _: 0.05) as (url, _):
        assert run(url, "--clauses", "SUBMIT-14").exit_code == 0


def test_the_reports_are_well_formed(out: Path) -> None:
    """JUnit has a case a clause and a sentinel; the page is one file that loads nothing."""
    suite = ET.parse(out / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(CATALOGUE) + 1), "0", "0")
    page = (out / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not any(loads in page for loads in ("<script", "src=", "@import"))
    assert re.findall("<link .*?>", page) == ['<link rel="icon" href="data:,">']
    assert re.findall(r"url\(.*?\)", page) == ["url(#queued)"]


@pytest.mark.exhaustive
def test_the_printed_command_repeats_the_run_for_one_clause(tmp_path: Path) -> None:
    """A shell that carries it out gets the same verdict, from the same accounts, prompts and settings; it holds no key."""
    profile, again = tmp_path / "my profile.toml", tmp_path / "again.json"
    profile.write_text(f'deadline = 10\n[accounts]\nsuspended = "{ACCOUNTS["suspended"]}"\n')
    more = ("--profile", str(profile), "--account", f"empty={ACCOUNTS['empty']}", "--prompt", f"failed={FAILED_PROMPT}")
    with serve(edit=coded(402, 403)) as (url, _):
        first = command("run", "--target", url, "--pace", "0.05", *more, "--seed", "7", "--out", str(tmp_path / "out"))
        judged = command("judge", str(tmp_path / "out" / "trace.ndjson"), "--clauses", "ERR-402-01")
        (line,) = {line for line in re.findall("again: (.*)", first.output + judged.output) if "ERR-402-01" in line}
        shell = {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}", "PIXAZO_API_KEY": KEY}
        ran = run_process("bash", "-c", f"{line} --json {again}", env=shell | {"KEY_OF_EMPTY": ACCOUNTS["empty"]})
    assert "with PIXAZO_API_KEY, KEY_OF_EMPTY in the environment" in judged.output
    assert not any(key in line for key in ACCOUNTS.values())
    assert "--seed 7" in line
    assert ran.returncode == 1, ran.stderr
    before = json.loads((tmp_path / "out" / "result.json").read_text())["clauses"]["ERR-402-01"]
    (after,) = json.loads(again.read_text())["clauses"].values()
    assert [before[name] for name in ("outcome", "requirement")] == ["FAIL", after["requirement"]]
    assert [each["got"] for each in before["findings"]] == [each["got"] for each in after["findings"]]


@pytest.mark.parametrize("end", ["", "/", "/tok", "?key=tok", "#tok"])
def test_a_receiver_url_that_may_hold_a_token_is_not_printed(end: str) -> None:
    """Only scheme, host and port stand in the command; any other URL is taken from the environment."""
    shown, hidden = f"http://127.0.0.1:9{end}", f"http://user:tok@127.0.0.1:9{end}"
    kept = shown if end in {"", "/"} else '"$RECEIVER_URL"'
    assert again(("x",), {"--receiver-url": shown}) == ("x", "--receiver-url", kept)
    assert again(("x",), {"--receiver-url": hidden}) == ("x", "--receiver-url", '"$RECEIVER_URL"')


def test_an_unusable_target_exits_10(origin: str) -> None:
    """One where nobody listens, or that does not know the key: that is not a clean run."""
    dead, refused = run(f"http://127.0.0.1:{free_port()}"), run(origin, "--api-key", "no-such-key-0001")
    assert (dead.exit_code, refused.exit_code) == (10, 10)
    assert "the target does not respond (connect)" in dead.output
    assert "the target refuses the key (401)" in refused.output


def test_a_target_that_redirects_elsewhere_is_unusable() -> None:
    """As one that only speaks https: the report names the origin that it redirects to."""
    with serve(edit=lambda ask, _: Reply(308, raw=b"", headers={"Location": f"https://gateway.example{ask.path}"})) as (
        url,
        _,
    ):
        moved = run(url, "--clauses", "STATUS-10")
    assert moved.exit_code == 10
    assert "target unusable: the target redirects to https://gateway.example: give that as --target\n" in moved.output


def test_a_private_authority_is_that_of_ssl_cert_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target on this machine is reached by it; without it the report names it."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.issue_cert("localhost").private_key_and_cert_chain_pem.tempfile() as chain:
        context.load_cert_chain(chain)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Receiver(http_response(401, b"{}"), context=context) as gateway:
        url = gateway.url.removesuffix("/hook")
        untrusted = run(url, "--clauses", "STATUS-10").output
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        trusted = run(url, "--clauses", "STATUS-10").output
    assert "(connect): check --target, and that its certificate is trusted (SSL_CERT_FILE)\n" in untrusted
    assert "the target refuses the key (401)" in trusted


@pytest.mark.parametrize(
    ("document", "code"), [({"accounts": {"empty": 3}}, 2), pytest.param(["none"], 0, marks=pytest.mark.slow)]
)
def test_a_mistake_in_the_discovery_document_is_named(document: object, code: int) -> None:
    """With its place and the option that does without, before anything is sent; what is no JSON object is no such document."""
    with serve(edit=lambda ask, reply: Reply(200, document) if "known" in ask.path else reply) as (url, _):
        ran = run(url, "--clauses", "AUTH-01")
    said = "got `int` - at `$.accounts[...]`: correct it, or let `run` ignore it (`--no-discovery`)"
    assert (ran.exit_code, said in ran.output) == (code, code == 2)


@pytest.mark.exhaustive
def test_a_clock_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is advanced where the target says how, so that every core clause is judged; elsewhere the run soon ends with 10."""
    monkeypatch.setattr(run_clock, "STANDSTILL", 0.2)
    with Simulator() as simulator:
        arguments = ("run", "--target", simulator.url, "--api-key", simulator.api_key, "--core")
        advanced = command(*arguments)
        left_alone = command(*arguments, "--no-discovery", "--pace", "0.1")
    assert (advanced.exit_code, left_alone.exit_code) == (0, 10)
    assert "judged 71 of 71 planned" in advanced.output
    assert "the target's clock stands still (Date has been " in left_alone.output
    assert "--no-discovery" in left_alone.output


def test_a_cut_trace_is_judged_and_exits_3(out: Path, tmp_path: Path) -> None:
    """A trace without its end is judged as far as it goes, every report says what is missing, and the run does not count as clean."""
    cut = tmp_path / "trace.ndjson"
    whole = (out / "trace.ndjson").read_bytes()
    cut.write_bytes(whole[: whole.index(b"\n", 20_000) - 1])
    judged = command("judge", str(cut), "--out", str(tmp_path))
    assert judged.exit_code == 3
    assert " PASS, " in judged.output
    missing = "the trace is incomplete, its line "
    for text in (judged.output, *((tmp_path / name).read_text() for name in REPORTS)):
        assert missing in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("what\nnobody foresaw"), "pixazo-contracts: the suite failed, ZeroDivisionError("),
        pytest.param(None, "pixazo-contracts: interrupted; ", id="SIGTERM"),
        pytest.param(KeyboardInterrupt(), "pixazo-contracts: interrupted; ", marks=pytest.mark.exhaustive),
        pytest.param(
            OSError(28, "No space left on device"),
            "pixazo-contracts: [Errno 28] No space left on device; ",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_a_run_that_breaks_off_exits_3(
    origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | None, said: str
) -> None:
    """Whatever ends a run before its end, one line says what, and how to judge the trace, which holds all that was sent."""

    def breaks(progress: Progress) -> None:
        if progress.probes_done == 3:
            if error is not None:
                raise error
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(commands, "_progress", lambda: breaks)
    broken = run(origin, "--out", str(tmp_path))
    assert (broken.exit_code, len(broken.stderr.splitlines())) == (3, 1)
    assert broken.stderr.startswith(said)
    assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    trace = tmp_path / "trace.ndjson"
    assert broken.stderr.endswith(f"; what was recorded is judged by: pixazo-contracts judge {trace}\n")
    judged = command("judge", str(trace))
    assert judged.exit_code == 3
    assert "the trace is incomplete, it has no footer" in judged.output


def test_a_run_without_a_result_is_judged_before_it_is_compared(out: Path, tmp_path: Path) -> None:
    compared = command("diff", str(out), str(tmp_path))
    remedy = f"there is no result: make it by pixazo-contracts judge {tmp_path} --out {tmp_path}"
    assert (compared.exit_code, compared.stderr) == (3, f"pixazo-contracts: {tmp_path / 'result.ndjson'}: {remedy}\n")


def test_certificates_that_cannot_be_read_are_named(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    refused = run(origin, "--no-discovery")
    said = "certificates cannot be read: No such file or directory: look at SSL_CERT_FILE and SSL_CERT_DIR"
    assert (refused.exit_code, refused.stderr) == (2, f"pixazo-contracts: {said}\n")


def test_a_report_that_fails_costs_no_other(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while a report is written is exit 3; the reports before it are there, and the terminal has its own."""

    def breaks(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("pixazo_contracts.report.render_html", breaks)
    failed = command("judge", str(out / "trace.ndjson"), "--out", str(tmp_path))
    assert failed.exit_code == 3
    assert "the suite failed, ZeroDivisionError" in failed.stderr
    assert " PASS, " in failed.stdout
    assert json.loads((tmp_path / "result.json").read_text())["exit_code"] == 0


def test_a_report_that_cannot_be_written_is_named(out: Path, tmp_path: Path) -> None:
    """It costs no other report, and a clean result: only a run that could not be used at all exits with 2."""
    (tmp_path / "full").symlink_to(tmp_path / "no" / "x")
    places = ("--json", str(tmp_path / "full"), "--junit", str(tmp_path / "junit.xml"))
    failed = command("judge", str(out / "trace.ndjson"), *places)
    assert (failed.exit_code, failed.stderr.count("\n")) == (3, 1)
    assert f"report {tmp_path / 'full'}: " in failed.stderr
    assert " PASS, " in failed.stdout
    assert (tmp_path / "junit.xml").exists()


def test_why_a_run_is_no_pass_is_said_where_no_clause_failed(out: Path, tmp_path: Path) -> None:
    judged = command("judge", str(out / "trace.ndjson"), "--floor", "100", "--junit", str(tmp_path / "junit.xml"))
    assert judged.stdout.endswith("\nexit code 13: Too little was judged to call this a pass.\n")
    (error,) = ET.parse(tmp_path / "junit.xml").findall(".//error")
    assert error.get("message") == "Too little was judged to call this a pass."


@pytest.mark.parametrize(
    "start", [("run", "--no-discovery", "--api-key", KEY, "--target"), ("proxy", "--upstream")], ids=" ".join
)
@pytest.mark.parametrize(
    ("options", "left"),
    [
        ("--out .", []),
        ("--out . --baseline .", ["result.json", "result.ndjson"]),
        ("--json result.json --junit junit.xml --html report.html", ["result.ndjson"]),
        ("--out . --json link", ["link"]),
    ],
)
def test_a_run_that_is_cut_leaves_no_reports_of_another(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, left: list[str], start: tuple[str, ...]
) -> None:
    """Those of an earlier run are removed before anything is sent, but for a result that may be the baseline."""
    copytree(out, tmp_path, dirs_exist_ok=True)

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "observe", cut)
    monkeypatch.setattr("pixazo_contracts.cli.proxy._serve", cut)
    monkeypatch.chdir(tmp_path)
    if "link" in left:  # as /dev/stdout, which is a link to the file that a shell redirects it to
        Path("link").symlink_to("trace.ndjson")
    assert command(*start, "http://127.0.0.1:1", *options.split()).exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [*left, "trace.ndjson"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_characters(encoding: str) -> None:
    """What its encoding cannot say is written as an escape."""
    arguments = [sys.executable, "-m", "pixazo_contracts", "list", "--core", "--clauses", "FLOW-01"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    listed = subprocess.run(arguments, capture_output=True, timeout=60, check=True, env=environment)
    assert listed.stdout.decode(encoding).startswith("FLOW-01       \\u2605 D")


@pytest.mark.slow
def test_a_trace_that_cannot_be_written(tmp_path: Path, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that fills up nothing more is sent, the report is printed all the same, and what fits is judged."""
    room, trace = iter(range(20)), str(tmp_path / "trace.ndjson")

    def filling(record: Record) -> bytes:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), trace)
        return dump_record(record)

    monkeypatch.setattr(session, "dump_record", filling)
    full = run(origin, "--out", str(tmp_path))
    assert full.exit_code == 11
    assert "spend guard: the trace cannot be written (" in full.stdout
    assert "the trace cannot be written (" in ET.parse(tmp_path / "junit.xml").findall(".//error")[0].get("message", "")
    judged = command("judge", trace).stdout
    (exchanges, callbacks) = re.findall(r"judged by the (\d+) exchanges and (\d+) callbacks", judged)[0]
    assert int(exchanges) + int(callbacks) == 19  # and the header


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--target nowhere", "--target is not a URL with a host"),
        ("--target http://127.0.0.1:1/v1", "has a path"),
        ("--target http://127.0.0.1:99999", "is not a URL with a host: write http://HOST:PORT"),
        ("--target http://127.0.0.1:", "is not a URL with a host: write http://HOST:PORT"),
        ("--target http://[::1", "is not a URL with a host"),
        ("--target ftp://127.0.0.1", "is not a URL with a host"),
        ("--target http://user:canary@127.0.0.1:1", "--target contains a user name or a password"),
        ("--target http://127.0.0.1:1?subscription-key=canary", "give only http://127.0.0.1:1"),
        ("--target nowhere?subscription-key=canary", "--target is not a URL with a host"),
        ("--target http://user:canary", "--target is not a URL with a host: write"),
        ("--target http://user%3Acanary%40127.0.0.1:1", "--target is not a URL with a host"),
        ("--target https://gateway.example --max-generations 1", "paid = true"),
        ("--clauses AUTH-* --clauses NOPE", "--clauses NOPE matches no"),
        ("--account empty", "write --account NAME=VALUE"),
        ("--account empyt=k", "unknown account 'empyt': did you mean 'empty'?"),
        ("--account s3cret-key=empty", "unknown account '...': known are"),
        ("--prompt fail=x", "unknown prompt 'fail': did you mean 'failed'?"),
        ("--have lts", "unknown capability 'lts': did you mean 'tls'?"),
        ("--junit /dev/null/x.xml", "report /dev/null/x.xml: "),
        ("--junit -", "report -: standard output has the report for people"),
        ("--out /dev/null", "report /dev/null: "),
        ("--pace 0", "must be above 0"),
        ("--pace 1e300", "at most 2592000"),
        ("--deadline inf", "--deadline inf must be above 0"),
        ("--floor nan", "--floor nan must be a number from 0 to 100"),
        ("--max-generations -1", "--max-generations"),
        ("--receiver 8080x", "write HOST:PORT"),
        ("--receiver 127.0.0.1:65536", "with a port from 0 to 65535"),
        ("--receiver 127.0.0.1:²", "write HOST:PORT"),
        ("--no-such-option", "No such option"),
    ],
)
def test_a_bad_setting_exits_2_and_says_what_to_do(arguments: str, complaint: str) -> None:
    """Each bad setting ends in exit 2 with its name and the remedy, before anything is sent; a password or key is not printed."""
    refused = command("run", "--target", "http://127.0.0.1:1", *arguments.split())
    assert refused.exit_code == 2
    assert complaint in refused.output
    assert "canary" not in refused.output


def expected(**changes: str) -> str:
    """A file with one expectation, changed."""
    made = {"clause": "STATUS-07", "outcome": "FAIL", "reason": "known", "expires": "2027-01-31", **changes}
    return "\n".join(["[[expect]]", *(f'{name} = "{value}"' for name, value in made.items())])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("payed = true\n", "unknown setting 'payed': did you mean 'paid'?"),
        ("[ceilings]\nweek = 3", "unknown setting [ceilings] 'week': known are run, day, month, refused"),
        ("[ceilings]\nday = -1", "[ceilings] day -1 must be at least 0"),
        ("[ceilings]\nday = true", "Expected `int | null`, got `bool` - at `$.ceilings.day`"),
        ("ceilings = 3", "got `int` - at `$.ceilings`"),
        ("pace = nan", "pace nan must be above 0"),
        ("pace = 0", "pace 0.0 must be above 0"),
        ("settle = -1", "settle -1.0 must be at least 0"),
        ("height_tolerance = inf", "height_tolerance inf must be at least 0"),
        ("paid = ", "write a TOML file"),
        (expected(expire="2027-01-31"), "unknown setting [[expect]] 'expire': did you mean 'expires'?"),
        (expected(expires="never"), "$.expect[0].expires`: write tables [[expect]] with clause = "),
        (expected(clause="STATUS-7"), "no clause 'STATUS-7': did you mean 'STATUS-07'?"),
        (expected(outcome="PASS"), "Invalid enum value 'PASS' - at `$.expect[0].outcome`"),
    ],
    ids=lambda text: text[:40],
)
def test_a_bad_file_exits_2_and_says_what_to_do(tmp_path: Path, settings: str, complaint: str) -> None:
    """The file, the setting, its value and the remedy, in one line, before anything is sent."""
    option, kind = ("--expect", "expectation file") if settings.startswith("[[expect]]") else ("--profile", "profile")
    file = tmp_path / "settings.toml"
    file.write_text(settings)
    refused = command("run", "--target", "http://127.0.0.1:1", option, str(file))
    assert (refused.exit_code, len(refused.output.splitlines())) == (2, 1)
    assert complaint in refused.output
    assert f"{kind} {file}: " in refused.output


@pytest.mark.parametrize(
    ("option", "content", "code"),
    [
        ("--expect", "x = " + "[" * 100_000, 2),
        ("--baseline", "[" * 100_000, 2),
        ("--baseline", '{"meta": ' + '{"a": ' * 100_000, 2),
        ("judge", '{"header": ' + "[" * 100_000, 3),
        ("diff", "{\n" + '{"a": ' * 100_000, 3),
    ],
)
def test_files_that_are_nested_too_deep(tmp_path: Path, option: str, content: str, code: int) -> None:
    """One line and the documented code, never a traceback."""
    path = tmp_path / "deep"
    path.write_text(content)
    arguments = {"judge": ("judge", str(path)), "diff": ("diff", str(path), str(path))}
    refused = command(*arguments.get(option, ("run", "--target", "http://127.0.0.1:1", option, str(path))))
    assert (refused.exit_code, len(refused.output.splitlines())) == (code, 1)
    assert str(path) in refused.output


PAID = "paid = true\npace = 0.05\ndeadline = 10\n[ceilings]\nday = 2\n"


@pytest.fixture
def paid(tmp_path: Path) -> tuple[str, ...]:
    """Options for a gateway that charges: a profile and a ledger."""
    profile = tmp_path / "paid.toml"
    profile.write_text(PAID)
    return ("--profile", str(profile), "--ledger", str(tmp_path / "ledger.ndjson"))


@pytest.mark.exhaustive
def test_where_the_ledger_is_kept(origin: str, paid: tuple[str, ...], tmp_path: Path) -> None:
    """`plan` and `run` print the ledger, and what of it is used once there is one; `plan` makes none."""
    path = tmp_path / "ledger.ndjson"
    granted = (*paid, "--max-generations", "1", "--clauses", "T2V-BODY-01")
    planned = command("plan", "--target", origin, *granted)
    assert planned.output.splitlines()[0] == f"ledger: {path} (no file yet: ceilings begin now)"
    assert not path.exists()
    ran = run(origin, *granted)
    assert ran.exit_code == 0
    assert ran.output.splitlines()[0] == f"ledger: {path} (no file yet: ceilings begin now)"
    again = command("plan", "--target", origin, *granted)
    assert again.output.splitlines()[0] == f"ledger: {path} (1 generations in all, 1 of 2 this day)"


@pytest.mark.exhaustive
def test_a_ceiling_that_is_reached_exits_11(origin: str, paid: tuple[str, ...], tmp_path: Path) -> None:
    """What runs of this day have spent is not spent again; the ceiling and the ledger are named."""
    granted = (*paid, "--max-generations", "2", "--clauses", "T2V-BODY-0*")
    assert run(origin, *granted).exit_code == 0
    refused = run(origin, *granted)
    assert refused.exit_code == 11
    assert f"the ceiling day = 2 is reached: 2 generations in the ledger {tmp_path / 'ledger.ndjson'}" in refused.output


@pytest.mark.parametrize(
    ("verb", "below", "complaint"),
    [
        ("plan", "", "line 1 is not an entry"),
        ("run", "", "line 1 is not an entry"),
        ("run", "/x", "Not a directory: make"),
    ],
)
def test_a_ledger_that_cannot_be_used_exits_2(
    paid: tuple[str, ...], tmp_path: Path, verb: str, below: str, complaint: str
) -> None:
    """Nothing is sent where the ledger cannot be read or written; file and remedy are named."""
    (tmp_path / "ledger.ndjson").write_text("garbage\n")
    path = f"{tmp_path / 'ledger.ndjson'}{below}"
    refused = command(verb, "--target", "http://127.0.0.1:1", *paid, "--ledger", path, "--max-generations", "1")
    assert refused.exit_code == 2
    assert refused.output.startswith(f"pixazo-contracts: ledger {path}: {complaint}")


def test_one_target_has_one_ledger(tmp_path: Path) -> None:
    """The ledger's name is the same for every spelling of the target."""
    profile = tmp_path / "paid.toml"
    profile.write_text(PAID)
    hosts = ("127.0.0.1", "LOCALHOST", "127.1", "[::ffff:127.0.0.1]", "a.localhost")
    arguments = ("--profile", str(profile), "--clauses", "AUTH-01")
    planned = [command("plan", "--target", f"http://{host}:8900", *arguments) for host in hosts]
    (reported,) = {each.output.splitlines()[0] for each in planned}
    assert "pixazo-contracts/ledger-" in reported


def test_planning_sends_nothing() -> None:
    """`plan` for a gateway that charges prints costs and what stays unjudged, without a connection."""
    planned = command("plan", "--target", "https://gateway.invalid")
    assert planned.exit_code == 0
    assert "generations: at worst 0, expected 0, of a budget of 0" in planned.output
    assert "unjudged: " in planned.output


def test_a_plan_says_how_far_the_throttle_is_sought() -> None:
    """At worst six generations, one as expected, and how many requests."""
    planned = command("plan", "--target", "http://127.0.0.1:1", "--max-generations", "9", "--account", "throttled=k")
    (line,) = (each for each in planned.output.splitlines() if each.startswith("throttled account"))
    reads = "at most 20 reads (4 on this machine)"
    assert line.split() == f"throttled account 6 1 {reads} and then at most 6 submits until one gets 429".split()


def test_the_catalogue_is_listed() -> None:
    """`list` prints a line a clause, `--core` the core ones."""
    for options, clauses in (((), select()), (("--core",), select(core=True))):
        listed = command("list", *options).output.splitlines()
        assert [line.split()[0] for line in listed] == [each.id for each in clauses]


@pytest.mark.parametrize(
    ("limited", "code", "said"), [("false", 0, "DRIFT STATUS-11"), ("true", 12, "record a new baseline")]
)
@pytest.mark.exhaustive
def test_a_baseline_of_another_profile(
    origin: str, out: Path, tmp_path: Path, limited: str, code: int, said: str
) -> None:
    """It counts for what the other settings cannot change; where nothing is left to compare, it is out of date."""
    changed = (out / "result.ndjson").read_text().replace("encoded slash: 404", "encoded slash: 400")
    baseline = tmp_path / "baseline.ndjson"
    baseline.write_text(changed.replace('"limited":"false"', f'"limited":"{limited}"'))
    ran = run(origin, "--pace", "0.06", "--have", "tls", "--clauses", "STATUS-11", "--baseline", str(baseline))
    assert ran.exit_code == code
    assert said in ran.output


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_only() -> None:
    """A run tells its progress on a terminal and writes nothing to a pipe."""
    arguments = [sys.executable, "-m", "pixazo_contracts", "run", "--target", "http://127.0.0.1:1", "--api-key", KEY]
    piped = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    assert piped.stderr == b""
    leader, follower = pty.openpty()
    known = os.environ | {"TERM": "xterm"}
    subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=follower, env=known, timeout=60, check=False)
    os.close(follower)
    shown = os.read(leader, 4096).decode()
    os.close(leader)
    assert "1 of " in shown


@pytest.mark.parametrize(
    ("variables", "where", "used"),
    [
        ({}, "terminal", True),
        ({}, "pipe", False),
        ({"NO_COLOR": "1"}, "terminal", False),
        ({"TERM": "dumb"}, "terminal", False),
        ({"FORCE_COLOR": "1"}, "pipe", True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, "pipe", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "terminal", False),
    ],
)
def test_when_a_report_has_colours(
    variables: dict[str, str], where: str, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, unless the environment says otherwise."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: where == "terminal"))
    assert commands.uses_colour() is used


def test_a_command_without_the_extra_exits_2_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, no traceback is printed but what to install."""

    def fail(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'markdown_it'", name="markdown_it")

    monkeypatch.setattr(group, "import_module", fail)
    result = command("run", "--help")
    assert result.exit_code == 2
    assert "run needs markdown_it, which is not installed: pip install 'pixazo-testkit[contracts]'" in result.output
