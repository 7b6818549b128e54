"""What it costs to keep worlds in a log, in a file, or in Redis, and to serve them by several processes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from .load import Kind, run_load
from .plan import Bench
from .results import row
from .servers import RICH, Server, pixazo_sim, serving, submitted
from .traffic import LABELS

KINDS: tuple[Kind, ...] = ("read", "submit")
UNITS = {
    "requests/s": "/s",
    "CPU of the servers": "us",
    "CPU of Redis": "us",
    "busiest server": "% of a core",
    "one connection, p50": "us",
}
"""What is measured of each kind, and its unit; all but the last with many connections."""
WORKERS = (1, 2, 4)


def states(bench: Bench) -> None:
    """Reads and submissions by where the worlds are kept, and by the number of processes, which may use all cores."""
    places = {"memory": "memory", "log in memory": "memory-log", "SQLite": f"sqlite:{bench.folder}/worlds"}
    with ExitStack() as stack:
        servers: dict[str, tuple[Server, Server | None]] = {}
        for name, place in places.items():
            command = pixazo_sim(*RICH, "--state", place)
            servers[name] = stack.enter_context(serving(name, command, core=None)), None
        for count in WORKERS:
            name = f"Redis, {count} process{'es' if count > 1 else ''}"
            store = stack.enter_context(_redis(bench, name))
            command = pixazo_sim(*RICH, "--state", f"redis://127.0.0.1:{store.port}/0", "--workers", str(count))
            servers[name] = stack.enter_context(serving(name, command, core=None)), store
        for server, _ in servers.values():
            bench.say(0.0, f"warming {server.name}")
            server.target = submitted(server.target)[0]
            run_load("mixed", server.target, 2, bench.folder)
        for kind in KINDS:
            found: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
            for _ in bench.rounds(5, 2, f"{kind} by state"):
                for name in bench.shuffled(list(servers)):
                    found[name].append(_measured(bench, kind, *servers[name]))
            for name, rounds in found.items():
                for what, unit in UNITS.items():
                    if values := [each[what] for each in rounds if what in each]:
                        scenario = f"{LABELS[kind]} by state, {what}"
                        bench.run.add(row(scenario, name, unit, values, more_is_better=unit == "/s"))


@contextmanager
def _redis(bench: Bench, name: str) -> Generator[Server]:
    """A Redis of its own, which writes a file as the one of docs/examples does, and accepts connections when the block begins."""
    folder = bench.folder / name
    folder.mkdir()
    settings = ("--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes")
    with serving(name, lambda port: ["redis-server", "--port", str(port), *settings], wait=False, core=None) as server:
        client: Any = redis.Redis(port=server.port, retry=Retry(ConstantBackoff(0.05), 200))
        with client:
            client.ping()
        yield server


def _measured(bench: Bench, kind: Kind, server: Server, store: Server | None) -> dict[str, float]:
    """The figures of a round: a second with many connections, and one with a single one."""
    each, kept = server.cpu(), store.cpu() if store else None
    load = run_load(kind, server.target, 1, bench.folder)
    each = server.cpu() - each
    figures = {"requests/s": load.rate, "CPU of the servers": each.total() * 1000 / load.requests}
    figures["busiest server"] = max(each.values()) * 1e5 / load.microseconds
    if store and kept is not None:
        figures["CPU of Redis"] = (store.cpu() - kept).total() * 1000 / load.requests
    return figures | {"one connection, p50": run_load(kind, server.target, 1, bench.folder, 1).percentile(50)}
