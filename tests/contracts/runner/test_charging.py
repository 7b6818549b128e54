"""A gateway that charges and lies: what it created never exceeds what was granted, by whatever way it is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.command import started
from tests.contracts.fake_run import ORIGIN, InProcess
from tests.contracts.gateways.fake_gateway import ACCOUNTS, KEY, Answered, Ask
from tests.contracts.gateways.lying_gateway import LIES, LyingGateway, serve

from pixazo_contracts.cli import main
from pixazo_contracts.probes import PROBES
from pixazo_contracts.probes.conversation import Send
from pixazo_contracts.runner.ledger import Ledger
from pixazo_contracts.runner.run_clock import VirtualClock
from pixazo_contracts.runner.session import RunOptions, run
from pixazo_contracts.runner.spend import BudgetExhaustedError, SpendGuard
from pixazo_contracts.runner.transport import HttpTransport
from pixazo_contracts.trace.target import Profile, Target

PAID = "paid = true\npace = 0.05\ndeadline = 5\nsettle = 0.1\n"
SEEDS = st.integers(0, 2**32 - 1)
LIARS = st.lists(st.sampled_from(LIES), min_size=1, max_size=len(LIES), unique=True)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, lies=LIARS, granted=st.integers(0, 4))
@pytest.mark.exhaustive
def test_a_run_creates_no_more_than_was_granted(seed: int, lies: list[str], granted: int) -> None:
    """All probes, with every account, against any mixture of lies."""
    gateway = LyingGateway(seed, lies)
    profile = Profile(origin=ORIGIN, paid=True, pace=5.0, deadline=60.0, settle=30.0, virtual=True)
    target = Target(profile, {"default": (KEY,), **{role: (key,) for role, key in ACCOUNTS.items()}})
    options = RunOptions(run="testrun0", max_generations=granted, receiver=None)
    run(target, PROBES, options, clock=VirtualClock(lambda _: None), network=InProcess(gateway.answer))
    assert gateway.created <= granted


@settings(max_examples=25, deadline=None)
@given(
    seed=SEEDS,
    lies=LIARS,
    granted=st.integers(0, 6),
    intents=st.lists(st.sampled_from(("accept", "refuse", "any")), min_size=8, max_size=24),
)
def test_parallel_connections_create_no_more_than_was_granted(
    seed: int, lies: list[str], granted: int, intents: list[str]
) -> None:
    """Eight threads on the guard and the wire below it."""
    gateway = LyingGateway(seed, lies)
    wire = HttpTransport(Profile(origin=ORIGIN, paid=True), InProcess(gateway.answer))
    guard = SpendGuard(granted, Ledger(None, "run"), inner=wire, origin=ORIGIN)

    def submit(intent: str) -> None:
        url = f"{ORIGIN}/minimax-hailuo-ai/v1/generate"
        request = Send(operation="generate", method="POST", url=url, case="x", intent=intent, body=b"{}")  # type: ignore[arg-type]  # one of the three words
        with suppress(BudgetExhaustedError):
            guard.send(request)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(submit, intents))
    wire.close()
    assert gateway.created <= granted
    assert guard.spent == gateway.created


@pytest.mark.parametrize("lie", LIES)
def test_each_request_on_the_wire_is_paid_for_once(lie: str) -> None:
    """Over real connections nothing below the guard sends a submit again: no redirect, no retry, no lost connection."""
    gateway = LyingGateway(0, [lie])
    with serve(gateway) as origin:
        wire = HttpTransport(Profile(origin=origin, paid=True, deadline=5.0))
        guard = SpendGuard(None, Ledger(None, "run"), inner=wire, origin=origin)
        for _ in range(3):
            url = f"{origin}/minimax-hailuo-ai/v1/generate"
            guard.send(Send(operation="generate", method="POST", url=url, case="x", intent="refuse", body=b"{}"))
        wire.close()
    assert (gateway.created, guard.spent) == (3, 3)


def _profile(directory: Path, *ceilings: str) -> str:
    path = directory / "profile.toml"
    path.write_text("\n".join([PAID, "[ceilings]", *ceilings]))
    return str(path)


def _environment(directory: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**inherited, "XDG_STATE_HOME": str(directory), "PIXAZO_API_KEY": KEY}


@pytest.mark.slow
def test_the_command_creates_no_more_than_was_granted(tmp_path: Path) -> None:
    """`run` over a socket: two created of a gateway that says 500 to all, exit 10, and nobody's key in the ledger."""
    gateway = LyingGateway(7)
    with serve(gateway) as origin:
        arguments = ["run", "--target", origin, "--profile", _profile(tmp_path), "--max-generations", "2"]
        done = CliRunner().invoke(main, arguments, env=_environment(tmp_path))
    assert (done.exit_code, gateway.created) == (10, 2)
    assert "2 of 2 generations spent, 0 reserved and given back" in done.output
    (ledger,) = (tmp_path / "pixazo-contracts").iterdir()
    assert f"ledger: {ledger} (no file yet: ceilings begin now)" in done.output
    assert ledger.read_text().count('"spend"') == 2
    assert KEY not in ledger.read_text()


