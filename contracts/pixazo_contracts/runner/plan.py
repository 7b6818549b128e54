"""The plan of a run: its requests, their cost, and the clauses that it would not judge; nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pixazo_contracts.clauses import BY_ID, CATALOGUE, Clause
from pixazo_contracts.probes import Probe
from pixazo_contracts.trace import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All probes in order, each with why it is left out; what the others cost; how many `clauses` are selected, which would not be judged."""

    lines: tuple[tuple[Probe, str | None], ...]
    worst: int
    expected: int
    budget: int | None
    clauses: int
    unjudged: tuple[str, ...]


def make_plan(probes: Sequence[Probe], clauses: Sequence[Clause], profile: Profile, budget: int | None) -> Plan:
    """Plan a run of these probes against a target; `budget` is in generations, None if they cost nothing.

    A probe that may cost one is left out once the budget is used up; one that is free if refused needs it only while it runs.
    """
    left, lines = budget, list[tuple[Probe, str | None]]()
    for given in in_order(probes, profile, [clause.id for clause in clauses]):
        # Where generations cost money the smoke test only reads.
        probe = replace(given, worst=0, expected=0) if profile.limited and given.phase == "smoke" else given
        reason = profile.lacks(probe.needs)
        if reason is None and profile.limited and probe.only_unlimited:
            reason = "never sent to a target that charges"
        if reason is None and left is not None and probe.worst and left < 1:
            reason = "the budget does not cover it"
        lines.append((probe, reason))
        if reason is None and left is not None:
            left -= min(left, probe.expected)
    sent = [probe for probe, left_out in lines if left_out is None]
    fed = {clause_id for probe in sent for clause_id in probe.feeds}
    worst = sum(probe.worst for probe in sent)
    return Plan(
        lines=tuple(lines),
        worst=worst if budget is None else min(worst, budget),
        expected=sum(probe.expected for probe in sent) if budget is None else budget - (left or 0),
        budget=budget,
        clauses=len(clauses),
        unjudged=tuple(clause.id for clause in clauses if not clause.is_planned(fed, profile)),
    )


def in_order(probes: Sequence[Probe], profile: Profile, selected: Collection[str] = ()) -> list[Probe]:
    """The probes in the order in which they are carried out; `selected` are the ids of the clauses to judge, by default all.

    Where generations cost money: first probes that are free if refused; then paid ones, each time the one that for its price
    feeds the most core clauses, then the most clauses, that no paid one feeds yet; then those that only read.
    """
    if not profile.limited:
        return list(probes)
    able = [probe for probe in probes if profile.has(probe.needs) and not probe.only_unlimited]
    main = [probe for probe in able if probe.phase == "main"]
    refused = [probe for probe in main if probe.worst and not probe.expected]
    paid = [probe for probe in main if probe.expected]
    reads = [probe for probe in main if not probe.worst]
    chosen = set(selected or BY_ID)
    # Including those of refused probes: a refused wrong value does not show that a right one is accepted.
    wanted = [clause for clause in CATALOGUE if profile.has(clause.needs) and clause.id in chosen]
    bought: list[Probe] = []

    def worth(probe: Probe) -> tuple[float, float]:
        """How many wanted clauses a probe feeds per generation that it counts as: core ones, and all."""
        fed = [clause for clause in wanted if clause.id in probe.feeds]
        return sum(clause.core for clause in fed) / probe.expected, len(fed) / probe.expected

    while paid:
        best = max(paid, key=worth)
        paid.remove(best)
        wanted = [clause for clause in wanted if clause.id not in best.feeds]
        bought.append(best)
    smoke, late = ([probe for probe in able if probe.phase == phase] for phase in ("smoke", "late"))
    return [*smoke, *refused, *bought, *reads, *late, *(probe for probe in probes if probe not in able)]
