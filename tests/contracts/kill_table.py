"""Runs the suite against every mutant and benign variant and prints what it noticed: `python -m tests.contracts.kill_table`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from functools import partial

from pixazo_contracts.clauses import BY_ID
from pixazo_simulator.mutants import Mutant
from tests.contracts.simulator_run import GATEWAYS, STATES, Row, Run, row, suite_run

CORE_KILLED, ALL_KILLED, SPECIFIC = 1.00, 0.98, 0.95
"""The gates: shares of core mutants killed, of all mutants killed, of mutants that felled no clause but their own."""
CLEAN_SEEDS = 50


def _one(name: str, *, clean: Run, state: str) -> Row:
    change = GATEWAYS[name]
    # A variant is another faithful gateway, not a change of this one: nobody has a baseline of it.
    baseline = clean.observations if isinstance(change, Mutant) else None
    return row(change, clean, suite_run(change, baseline=baseline, state=state))


def _seed(seed: int, *, state: str) -> tuple[int, list[str]]:
    return seed, sorted(suite_run(seed=seed, state=state).alarms)


def _share(rows: Sequence[Row], good: Sequence[Row]) -> float:
    return len(good) / len(rows) if rows else 1.0


def _line(row: Row) -> str:
    verdict = "killed" if row.killed else "SURVIVED" if row.clause else "silent" if not row.others else "ALARM"
    others = f"   also {', '.join(row.others)}" if row.others else ""
    return f"{verdict:<9} {row.clause or 'benign':<16} {row.outcome:<13} {row.name}{others}"


def _gate(name: str, share: float, least: float) -> bool:
    print(f"{name:<42} {share:7.1%}   gate {least:.0%}   {'ok' if share >= least else 'BELOW'}")
    return share >= least


def main() -> int:
    """Print the table and the gates; 0 when every gate holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"], help="globs of mutants and variants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seeds", type=int, default=CLEAN_SEEDS, help="clean runs with other seeds")
    parser.add_argument("--state", choices=STATES, default="memory", help="where the worlds are kept")
    given = parser.parse_args()
    chosen = [name for name in GATEWAYS if any(fnmatchcase(name, glob) for glob in given.names)]
    clean = suite_run(state=given.state)
    print(f"clean run: {len(clean.outcomes)} clauses, alarms: {', '.join(sorted(clean.alarms)) or 'none'}")
    with ProcessPoolExecutor(given.jobs) as pool:
        rows: list[Row] = []
        for made in pool.map(partial(_one, clean=clean, state=given.state), chosen):
            rows.append(made)
            print(_line(made), flush=True)
        seeds = pool.map(partial(_seed, state=given.state), range(1, given.seeds + 1))
        noisy = [f"seed {seed}: {', '.join(alarms)}" for seed, alarms in seeds if alarms]
    return 0 if _gates(rows, clean, noisy) else 1


def _gates(rows: Sequence[Row], clean: Run, noisy: Sequence[str]) -> bool:
    mutants = [row for row in rows if row.clause]
    core = [row for row in mutants if row.clause and BY_ID[row.clause].core]
    benign = [row for row in rows if not row.clause]
    print()
    held = [
        _gate(f"core mutants killed ({len(core)})", _share(core, [row for row in core if row.killed]), CORE_KILLED),
        _gate(f"all mutants killed ({len(mutants)})", _share(mutants, [row for row in mutants if row.killed]), ALL_KILLED),
        _gate("mutants that fell nothing else", _share(mutants, [row for row in mutants if not row.others]), SPECIFIC),
        _gate(f"benign variants without alarm ({len(benign)})", _share(benign, [row for row in benign if not row.others]), 1),
    ]  # fmt: skip
    for line in noisy:
        print(f"ALARM on a clean run, {line}")
    return all(held) and not noisy and not clean.alarms


if __name__ == "__main__":
    sys.exit(main())