@pytest.mark.slow
def test_a_trace_that_was_cut_short_says_what_was_spent(tmp_path: Path) -> None:
    """Its end, which counts that, is missing; the exchanges say it, too."""
    with serve(LyingGateway(7)) as origin:
        arguments = ["run", "--target", origin, "--profile", _profile(tmp_path), "--max-generations", "2"]
        CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")], env=_environment(tmp_path))
    trace = tmp_path / "out" / "trace.ndjson"
    trace.write_text("".join(trace.read_text().splitlines(keepends=True)[:-1]))
    judged = CliRunner().invoke(main, ["judge", str(trace)], env=_environment(tmp_path))
    assert "2 of 2 generations spent, or more: the ledger has those that were under way" in judged.output


@pytest.mark.slow
def test_a_number_that_is_named_counts_on_this_machine_too(tmp_path: Path) -> None:
    """A tunnel to a gateway that charges ends on loopback: without a profile, too, two are created at most."""
    gateway = LyingGateway(7)
    with serve(gateway) as origin:
        arguments = ["run", "--target", origin, "--max-generations", "2", "--pace", "0.05", "--deadline", "5"]
        CliRunner().invoke(main, arguments, env=_environment(tmp_path))
    assert 1 <= gateway.created <= 2


def _started(origin: str, directory: Path, profile: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The command in a process of its own, which is killed if it is still running afterwards."""
    command = (sys.executable, "-m", "pixazo_contracts", "run", "--target", origin, "--profile", profile)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return started(*command, "--max-generations", "9", "--clauses", "AUTH-*", env=_environment(directory), **quiet)


@pytest.mark.slow
def test_runs_at_once_keep_a_ceiling_together(tmp_path: Path) -> None:
    """Three commands at once, each granted nine, under `day = 2`: two are created."""
    gateway = LyingGateway(7, ["408"])
    with serve(gateway) as origin, ExitStack() as running:
        profile = _profile(tmp_path, "day = 2")
        runs = [running.enter_context(_started(origin, tmp_path, profile)) for _ in range(3)]
        codes = {run.wait(timeout=120) for run in runs}
    assert (gateway.created, codes) == (2, {11})


@pytest.mark.slow
def test_a_run_that_is_killed_has_spent(tmp_path: Path) -> None:
    """Killed amid a submit, the reservation stands: the next run may create one less."""
    arrived, never = threading.Event(), threading.Event()

    class Holding(LyingGateway):
        def answer(self, ask: Ask) -> Answered:
            response = super().answer(ask)
            if self.created == 1 and not never.is_set():
                arrived.set()
                never.wait(120)
            return response

    gateway = Holding(7, ["408"])
    with serve(gateway) as origin:
        profile = _profile(tmp_path, "day = 2")
        with _started(origin, tmp_path, profile):
            assert arrived.wait(60)
        never.set()
        with _started(origin, tmp_path, profile) as second:
            assert second.wait(timeout=120) == 11
    assert gateway.created == 2


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.exhaustive
def test_the_tests_create_no_more_than_was_granted(tmp_path: Path, seed: int) -> None:
    """`pytest --pyargs pixazo_contracts`: the run and what is generated share one budget and one ledger."""
    gateway = LyingGateway(seed)
    ledger = tmp_path / "ledger.ndjson"
    with serve(gateway) as origin:
        command = (sys.executable, "-m", "pytest", "--pyargs", "pixazo_contracts", "-q", "-p", "no:cacheprovider")
        options = {"profile": _profile(tmp_path), "max-generations": "2", "ledger": ledger, "clauses": "AUTH-*"}
        given = [f"--pixazo-contract-{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            [*command, f"--pixazo-url={origin}", *given],
            cwd=tmp_path,
            env=_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert gateway.created == 2
    assert done.returncode == 1
    assert f"ledger: {ledger} (no file yet: ceilings begin now)" in done.stdout
    assert "2 of 2 generations spent" in done.stdout
    assert ledger.read_text().count('"spend"') == 2
