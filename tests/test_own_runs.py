"""What a run of these tests promises: it says what failed, and it ends."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.command import started
from tests.patience import PATIENCE

CONFTEST = (Path(__file__).parent.parent / "conftest.py").read_text(encoding="utf-8")
HANGING = """
import threading

def test_first():
    assert 1 == 2

def test_second():
    threading.Event().wait()  # for ever
"""
FORKING = """
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.fork()
os.write(1, b"ready\\n")
time.sleep(3600)
"""


@pytest.fixture
def hanging(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with our settings, and with a test that fails before one that hangs."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_app=HANGING)
    return pytester


def test_the_slices_of_a_run_are_all_its_tests(hanging: pytest.Pytester) -> None:
    """Each test is in one of them."""
    named = [
        line
        for part in ("1/2", "2/2")
        for line in hanging.runpytest("--collect-only", "-q", "--slice", part).outlines
        if "::" in line
    ]
    assert sorted(named) == ["test_app.py::test_first", "test_app.py::test_second"]
    refused = hanging.runpytest("--slice", "3/2")
    refused.stderr.fnmatch_lines(["*'3/2' is no part: write K/N with K from 1 to N, such as 7/24"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), ["quick"]),
        (("--slow",), ["quick", "slow"]),
        (("-m", "slow"), ["slow"]),
        (("-m", "exhaustive"), ["exhaustive"]),
        (("--exhaustive",), ["quick", "slow", "exhaustive"]),
        (("--exhaustive-part", "1/1"), ["quick", "exhaustive"]),
        (("--slow", "--exhaustive-part", "1/2", "--slice", "1/1"), ["quick", "slow"]),
        (("--slow", "--quick-part", "1/2"), ["quick", "slow"]),
        (("--slow", "--quick-part", "2/2"), ["slow"]),
        (("test_app.py::test_exhaustive",), ["exhaustive"]),
    ],
    ids=" ".join,
)
def test_what_takes_long_runs_when_asked_for(
    pytester: pytest.Pytester, options: tuple[str, ...], named: list[str]
) -> None:
    """By an option, by its marker, or by its name."""
    pytester.makeconftest(CONFTEST)
    marked = "import pytest\n" + "\n".join(
        f"@pytest.mark.{name}\ndef test_{name}(): pass" for name in ("slow", "exhaustive")
    )
    pytester.makepyfile(test_app=f"def test_quick(): pass\n{marked}")
    collected = pytester.runpytest("--collect-only", "-q", *options).outlines
    assert [line for line in collected if "::" in line] == [f"test_app.py::test_{name}" for name in named]


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "xdist"])
def test_a_run_that_is_cut_short_has_printed_what_failed(hanging: pytest.Pytester, options: tuple[str, ...]) -> None:
    """One line with the name of the test and the error is printed as soon as the test has failed."""
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options)
    with started(*command, cwd=hanging.path, env=os.environ) as process:
        assert process.stdout
        failed = next(line for line in process.stdout if line.startswith(b"FAILED"))
    assert failed.startswith(b"FAILED test_app.py::test_first (call): ")
    assert failed.endswith(b": assert 1 == 2\n")


@pytest.mark.slow
def test_a_test_that_hangs_is_ended_and_says_where(hanging: pytest.Pytester) -> None:
    """Past its time limit it fails, with the line at which it waited."""
    # Not the set-up: on a busy machine that takes longer than the second.
    limit = ("-p", "pytest_timeout", "-o", "timeout_func_only=true", "--timeout", "1")
    done = hanging.runpytest_subprocess(*limit, "-k", "second")
    done.assert_outcomes(failed=1, deselected=1)
    done.stdout.fnmatch_lines([">   *threading.Event().wait()  # for ever", "*Failed: Timeout*"])


def test_the_limit_of_a_test_is_longer_than_any_wait(pytestconfig: pytest.Config) -> None:
    """The wait that failed is what is shown, not the limit of the whole test."""
    assert float(pytestconfig.getini("timeout")) >= 5 * PATIENCE


def test_a_process_ends_with_its_block() -> None:
    """A process that ignores signals and the child that it has started: no one holds the other end of the pipe open."""
    reading, writing = os.pipe()
    with started(sys.executable, "-c", FORKING, pass_fds=(writing,)) as process:
        os.close(writing)
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == [b"ready\n"] * 2
    assert process.returncode == -signal.SIGKILL
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_a_process_does_not_inherit_that_sigint_is_ignored() -> None:
    """As it is where a shell script runs the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with started(sys.executable, "-c", "input()") as process:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) != 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
