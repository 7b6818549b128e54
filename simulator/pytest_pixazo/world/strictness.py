"""What a strict test does not let pass: requests that no gateway expects, rules that say nothing, and rules that nothing used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .values.exchange import Exchange

if TYPE_CHECKING:
    from .record import Record


RELAX = "@pytest.mark.pixazo(strict=False)"
"""What lets all of it pass, in one test."""
MOST = 20
"""Complaints in one report."""


def report(found: list[str]) -> str:
    """The complaints as one text that names what relaxes them."""
    told = found[:MOST] + ([f"and {len(found) - MOST} more"] if len(found) > MOST else [])
    count = f"{len(found)} thing{'s' if len(found) > 1 else ''}"
    return "\n".join([f"pixazo: {count} not as expected; {RELAX} lets this pass", *(f"- {each}" for each in told)])


def complaints(record: Record) -> list[str]:
    """A sentence for each unexpected request, rule that was begun only, and step that was never used, with what came nearest; none for a clean world."""
    inside = msgspec.convert(record.exchanges, list[Exchange])
    lobby = msgspec.convert(record.lobby, list[Exchange])
    return [
        *(_unexpected(each, "request") for each in inside if not each.expected and each.rule is None),
        *(_unexpected(each, "call without a world, number") for each in lobby if not each.expected),
        *record.unsaid,
        *(_unused(rule) for rule in record.rules if 0 in rule["used"]),
    ]


def _unexpected(exchange: Exchange, what: str) -> str:
    asked = f"{exchange.method} {exchange.target}"
    return (
        f"unexpected {what} {exchange.number}, {asked}, answered {exchange.status}: {exchange.hint or exchange.reason}"
    )


def _unused(rule: dict[str, Any]) -> str:
    used: list[int] = rule["used"]
    step = used.index(0)
    if step:
        return f"{rule['label']}: step {step + 1} of {len(used)} never used, step {step} {_times(used[step - 1])}"
    missed: list[str] | None = rule.get("missed")
    why = "no such call came" if missed is None else f"nearest was a call where {', and '.join(missed)}"
    return f"{rule['label']}: never used, {why}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
