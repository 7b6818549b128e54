"""What a strict test does not let pass: unexpected requests, unfinished rules, and rules that nothing used."""

from __future__ import annotations

from pixazo_simulator.control import Exchange, ScriptRule

from .record import Record

RELAX = "@pytest.mark.pixazo(strict=False)"
"""What lets all of it pass, in one test."""
MOST = 20
"""Complaints in one report."""


def report(found: list[str]) -> str:
    """The complaints as one text that names what relaxes them."""
    listed = found[:MOST] + ([f"and {len(found) - MOST} more"] if len(found) > MOST else [])
    count = f"{len(found)} thing{'s' if len(found) > 1 else ''}"
    return "\n".join([f"pixazo: {count} not as expected; {RELAX} lets this pass", *(f"- {each}" for each in listed)])


def complaints(record: Record) -> list[str]:
    """A sentence for each unexpected request, unfinished rule, and step that was never used; none for a clean world."""
    return [
        *(
            _complaint(each, "unexpected request")
            for each in record.exchanges
            if not each.expected and each.rule is None
        ),
        *(_complaint(each, "unmatched request") for each in record.unmatched if not each.expected),
        *record.unfinished,
        *(_unused(rule) for rule in record.rules if 0 in rule.used),
    ]


def _complaint(exchange: Exchange, what: str) -> str:
    asked = f"{exchange.method} {exchange.target}"
    return f"{what} {exchange.number}, {asked}, answered {exchange.status}: {exchange.hint or exchange.reason}"


def _unused(rule: ScriptRule) -> str:
    used, step = rule.used, rule.used.index(0)
    if step:
        return f"{rule.label}: step {step + 1} of {len(used)} never used, step {step} {_times(used[step - 1])}"
    why = "no such call came" if rule.missed is None else f"nearest was a call where {', and '.join(rule.missed)}"
    return f"{rule.label}: never used, {why}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
