"""The assumptions of a green test: the points of the policy that decided what it saw, and how we know each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import cast

from pixazo_simulator.control import PolicyDecision
from pixazo_simulator.spec import LABELS, description_of, nearest
from pytest_pixazo.world import Record

from .conduct import counted

KNOWN = ("documented", "ours")
"""Labels that are not assumptions: the page says it, or it is a safety rule of the simulator."""


def read_labels(value: object) -> tuple[str, ...]:
    """The labels that the marker's `only` allows, given as one or several. Raises ValueError with the remedy."""
    given: object = [value] if isinstance(value, str) else value
    if not isinstance(given, (tuple, list, set, frozenset)) or not given:
        raise ValueError(f"only {value!r} is not a label such as 'documented', nor a list of labels")
    labels = tuple(map(str, cast("Iterable[object]", given)))
    for label in labels:
        if label not in LABELS:
            raise ValueError(f"only {label!r} is not one of {', '.join(LABELS)}{nearest(label, LABELS)}")
    return labels


def assumed(record: Record) -> Iterator[tuple[PolicyDecision, str]]:
    """The points of the policy that decided what a test saw, unless the page or a safety rule says so, and where."""
    for each in (*chain.from_iterable(one.exchanges for one in record.branches), *record.unmatched):
        where = f"exchange {each.number}, {each.method} {each.path} answered {each.status}"
        yield from ((found, where) for found in each.decided_by if found.label not in KNOWN)
    for delivery in chain.from_iterable(one.deliveries for one in record.branches):
        where = f"webhook {delivery.number} to {delivery.url}"
        yield from ((found, where) for found in delivery.decided_by if found.label not in KNOWN)


def beyond(record: Record, only: tuple[str, ...], named: str = "this test") -> str | None:
    """Why a test that may depend on these labels only must fail, None when it depends on no others; `named` is its name in the message."""
    found: dict[PolicyDecision, str] = {}
    for decision, where in assumed(record):
        if decision.label not in only:
            found.setdefault(decision, where)
    if not found:
        return None
    labels = list(dict.fromkeys((*only, *(each.label for each in found))))
    head = f"pixazo: @pytest.mark.pixazo(only={list(only)}), but {named} depends on {counted(len(found), 'point')} with other labels"
    lines = [f"- {each}, in {where}: {description_of(each.field)}" for each, where in found.items()]
    remedy = (
        "remedy: call what the page decides, set the response with pixazo.when(...).reply(STATUS, json=...), or allow more labels: "
        f"only={labels}"
    )
    return "\n".join([head, *lines, remedy])


def report(tests: Mapping[str, Collection[PolicyDecision]], most: int | None = None) -> Iterator[str]:
    """Two lines for each assumption, the least known first, with at most `most` of its tests; then how many tests need none."""
    leaning = {nodeid for nodeid, assumptions in tests.items() if assumptions}
    found = {each for assumptions in tests.values() for each in assumptions}
    order = sorted(found, key=lambda each: (-LABELS.index(each.label), each.field, each.value))
    for each in order:
        named = sorted(nodeid for nodeid in leaning if each in tests[nodeid])
        yield f"{each.label}: {each.field}={each.value}: {description_of(each.field)}"
        more = len(named) - len(named[:most])
        yield f"  {', '.join(named[:most])}" + (f" and {more} more" if more else "")
    yield (
        f"{len(leaning)} of {len(tests)} tests with a world depend on {counted(len(order), 'assumption')}; "
        f"{len(tests) - len(leaning)} depend on the page alone"
    )
