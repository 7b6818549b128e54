"""Scenarios of one process: calls without a socket, the client, tests with and without the plugin, commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from statistics import median
from typing import Any

import httpx2

from pixazo_client import PixazoClient
from pixazo_simulator import Clock, Settings, Simulator

from .load import KEY, KEY_HEADER, SERVER_CORE, pinned
from .plan import Bench
from .results import OURS, RATIO, Goal, row
from .servers import ROOT, SCRIPTS, pixazo_sim, serving, submitted

CONSTANT = "constant MockTransport"


def _seconds(call: Callable[[], object], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that one call takes, of many in a row."""
    began = clock()
    for _ in range(count):
        call()
    return (clock() - began) / count


def transport(bench: Bench) -> None:
    """A status read through the transport of a simulator, beside one that returns constant bytes, and beside respx."""
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator())
        headers = {KEY_HEADER: KEY}
        status = _generation(simulator)
        body = httpx2.get(status, headers=headers).content
        constant = httpx2.MockTransport(
            lambda _: httpx2.Response(200, content=body, headers={"content-type": "application/json"})
        )
        calls = {CONSTANT: _reader(stack, constant, status), OURS: _reader(stack, simulator.transport(), status)}
        if find_spec("respx"):
            import httpx
            import respx

            router = stack.enter_context(respx.mock(assert_all_called=False))
            router.get(status).respond(200, content=body)
            other = stack.enter_context(httpx.Client(headers=headers))
            calls["respx"] = lambda: other.get(status)
        took: dict[str, list[float]] = {name: [] for name in calls}
        for _ in bench.rounds(30, 8, "calls in process"):
            for name in bench.shuffled(list(calls)):
                took[name].append(_seconds(calls[name], 100))
    for name, values in took.items():
        ratios = [value / bare for value, bare in zip(values, took[CONSTANT], strict=True)]
        goal, note = Goal(1.3) if name == OURS else None, f"{median(values) * 1e6:.0f} us"
        bench.run.add(row("transport in process, a status read", name, RATIO, ratios, goal, note=note))


def _generation(simulator: Simulator) -> str:
    with PixazoClient(api_key=KEY, base_url=simulator.url) as client:
        return client.generate("A cat catches a fish").polling_url


def _reader(stack: ExitStack, way: Any, status: str) -> Callable[[], object]:
    client = stack.enter_context(httpx2.Client(transport=way, headers={KEY_HEADER: KEY}))
    return lambda: client.get(status)


def fresh_world(bench: Bench) -> None:
    """A world that is created and deleted by the control API in process, as for each test."""
    took: list[float] = []
    with Simulator(Settings(clock=Clock.manual)) as simulator:
        control = simulator.control()

        def create_and_delete() -> None:
            began = time.perf_counter()
            world = control.create_world(clock="manual")
            took.append((time.perf_counter() - began) * 1000)
            world.delete_world()

        for _ in bench.rounds(20, 5, "fresh worlds"):
            _seconds(create_and_delete, 50)
    bench.run.add(row("a fresh world", OURS, "ms", took[1:], Goal(0.3)))


def client(bench: Bench) -> None:
    """CPU time that our client adds to a call of the HTTP library which it uses."""
    with serving(OURS, pixazo_sim()) as server:
        called = submitted(server.target)[0]
        url, headers = called.url + called.status, {KEY_HEADER: KEY}
        with httpx2.Client() as http:
            ours = PixazoClient(api_key=KEY, base_url=server.url, http_client=http)
            request_id = called.status.rpartition("/")[2]
            calls: dict[str, Callable[[], object]] = {
                "httpx2": lambda: http.get(url, headers=headers), "client": lambda: ours.retrieve(request_id),
            }  # fmt: skip
            added: list[float] = []
            for _ in bench.rounds(30, 8, "calls of the client"):
                found = {name: _seconds(calls[name], 100, time.process_time) for name in bench.shuffled(list(calls))}
                added.append((found["client"] - found["httpx2"]) * 1e6)
    bench.run.add(row("our client, added to a call of httpx2", "client", "us", added, Goal(15)))


