"""In which order a gateway looks for faults, as far as submits with two of them show."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Final

from pixazo_contracts.trace import Exchange, Trace

from .evidence import Finding, grouped, has_known_key, named
from .submits import oddities

#: The order that is written as far as the traffic does not contradict it.
USUAL: Final = ("key", "suspended", "rate", "json", "model", "parameters", "funds")
#: What must be known before: see the simulator's policy.
NEEDED: Final = frozenset(
    {("key", "suspended"), ("key", "rate"), ("key", "funds"), ("json", "parameters"), ("json", "funds")}
)
STATES: Final = {402: "funds", 403: "suspended"}


def _fault_of(submit: Exchange) -> str | None:
    """The check that refused a submit."""
    if submit.status == 400:
        if submit.members.get("error") == "Model not found":
            return "model"
        return "parameters" if submit.sent else "json"
    return {401: "key", 402: "funds", 403: "suspended", 429: "rate"}.get(submit.status or 0)


def _faults(submit: Exchange, neighbours: list[Exchange]) -> Iterator[str]:
    """The faults that a submit surely has, whatever it was answered; those of the account are the same in the submits around it."""
    if not has_known_key(submit):
        yield "key"
    if submit.request_body is not None and not submit.sent:
        yield "parameters" if submit.request_body.strip() == "{}" else "json"
    elif any(not each.point for each in oddities(submit)):
        yield "parameters"
    around = [n for n in neighbours if n.number != submit.number and has_known_key(n)]
    before = [n for n in around if n.number < submit.number][-1:]
    after = [n for n in around if n.number > submit.number][:1]
    for status, fault in STATES.items():
        if before and after and {before[0].status, after[0].status} == {status}:
            yield fault


def check_order(trace: Trace) -> Finding | None:
    """The usual order, changed as little as the submits with two faults demand; none where they do not."""
    pairs: dict[tuple[str, str], list[Exchange]] = {}
    for submits in grouped(trace.submits, lambda submit: submit.account).values():
        for submit in submits:
            refused = _fault_of(submit)
            for fault in _faults(submit, submits):
                if refused is not None and fault != refused:
                    pairs.setdefault((refused, fault), []).append(submit)
    lines = [f"{first} before {second} by {named(shown)}" for (first, second), shown in sorted(pairs.items())]
    if not pairs:
        return None
    if any(pair[::-1] in pairs for pair in pairs):
        return Finding(None, ("the traffic contradicts itself", *lines))
    if all(USUAL.index(first) < USUAL.index(second) for first, second in pairs):
        return Finding(None, ("; ".join(lines),))
    wanted = NEEDED | pairs.keys()
    fitting = [p for p in permutations(USUAL) if all(p.index(first) < p.index(second) for first, second in wanted)]
    if not fitting:
        return Finding(None, ("no order of the simulator fits", *lines))
    nearest = min(fitting, key=_moved)
    return Finding(",".join(nearest), (*lines, "the others are in their usual order"))


def _moved(order: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
    """In how many pairs an order differs from the usual one."""
    places = tuple(map(USUAL.index, order))
    return sum(a > b for n, a in enumerate(places) for b in places[n + 1 :]), places
