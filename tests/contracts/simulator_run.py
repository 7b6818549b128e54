"""One run of the suite against one gateway of the simulator, on a real socket and a virtual clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.cli.configure import discover, extend
from pixazo_contracts.judge.verdict import judge
from pixazo_contracts.probes import PROBES, feeders
from pixazo_contracts.runner.receiver import ReceiverAddress
from pixazo_contracts.runner.run_clock import VirtualClock
from pixazo_contracts.runner.session import RunOptions, run
from pixazo_contracts.trace.target import Profile, ProfileFile, Target
from pixazo_simulator import Settings, Simulator
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant
from pixazo_simulator.world.clock import Clock

PATIENCE = 900.0
"""Seconds of the virtual clock before late re-reads: longer than a forgetful mutant remembers."""
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


def suite_run(change: Changed | None = None, *, seed: int = 0, baseline: Mapping[str, str] | None = None) -> Run:
    """All probes against the simulator, or against it with one change; a baseline turns changed observations into DRIFT."""
    clock = Clock.manual()
    with Simulator(Settings(seed=seed, clock=lambda: clock), change=change) as simulator:
        target = _target(simulator)
        # A key that is throttled briefly is so from its first use: nobody else may open its world.
        keys = [key for role, each in target.keys.items() if role != "recovering" for key in each]

        def advance(seconds: float) -> None:
            simulator.advance(seconds)
            for key in keys:
                simulator.advance(0, api_key=key)

        options = RunOptions(
            run="killing0", seed=seed, receiver=ReceiverAddress(host="127.0.0.1", port=0, public_url=None)
        )
        trace = run(target, PROBES, options, clock=VirtualClock(advance))
    verdicts = judge(trace, CATALOGUE, feeders=feeders(), baseline=lambda verdict: (baseline or {}).get(verdict.clause))
    return Run(
        {verdict.clause: verdict.outcome.value for verdict in verdicts},
        {verdict.clause: verdict.observation for verdict in verdicts if verdict.observation is not None},
    )


def _target(simulator: Simulator) -> Target:
    profile = Profile(origin=simulator.url, pace=5.0, deadline=120.0, settle=30.0, patience=PATIENCE, virtual=True)
    file = extend(ProfileFile(), discover(profile))
    return Target(profile, {**file.keys(), "default": (simulator.api_key,)}, file.prompts)


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
    spared = {clause for clause in fallen if any(fnmatchcase(clause, glob) for glob in change.collateral)}
    outcome = mutated.outcomes.get(change.clause, "-")
    return Row(
        change.name, change.clause, outcome, change.clause in fallen, tuple(sorted(fallen - spared - {change.clause}))
    )
