"""What a run would send and cost, and what it would leave unjudged; nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixazo_contracts.clause import Clause
    from pixazo_contracts.conversation import Probe
    from pixazo_contracts.target import Profile

__all__ = ["Line", "Plan", "make_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One probe of a plan: what it costs at worst and as expected, or why it is left out."""

    probe: str
    worst: int
    expected: int
    left_out: str | None
    feeds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All probes in order, what they cost together, and the clauses that none of them feeds."""

    lines: tuple[Line, ...]
    worst: int
    expected: int
    budget: int | None
    unjudged: tuple[str, ...]


def _left_out(probe: Probe, profile: Profile, left: int | None) -> str | None:
    if missing := sorted(probe.needs - set(profile.capabilities)):
        return f"the target has no {', '.join(missing)}"
    if profile.limited and probe.only_unlimited:
        return "never sent to a target that charges"
    if left is not None and probe.worst and left < 1:
        return "the budget does not reach it"
    return None


def make_plan(probes: Sequence[Probe], clauses: Sequence[Clause], profile: Profile, budget: int | None) -> Plan:
    """What a run with these probes would do to a target; `budget` is in generations, None where they cost nothing.

    Without a budget's worth left a probe is left out; a probe that is free if refused needs one only while it runs.
    """
    left, lines = budget, list[Line]()
    for probe in probes:
        reason = _left_out(probe, profile, left)
        lines.append(
            Line(probe=probe.name, worst=probe.worst, expected=probe.expected, left_out=reason, feeds=probe.feeds)
        )
        if reason is None and left is not None:
            left -= min(left, probe.expected)
    sent = [line for line in lines if line.left_out is None]
    fed = {clause_id for line in sent for clause_id in line.feeds}
    worst = sum(line.worst for line in sent)
    return Plan(
        lines=tuple(lines),
        worst=worst if budget is None else min(worst, budget),
        expected=sum(line.expected for line in sent) if budget is None else budget - (left or 0),
        budget=budget,
        unjudged=tuple(clause.id for clause in clauses if clause.id not in fed or not profile.has(clause.needs)),
    )
