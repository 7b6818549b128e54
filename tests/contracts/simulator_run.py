"""One run of the suite against one gateway of the simulator, on a real socket and the simulator's manual clock, which the run advances."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.cli.configure import Given, discover, run_clock
from pixazo_contracts.judge.verdict import judge
from pixazo_contracts.probes import PROBES, Probe, feeders
from pixazo_contracts.runner.receiver import ReceiverAddress
from pixazo_contracts.runner.session import RunOptions, run
from pixazo_contracts.trace.target import ProfileFile
from pixazo_simulator import Settings, Simulator
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant
from tests.contracts.collateral import COLLATERAL
from tests.servers import Redis

STATES = ("memory", "memory-log", "sqlite", "redis")
ALARMS = frozenset({"FAIL", "DRIFT"})

Changed = Mutant | Variant
GATEWAYS: Mapping[str, Changed] = {**{each.name: each for each in MUTANTS}, **{each.name: each for each in VARIANTS}}


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of every clause, and what the silent ones observed."""

    outcomes: Mapping[str, str]
    observations: Mapping[str, str]

    @property
    def alarms(self) -> frozenset[str]:
        """The clauses that came out FAIL or DRIFT."""
        return frozenset(clause for clause, outcome in self.outcomes.items() if outcome in ALARMS)


@contextmanager
def empty_state(kind: str) -> Generator[str]:
    """Names a state of one of STATES that holds nothing: a file, or a database of a server of its own; both are gone after the block."""
    with TemporaryDirectory() as folder:
        if kind == "redis":
            with Redis(Path(folder, "redis"), "--appendonly", "no") as redis:
                yield redis.url
        else:
            yield f"sqlite:{folder}/worlds" if kind == "sqlite" else kind


def suite_run(
    change: Changed | None = None, *, seed: int = 0, baseline: Mapping[str, str] | None = None, state: str = "memory",
    probes: Sequence[Probe] = PROBES,
) -> Run:  # fmt: skip
    """The probes against the simulator, or against it with one change; its worlds are kept in one of STATES."""
    settings = Settings(seed=seed)
    with empty_state(state) as kept, Simulator(settings, change=change, state=kept) as simulator:
        return gateway_run(simulator.url, simulator.api_key, seed=seed, baseline=baseline, probes=probes)


def gateway_run(
    url: str, key: str, *, seed: int = 0, baseline: Mapping[str, str] | None = None, probes: Sequence[Probe] = PROBES
) -> Run:
    """The probes against a gateway that describes itself; a baseline turns changed observations into DRIFT."""
    options = RunOptions(run="killing0", seed=seed, receiver=ReceiverAddress(host="127.0.0.1", port=0, public_url=None))
    target, advance = discover(Given(target=url, api_key=key), ProfileFile())
    with run_clock(target, advance) as clock:
        trace = run(target, probes, options, clock=clock)
    verdicts = judge(trace, CATALOGUE, feeders=feeders(), baseline=lambda verdict: (baseline or {}).get(verdict.clause))
    return Run(
        {verdict.clause: verdict.outcome.value for verdict in verdicts},
        {verdict.clause: verdict.observation for verdict in verdicts if verdict.observation is not None},
    )


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one gateway: whether the clause concerned fell, and which others did that need not have."""

    name: str
    clause: str | None
    outcome: str
    killed: bool
    others: tuple[str, ...]


def row(change: Changed, clean: Run, mutated: Run) -> Row:
    """Compare a run with a change to the clean run of the same seed."""
    fallen = mutated.alarms - clean.alarms
    if isinstance(change, Variant):
        return Row(change.name, None, "-", killed=False, others=tuple(sorted(fallen)))
    spared = {clause for clause in fallen if any(fnmatchcase(clause, glob) for glob in COLLATERAL.get(change.name, ()))}
    outcome = mutated.outcomes.get(change.clause, "-")
    return Row(
        change.name, change.clause, outcome, change.clause in fallen, tuple(sorted(fallen - spared - {change.clause}))
    )