def per_test(bench: Bench) -> None:
    """Whole tests with our fixtures, above empty ones, and a poll loop of 15 minutes."""
    times = bench.folder / "times"
    count = bench.choose(200, 40)
    bench.say(0.1, f"{count} tests of each kind")
    env = {"BENCH_TIMES": str(times), "BENCH_TESTS": str(count), "PYTHONPATH": str(ROOT)}
    _pytest(bench, "-p", "pytest_pixazo.plugin", "-p", "bench.per_test", str(ROOT / "bench" / "per_test.py"), **env)
    took: dict[str, list[float]] = json.loads(times.read_text(encoding="ascii"))
    empty = median(took["test_empty"])
    for fixture, goal in (("pixazo", 1.0), ("pixazo_client", 1.5)):
        values = [(each - empty) * 1000 for each in took[f"test_{fixture}"]]
        bench.run.add(row(f"a test with `{fixture}`, above an empty one", "plugin", "ms", values, Goal(goal)))
    loops = [each * 1000 for each in took["poll"]]
    bench.run.add(row("a poll loop of 15 minutes", "plugin", "ms", loops, Goal(50)))


def plugin(bench: Bench) -> None:
    """CPU time of a pytest run that uses no fixture of ours, with the plugin and without."""
    place = bench.folder / "test_nothing.py"
    place.write_text("def test_nothing():\n    pass\n", encoding="ascii")
    env = {"PYTHONPATH": str(ROOT)}
    # pytest looks among all entry points for a plugin that is named, which takes longer than ours: so an empty one is named, too.
    options = {"without": ("-p", "bench", str(place)), "with": ("-p", "pytest_pixazo.plugin", str(place))}
    for each in options.values():
        _pytest(bench, *each, **env)  # compiles what is not compiled yet
    added: list[float] = []
    for _ in bench.rounds(40, 6, "pytest with and without the plugin"):
        found = {name: _pytest(bench, *options[name], **env) for name in bench.shuffled(list(options))}
        added.append((found["with"] - found["without"]) * 1000)
    bench.run.add(row("a pytest run without our fixtures, CPU added by the plugin", "plugin", "ms", added, Goal(5)))


def commands(bench: Bench) -> None:
    """CPU time of commands that only print, above that of an interpreter that does nothing."""
    sim = str(SCRIPTS / "pixazo-sim")
    found: dict[str, list[float]] = {}
    lines = {
        "python": (sys.executable, "-c", "pass"),
        "--version": (sim, "--version"),
        "--help": (sim, "--help"),
        "serve --help": (sim, "serve", "--help"),
    }
    for number in bench.rounds(20, 5, "commands"):
        took = {name: _cpu(lines[name]) for name in bench.shuffled(list(lines))}
        if number:  # the first one compiles
            for name, seconds in took.items():
                found.setdefault(name, []).append((seconds - took["python"]) * 1000)
    del found["python"]
    for name, values in found.items():
        goal = Goal(60) if name != "serve --help" else Goal(float(f"{median(found['--help']):.4g}"))
        bench.run.add(row(f"pixazo-sim {name}, CPU above bare Python", "command", "ms", values, goal))


def _pytest(bench: Bench, *options: str, **env: str) -> float:
    """CPU seconds of a pytest run without other plugins and without our settings."""
    ini = bench.folder / "pytest.ini"
    ini.write_text("[pytest]\n", encoding="ascii")
    command = (sys.executable, "-m", "pytest", "-q", "-c", str(ini), "--noconftest", "-p", "no:cacheprovider", *options)
    return _cpu(command, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS="", **env)


def _cpu(command: Sequence[str], **env: str) -> float:
    """CPU seconds of a process and its children. Raises RuntimeError with what it printed when it fails."""
    with pinned(SERVER_CORE), subprocess.Popen(
        command, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            printed = process.stdout.read() if process.stdout else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(command)} has ended with {process.returncode}: {printed[-500:].decode(errors='replace')}"
        )
    return usage.ru_utime + usage.ru_stime
