"""SIGHUP: `serve` reads the files of --script and --profile again."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest
from msgspec.structs import replace
from tests.caller import Caller
from tests.command import COMMAND, run_process, started
from tests.patience import PATIENCE, until
from tests.servers import Redis
from tests.serving import ServeProcess
from tests.simulator.state.keeping import HEAD, KeptInProcess, replayed
from tests.test_workers import workers

from pixazo_simulator import PROFILES, Rule, Settings, Simulator, SimulatorError, contains
from pixazo_simulator.cli import workers as supervision
from pixazo_simulator.cli.workers import Workers
from pixazo_simulator.control import ControlClient
from pixazo_simulator.mutants import find_mutant
from pixazo_simulator.script import ConnectionReset, Delay, StatusCode
from pixazo_simulator.state.history import Replayed, export
from pixazo_simulator.state.store import MemoryStore
from pixazo_simulator.world import Worlds

PYTHON = sys.executable
BEFORE, AFTER = (Rule(when="status", faults=(StatusCode(status=code),)) for code in (500, 503))
OWN = Rule(when="generate", faults=(ConnectionReset(),))
POLICY = PROFILES["documented"].changed({"submit_code": 200})


def rules_of(client: ControlClient) -> list[Any]:
    """The rules of a world, as JSON has them."""
    return [each.rule for each in client.script().rules]


@pytest.mark.parametrize("state", ["memory", "memory-log"])
def test_a_world_that_nobody_has_changed_follows_the_files(state: str) -> None:
    """One whose script or policy a test has set keeps that; a new one begins with what is new."""
    with Simulator(Settings(keys=("as begun", "own script", "own policy"), script=(BEFORE,)), state=state) as simulator:
        begun, script, policy = (simulator.control(key) for key in simulator.settings.keys)
        script.add_rule(OWN)
        policy.change_world(policy={"cors": "on"})
        assert simulator.change_settings(policy=POLICY, script=[AFTER]) == 3
        assert simulator.change_settings(policy=POLICY, script=[AFTER]) == 0
        new = simulator.control().create_world()
        changed = [rules_of(each) == [AFTER.as_json()] for each in (begun, script, policy, new)]
        assert changed == [True, False, True, True]
        codes = [each.world().policy["submit_code"] for each in (begun, script, policy, new)]
        assert codes == ["200", "200", "202", "200"]
        with pytest.raises(ValueError, match="ltx/go"):
            simulator.change_settings(script=[Rule(when="ltx/go", faults=(ConnectionReset(),))])
        assert rules_of(begun) == [AFTER.as_json()]


def test_a_mutant_stays_one() -> None:
    """Its edits are made to the new policy, too."""
    with Simulator(change=find_mutant("not-found-at-first")) as simulator:
        simulator.change_settings(policy=POLICY.changed({"cors": "on"}))
        policy = simulator.control().world().policy
        assert [policy[name] for name in ("read_delay", "submit_code")] == ["500", "200"]


def test_what_is_kept_can_be_replayed() -> None:
    """From the entries of the log, from a saved state, and as the history of one world."""
    store = MemoryStore()
    settings = Settings(keys=("one", "two"), script=(BEFORE,), open_keys=True)
    with KeptInProcess(store, settings) as server:
        worlds = server.application.worlds
        server._runner.run(worlds.in_steps(worlds.follow, POLICY, (AFTER,)))
        assert Caller(server, "new").generate().status == 200
        expected, kept = server.rows, server._runner.run(store.read())
        world = worlds.find("one")
        assert world
        log = export(world, worlds, kept, server.application.scratch)
        assert Replayed(log, server.application.scratch).is_same
        state = [*worlds.saved()]
    assert replayed(settings, kept.entries)[0] == expected == replayed(settings, (), state)[0]
    again = Worlds(settings, begun=HEAD.begun)
    again.restore(state)
    assert (again.settings.policy, again.settings.script) == (POLICY, (AFTER,))


def test_a_kept_state_starts_with_what_was_read_last(tmp_path: Path) -> None:
    """Or with what it was created with, but with nothing else."""
    state = f"sqlite:{tmp_path}/worlds.db"
    rules = Rule(when="status", faults=(Delay(1),)), Rule(when="generate", match={"prompt": contains("bear")}), OWN
    first, last, other = (Settings(script=(each,)) for each in rules)
    last = replace(last, policy=POLICY)
    with Simulator(first, state=state) as simulator:
        simulator.change_settings(policy=last.policy, script=last.script)
    for settings in (last, first, last):
        with Simulator(settings, state=state) as simulator:
            assert rules_of(simulator.control().create_world()) == [rules[1].as_json()]
    wrong = {"script": other, "balance": replace(first, balance=1), "seed": replace(first, seed=1)}
    for named, settings in wrong.items():
        with pytest.raises(SimulatorError, match=f"was started with {named}"):
            Simulator(settings, state=state).start()


class Served:
    """`serve` with these options, whose log is read line by line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        assert process.stderr
        self.process, self._log = process, process.stderr
        _, url, _, key = process.stdout.readline().decode().split()
        self.client = ControlClient(url, key)

    def hang_up(self) -> str:
        """Send SIGHUP, and wait for the line about it."""
        self.process.send_signal(signal.SIGHUP)
        return next(line.decode().rstrip() for line in self._log if b"SIGHUP" in line)


