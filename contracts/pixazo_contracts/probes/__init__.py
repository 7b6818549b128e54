"""Probes: conversations that provoke what clauses judge.

A probe looks like this::

    @probe("unknown id", "STATUS-10")
    def _unknown(context: RunContext) -> Conversation[None]:
        exchange = yield from read(unknown_id(context.run, "unknown"), case="unknown id", aims=("STATUS-10",))

A conversation is a generator and does no I/O: it yields steps, most of them made by functions (see `conversation` for both),
and gets back what the trace will contain. The runner carries out many conversations at once.

A clause finds its exchanges by `aims` (`trace.aimed("STATUS-10")`), tells them apart by `case`, and knows by `intent` what
the page says about each. Packs are requests for several clauses at once (see `generations`); in families, each request
breaks one rule, or only just keeps it (see `families`).
Probes share generations, above all g1, which they find among all exchanges so far (`Recall`).

On a target that charges (`context.limited`) probes run one after the other: first requests that the page forbids, which are free
if refused and give their reservation back, then paid ones, the probe that feeds the most clauses first (see `plan.in_order`).
"""

from __future__ import annotations

from collections.abc import Collection, Container

from . import callers, conversation, families, generations
from .conversation import *
from .families import *
from .generations import *
from .images import *

#: All probes: smoke first, late ones last, cheap ones before expensive ones.
PROBES: tuple[conversation.Probe, ...] = (
    *generations.SMOKE,
    *callers.ROUTES,
    *generations.READS,
    *families.PROBES,
    *callers.ACCOUNTS,
    *generations.PACKS,
    *families.ALLOWED,
    *generations.RECEIVERS,
    *generations.SUBMITS,
    *callers.BALANCES,
    *families.OPEN_QUESTIONS,
    *generations.LATE,
)


def feeders(carried_out: Container[str] | None = None) -> dict[str, tuple[str, ...]]:
    """The names of the probes that feed each clause, by clause id: all probes, or those that are `carried_out`."""
    by_clause: dict[str, list[str]] = {}
    for each in PROBES:
        if carried_out is None or each.name in carried_out:
            for clause_id in dict.fromkeys(each.feeds):
                by_clause.setdefault(clause_id, []).append(each.name)
    return {clause_id: tuple(names) for clause_id, names in by_clause.items()}


def for_clauses(clause_ids: Collection[str]) -> tuple[conversation.Probe, ...]:
    """The smoke test and the probes that feed any of these clauses, in order."""
    wanted = set(clause_ids)
    return tuple(each for each in PROBES if each.phase == "smoke" or wanted & set(each.feeds))
