"""Scenarios over the socket: throughput and latency, rules, growth, start, webhooks."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from pixazo_simulator import ControlClient, ControlError

from .apps import SUBMIT_PATH
from .load import BODY, CONNECTIONS, LOAD_CORE, Kind, Load, LoadError, Target, pinned, run_load
from .peers import peers
from .plan import Bench
from .results import OURS, RATIO, Goal, row
from .servers import (
    RICH,
    Server,
    ServerError,
    arm,
    exchange,
    free_port,
    pixazo_sim,
    program,
    serving,
    submitted,
    uvicorn,
    with_collector,
)

REFERENCE = "raw uvicorn"
ARMED = "simulator, 20 rules"
WIREMOCK = "WireMock"
WEBHOOKS = 10_000
LABELS: dict[Kind, str] = {"read": "status read", "submit": "submit", "mixed": "mixed 9:1"}


class _Figure(msgspec.Struct, frozen=True):
    """What is read off the rounds of one kind of load: the rate, or the latency of a percentile."""

    label: str
    kind: Kind
    connections: int
    goals: dict[str, Goal]
    percentile: float | None = None

    def of(self, measured: Load) -> float:
        """Requests a second, or microseconds."""
        return measured.percentile(self.percentile) if self.percentile else measured.rate


def _rate(kind: Kind, goal: float, armed: float | None = None) -> _Figure:
    goals = {OURS: Goal(goal, at_least=True)} | ({ARMED: Goal(armed, at_least=True)} if armed else {})
    return _Figure(f"{LABELS[kind]}, requests/s", kind, CONNECTIONS, goals)


_FIGURES = (
    _rate("read", 1.5, 1.0),
    _Figure(f"{CONNECTIONS} connections, p99", "read", CONNECTIONS, {OURS: Goal(1.2)}, 99),
    _rate("submit", 0.9, 0.6),
    _rate("mixed", 1.3),
    _Figure("one connection, p50", "read", 1, {OURS: Goal(1.0)}, 50),
)


@contextmanager
def answered_simulator(bench: Bench) -> Generator[Server]:
    """A simulator whose target reads a generation that has completed; its answers are kept for the peers."""
    with serving(OURS, pixazo_sim(*RICH)) as server:
        server.target, body = submitted(server.target, **{"X-Sim-Outcome": "after 0.001"})
        while b'"COMPLETED"' not in (read := exchange(server.target)[1]):
            time.sleep(0.01)
        answers = bench.folder / "answers"
        answers.mkdir(exist_ok=True)
        (answers / "submit").write_bytes(body)
        (answers / "read").write_bytes(read)
        os.environ["BENCH_ANSWERS"] = str(answers)
        yield server


def load(bench: Bench) -> None:
    """Throughput and latency of all servers, which are alive at once: each round beside one of the reference."""
    with ExitStack() as stack:
        servers = {OURS: stack.enter_context(answered_simulator(bench))}
        servers[ARMED] = stack.enter_context(serving(ARMED, pixazo_sim(*RICH)))
        servers[ARMED].target = arm(servers[ARMED], 20, "status", "submit")
        reference = stack.enter_context(serving(REFERENCE, uvicorn("raw")))
        had, missing = peers(bench.folder / "answers", bench.peers)
        bench.run.skipped |= missing
        for name in bench.choose(list(had), ["raw protocol"]):
            bench.say(0.0, f"starting {name}")
            try:
                servers[name] = stack.enter_context(serving(name, had[name]))
            except ServerError as error:
                bench.run.skipped[name] = str(error)
        _warm(bench, [reference, *servers.values()])
        loads: list[tuple[Kind, int]] = [(each.kind, each.connections) for each in _FIGURES]
        for kind, connections in dict.fromkeys(loads):
            _add_rows(bench, kind, connections, _side_by_side(bench, kind, connections, reference, servers))


def _warm(bench: Bench, servers: Sequence[Server]) -> None:
    """Load each server before it is measured: those of Java for long."""
    for server in servers:
        bench.say(0.0, f"warming {server.name}")
        with suppress(LoadError):  # what fails is said when it is measured
            run_load("mixed", server.target, 45 if server.name in (WIREMOCK, "MockServer") else 1, bench.folder)


Pairs = dict[str, list[tuple[Load, Load]]]
"""By server, what each round has measured of it, and of the reference next to it."""


def _measured(bench: Bench, kind: Kind, server: Server, called: Target, connections: int = CONNECTIONS) -> Load:
    """A round of one second."""
    before = server.cpu()
    measured = run_load(kind, called, 1, bench.folder, connections)
    return msgspec.structs.replace(measured, cpu=(server.cpu() - before).total() / 1000)


def _side_by_side(bench: Bench, kind: Kind, connections: int, reference: Server, servers: dict[str, Server]) -> Pairs:
    found: Pairs = {name: [] for name in (*servers, REFERENCE)}

    def measure(server: Server) -> Load:
        return _measured(bench, kind, server, server.target, connections)

    text = f"{kind}, {connections} connection{'s' * (connections > 1)}"
    for _ in bench.rounds(5, 2, text):
        order = bench.shuffled([name for name in servers if f"{name}, {text}" not in bench.run.skipped])
        before = measure(reference)
        for first in range(0, len(order), 2):
            pair: dict[str, Load] = {}
            for name in order[first : first + 2]:
                try:
                    pair[name] = measure(servers[name])
                except LoadError as error:
                    bench.run.skipped[f"{name}, {text}"] = str(error)
            after = measure(reference)
            for name, measured in pair.items():
                found[name].append((measured, before if name == order[first] else after))
            found[REFERENCE].append((after, before))
            before = after
    return {name: pairs for name, pairs in found.items() if pairs}


def _add_rows(bench: Bench, kind: Kind, connections: int, found: Pairs) -> None:
    """One row of each figure for each server: the ratios to the rounds of the reference, and what was measured itself."""
    for figure in _FIGURES:
        if (figure.kind, figure.connections) != (kind, connections):
            continue
        for name, pairs in found.items():
            ratios = [figure.of(mine) / figure.of(theirs) for mine, theirs in pairs]
            itself = median(figure.of(mine) for mine, _ in pairs)
            is_rate = figure.percentile is None
            note = f"{itself:,.0f}/s" if is_rate else f"{itself:,.0f} us"
            goal = figure.goals.get(name)
            bench.run.add(row(figure.label, name, RATIO, ratios, goal, more_is_better=is_rate, note=note))
    if connections == 1:
        return
    for name, pairs in found.items():
        bench.run.add(row(f"{LABELS[kind]}, CPU of the server", name, "us", [mine.cost for mine, _ in pairs]))
        if kind == "read":
            shares = [share for share, _ in pairs[0][0].latency]
            points = [(share, median(mine.percentile(share) for mine, _ in pairs) / 1000) for share in shares]
            bench.run.curve("latency", name, points)
    if WIREMOCK in found and OURS in found and kind != "mixed":
        rates = [[mine.rate / theirs.rate for mine, theirs in found[name]] for name in (OURS, WIREMOCK)]
        against = [ours / wiremock for ours, wiremock in zip(*rates, strict=False)]
        bench.run.add(row(f"{LABELS[kind]}, against a warm WireMock", OURS, RATIO, against, Goal(5, at_least=True)))


def rules(bench: Bench) -> None:
    """CPU time that rules which do not match add to a submission: 1,000 of another operation, and of the same."""
    counts = bench.choose((10, 100, 1000), (1000,))
    with serving(OURS, pixazo_sim(*RICH)) as server:
        worlds = {("none", 0): arm(server, 0)}
        worlds |= {
            (what, count): arm(server, count, when)
            for what, when in (("of other operations", "status"), ("of the same", "generate"))
            for count in counts
        }
        costs: dict[tuple[str, int], list[float]] = {each: [] for each in worlds}
        for _ in bench.rounds(5, 2, "rules that do not match"):
            for each in bench.shuffled(list(worlds)):
                costs[each].append(_measured(bench, "submit", server, worlds[each]).cost)
    none = costs.pop(("none", 0))
    for (what, count), values in costs.items():
        goal = Goal(50 if "other" in what else 300) if count == 1000 else None
        added = [value - bare for value, bare in zip(values, none, strict=True)]
        bench.run.add(row(f"{count:,} rules {what}, added to a submit", OURS, "us", added, goal))
    for what in {what for what, _ in costs}:
        points = [(count, median(costs[what, count]) - median(none)) for count in counts]
        bench.run.curve("rules", what, points)


def growth(bench: Bench) -> None:
    """Memory, garbage collection and reads as generations and the journal grow."""
    most = bench.choose(1_000_000, 20_000)
    collected = bench.folder / "collected"
    with (
        serving(OURS, with_collector, BENCH_COLLECTED=str(collected)) as large,
        serving(OURS, pixazo_sim(*RICH)) as small,
    ):
        ends: list[Target] = []
        for server in (large, small):
            server.target = submitted(server.target)[0]
            _pipelined(server.port, server.target.headers, 1000)
            ends.append(server.target)
        if not hasattr(os, "sched_getaffinity"):
            bench.run.skipped["memory"] = "only Linux tells how much of it a process has"
            return
        made, points = 1001, [(1001.0, large.resident() / 2**20)]
        while made < most:
            bench.say(made / most * 0.7, f"{made:,} of {most:,} generations")
            made += run_load("submit", large.target, 1 if made < 100_000 else 3, bench.folder).requests
            points.append((made, large.resident() / 2**20))
        bench.run.curve("memory", OURS, points)
        _memory_rows(bench, points, most)
        _reads(bench, most, large, small)
        if not bench.run.is_quick:
            pauses = [_collection(large, collected) for _ in range(5)]
            bench.run.add(row(f"full garbage collection at {most:,} generations", OURS, "ms", pauses, Goal(30)))
        many, grown, served = (10_000_000 if bench.is_soak else bench.choose(1_000_000, 50_000)), 0, 0
        while served < many:
            served += run_load("read", small.target, 5 if many > 50_000 else 1, bench.folder).requests
            grown = small.resident() - grown if served >= many else grown or small.resident()
            bench.say(0.8 + 0.2 * served / many, f"{served:,} of {many:,} reads")
        bench.run.add(row(f"memory grown by {many:,} reads", OURS, "MiB", [grown / 2**20], Goal(1)))


def _memory_rows(bench: Bench, points: Sequence[tuple[float, float]], most: int) -> None:
    (few, base), *_ = points
    for count in (100_000, 1_000_000):
        if count > most:
            return
        made, used = next(each for each in points if each[0] >= count)
        a_post = (used - base) / (made - few)
        goal = Goal(600) if count == 100_000 else None
        bench.run.add(row(f"memory a kept POST, over {count:,}", OURS, "bytes", [a_post * 2**20], goal))
        whole = (base + a_post * count) / 1024
        goal = Goal(0.65) if count == 1_000_000 else None
        bench.run.add(row(f"memory at {count:,} generations", OURS, "GiB", [whole], goal))


def _reads(bench: Bench, most: int, large: Server, small: Server) -> None:
    """Reads of a server with many generations beside those of one with few."""
    rates: list[float] = []
    late: list[float] = []
    for _ in bench.rounds(7, 2, f"reads at {most:,} generations"):
        first, second = bench.shuffled((large, small))
        found = {each.url: run_load("read", each.target, 1, bench.folder) for each in (first, second)}
        rates.append(found[large.url].rate / found[small.url].rate)
        late.append(found[large.url].percentile(99) / found[small.url].percentile(99))
    goal = Goal(0.9, at_least=True)
    bench.run.add(row(f"reads at {most:,} generations against 1,000", OURS, RATIO, rates, goal))
    bench.run.add(row(f"p99 of reads at {most:,} generations against 1,000", OURS, RATIO, late))


def _collection(server: Server, place: Path) -> float:
    """Milliseconds of a full collection in the server."""
    place.unlink(missing_ok=True)
    server.process.send_signal(signal.SIGUSR1)
    while not place.exists():
        time.sleep(0.01)
        if server.process.poll() is not None:
            raise ServerError(f"{server.name} on port {server.port} has ended during a collection")
    return float(place.read_text(encoding="ascii")) * 1000


def cold_start(bench: Bench) -> None:
    """From the start of the process to the first answer to a submission."""
    with answered_simulator(bench):
        pass
    commands = {REFERENCE: uvicorn("raw"), OURS: pixazo_sim()}
    had = peers(bench.folder / "answers", bench.peers)[0] if not bench.run.is_quick else {}
    took: dict[str, list[float]] = {}
    itself: dict[str, list[float]] = {}
    for number in bench.rounds(10, 4, "cold start"):
        found: dict[str, float] = {}
        for name, command in bench.shuffled([*commands.items(), *(had.items() if number < 3 else ())]):
            try:
                with serving(name, command, wait=False) as server:
                    found[name] = server.await_answer()
            except ServerError:
                if name in commands:
                    raise
        for name, seconds in found.items():
            took.setdefault(name, []).append(seconds / found[REFERENCE])
            itself.setdefault(name, []).append(seconds * 1000)
    for name in (each for each in (*commands, *had) if each in took):
        goal, note = Goal(1.2) if name == OURS else None, f"{median(itself[name]):.0f} ms"
        bench.run.add(row("cold start to the first answer", name, RATIO, took[name], goal, note=note))


def webhooks(bench: Bench) -> None:
    """10,000 webhooks that fall due in one advance, and the slowest status read meanwhile."""
    with (
        answered_simulator(bench),
        serving("receiver", program("protocol"), core=LOAD_CORE) as receiver,
        serving(OURS, pixazo_sim("--clock", "manual", *RICH)) as server,
    ):
        watched = submitted(server.target)[0]
        took: dict[str, list[tuple[float, float]]] = {"a receiver that answers at once": [], "a dead port": []}
        for number in bench.rounds(3, 1, f"{WEBHOOKS:,} webhooks in one advance"):
            for port, measured in zip((receiver.port, free_port()), took.values(), strict=True):
                control = ControlClient(server.url).create_world(key=f"hooks-{port}-{number}", balance="100000000")
                headers = Target(server.url, "", str(control.api_key)).headers
                _pipelined(server.port, {**headers, "X-Webhook-URL": f"http://127.0.0.1:{port}/"}, WEBHOOKS)
                with _reading(watched) as slowest:
                    began = time.perf_counter()
                    with suppress(ControlError):  # at its bound an advance ends early, when all have been attempted
                        control.advance(15)
                    seconds = time.perf_counter() - began
                    measured.append((seconds, slowest() * 1000))
                control.delete_world()
    for what, measured in took.items():
        label = f"{WEBHOOKS:,} webhooks to {what}"
        bench.run.add(row(label, OURS, "s", [seconds for seconds, _ in measured], Goal(2)))
        bench.run.add(
            row(f"slowest status read during {label}", OURS, "ms", [slowest for _, slowest in measured], Goal(10))
        )


@contextmanager
def _reading(called: Target) -> Generator[Callable[[], float]]:
    """Read a status every 5 ms, in a process of its own; the function ends that and returns the seconds of the slowest read."""
    context = multiprocessing.get_context("spawn")
    slowest, begun, ended = context.Value("d", 0.0), context.Event(), context.Event()
    reader = context.Process(target=_read, args=(called, slowest, begun, ended), daemon=True)
    with pinned(LOAD_CORE):
        reader.start()

    def end() -> float:
        ended.set()
        reader.join()
        return float(slowest.value)

    try:
        begun.wait(timeout=60)
        yield end
    finally:
        end()


def _read(called: Target, slowest: Any, begun: Event, ended: Event) -> None:
    connection = HTTPConnection(called.url.removeprefix("http://"), timeout=60)
    while not ended.is_set():
        began = time.perf_counter()
        connection.request("GET", called.status, headers=called.headers)
        connection.getresponse().read()
        if begun.is_set():
            slowest.value = max(slowest.value, time.perf_counter() - began)
        begun.set()
        time.sleep(0.005)
    connection.close()


def _pipelined(port: int, headers: Mapping[str, str], count: int) -> None:
    """Submit this often over one connection, a hundred requests at a time. Raises ServerError when one is refused."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {SUBMIT_PATH} HTTP/1.1\r\n{lines}Content-Length: {len(BODY)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for sent in range(0, count, 100):
            batch = min(100, count - sent)
            connection.sendall((head.encode("ascii") + BODY) * batch)
            received = b""
            while len(re.findall(rb"\r\n\r\n\{[^}]*\}", received)) < batch:
                received += connection.recv(1 << 20)
            if received.count(b"HTTP/1.1 202 ") != batch:
                raise ServerError(f"port {port} has refused submissions: {received[:300]!r}")