@pytest.mark.slow
def test_serve_reads_its_files_again(tmp_path: Path) -> None:
    """A wrong file keeps what was, and says so in one line; SIGTERM still ends it with 0."""
    script, profile = tmp_path / "script.yaml", tmp_path / "profile.toml"
    script.write_text("rules: [{when: status, faults: [{fault: hang}]}]", encoding="utf-8")
    profile.write_text("submit_code = 202", encoding="utf-8")
    with started(COMMAND, "serve", "--port", "0", "--script", script, "--profile", profile) as process:
        served = Served(process)
        script.write_text("rules: [{when: status, faults: [{fault: drip}]}]", encoding="utf-8")
        profile.write_text("submit_code = 200", encoding="utf-8")
        refused = served.hang_up()
        assert re.fullmatch(
            rf"SIGHUP: script {script}, line 1: .*fault 'drip' does not exist.*; nothing was changed", refused
        )
        assert [each["faults"] for each in rules_of(served.client)] == [[{"fault": "hang"}]]
        assert served.client.world().policy["submit_code"] == "202"
        script.write_text("rules: [{when: status, faults: [{fault: empty_reply}]}]", encoding="utf-8")
        read = f"SIGHUP: read {script} and {profile} again; worlds changed: 1; new ones start with it"
        assert served.hang_up() == read
        assert [each["faults"] for each in rules_of(served.client)] == [[{"fault": "empty_reply"}]]
        assert served.client.world().policy["submit_code"] == "200"
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_serve_without_files_says_so() -> None:
    with started(COMMAND, "serve", "--port", "0", "--profile", "observed") as process:
        served = Served(process)
        assert served.hang_up() == "SIGHUP: no file to read again, since neither --script nor --profile names one"
        assert served.client.health().status == "ok"


IN_FRONT = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes its standard input the terminal that controls it, and becomes another program."""


def test_serve_ends_with_its_terminal(tmp_path: Path) -> None:
    """Also where there is a file to read again: nobody could end it any more."""
    script = tmp_path / "script.yaml"
    script.write_text("rules: []", encoding="utf-8")
    ours, theirs = pty.openpty()
    command = (sys.executable, "-c", IN_FRONT, COMMAND, "serve", "--port", "0", "--script", script)
    with started(*command, stdin=theirs) as process:
        os.close(theirs)
        Served(process)
        os.close(ours)
        assert process.wait(PATIENCE) == 0


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """One that says that it is ready, and ends when it is told to."""
    starting = tmp_path / "starting"
    starting.write_text("#!/bin/sh\necho ready\nread line\n", encoding="utf-8")
    starting.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(starting))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        workers = Workers(1, listener)
        yield workers
        workers.end()
        for process in workers._processes:
            process.communicate(timeout=PATIENCE)  # closes its pipes


def test_a_worker_that_is_starting_survives(worker: Workers) -> None:
    """The signal waits until the worker can read its files again: it would end one that cannot yet."""
    (process,) = worker._processes
    worker.hang_up()
    worker._ending.set()
    process.communicate(b"\n", PATIENCE)
    assert process.returncode == 0
    waiting = "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, {1}); os.kill(os.getpid(), 1)\n"
    waiting += "from pixazo_simulator.cli.process import Signals; Signals([1]).listen(os._exit); signal.pause()"
    assert run_process(PYTHON, "-c", waiting).returncode == 1


def test_a_worker_is_replaced_once_a_process_can_be_started(worker: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short, workers are killed, and for a while none can be started."""
    monkeypatch.setattr(supervision, "AGAIN", 0.01)
    full = Mock(side_effect=OSError(errno.ENOMEM, "Cannot allocate memory"))
    (first,) = worker._processes
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", full)
        first.communicate(b"\n", PATIENCE)
        until(lambda: full.call_count > 1)
    until(lambda: worker._processes not in ([], [first]))


def test_a_worker_that_ends_when_it_is_ready_is_not_replaced_immediately(worker: Workers) -> None:
    """Else those that end at once, one after the other, would fill a core and the log."""
    worker._ending = ending = Mock(wraps=worker._ending)
    worker._processes[0].communicate(b"\n", PATIENCE)
    until(lambda: call(supervision.AGAIN) in ending.wait.mock_calls)


@pytest.mark.slow
def test_all_workers_read_their_files_again(tmp_path: Path) -> None:
    """The supervisor tells each of them; worlds that are opened by any of them later begin with what is new."""
    script = tmp_path / "script.toml"
    script.write_text("[[rules]]\nwhen = 'status'\nfaults = [{ fault = 'hang' }]\n", encoding="utf-8")
    options = ("--workers", "2", "--open-keys", "--clock", "manual", "--script", str(script))
    with (
        Redis(tmp_path / "redis") as redis,
        ServeProcess(tmp_path / "serve", "--state", redis.url, *options) as serving,
    ):
        script.write_text("[[rules]]\nwhen = 'generate'\nfaults = [{ fault = 'hang' }]\n", encoding="utf-8")
        os.kill(serving.process.pid, signal.SIGHUP)
        until(lambda: rules_of(ControlClient(serving.url, serving.key))[0]["when"] == "generate")
        for number in range(6):  # connections of their own, which any worker accepts
            assert rules_of(ControlClient(serving.url, f"new {number}"))[0]["when"] == "generate"
        new = script.read_text(encoding="utf-8")
        script.write_text("nothing", encoding="utf-8")  # so no worker can be started in place of one that ends
        os.kill(min(workers(serving)), signal.SIGKILL)
        until(lambda: len(workers(serving)) == 1)
        assert rules_of(ControlClient(serving.url, serving.key))[0]["when"] == "generate"
        script.write_text(new, encoding="utf-8")
        until(lambda: len(workers(serving)) == 2)
