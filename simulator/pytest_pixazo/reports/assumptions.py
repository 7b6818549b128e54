"""The assumptions of a green test: the points of the policy that decided what it saw, and how we know each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pixazo_simulator.control import PolicyDecision
from pixazo_simulator.spec import LABELS, Label, description_of, nearest
from pytest_pixazo.world import Record

from .conduct import counted

KNOWN = ("documented", "ours")
"""Labels that are no assumption: the page says it, or it is a safety rule of the simulator."""
_Key = tuple[str, str, Label]
"""Field, value and label."""


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
    for each in (*record.exchanges, *record.unmatched):
        where = f"exchange {each.number}, {each.method} {each.path} answered {each.status}"
        yield from ((found, where) for found in each.decided_by if found.label not in KNOWN)
    for delivery in record.deliveries:
        where = f"webhook {delivery.number} to {delivery.url}"
        yield from ((found, where) for found in delivery.decided_by if found.label not in KNOWN)


def beyond(record: Record, only: tuple[str, ...], named: str = "this test") -> str | None:
    """Why a test that may lean on these labels only must fail, None when it leans on nothing else; `named` is its name in the message."""
    found: dict[PolicyDecision, str] = {}
    for decision, where in assumed(record):
        if decision.label not in only:
            found.setdefault(decision, where)
    if not found:
        return None
    labels = list(dict.fromkeys((*only, *(each.label for each in found))))
    points = "1 point" if len(found) == 1 else f"{len(found)} points"
    head = (
        f"pixazo: @pytest.mark.pixazo(only={list(only)}), and {named} leans on {points} of the policy known otherwise"
    )
    lines = [f"- {each}, in {where}: {description_of(each.field)}" for each, where in found.items()]
    remedy = (
        "remedy: call what the page decides, give the response by pixazo.when(...).reply(STATUS, json=...), or allow more labels: "
        f"only={labels}"
    )
    return "\n".join([head, *lines, remedy])


class Assumptions:
    """The assumptions that the tests of a run leaned on, and those tests; the order of what is added does not matter."""

    def __init__(self) -> None:
        self._tests: dict[_Key, set[str]] = {}
        self._all: set[str] = set()

    def add(self, record: Record) -> None:
        """Add what one test leaned on."""
        self._all.add(record.nodeid)
        for found, _ in assumed(record):
            self._tests.setdefault((found.field, found.value, found.label), set()).add(record.nodeid)

    def as_plain_values(self) -> dict[str, Any]:
        """Everything as values that a worker of xdist can send; see `merge`."""
        return {"all": [*self._all], "tests": [[*key, *tests] for key, tests in self._tests.items()]}

    def merge(self, values: Mapping[str, Any]) -> None:
        """Add those of another process."""
        self._all.update(values["all"])
        for field, value, label, *tests in values["tests"]:
            self._tests.setdefault((field, value, label), set()).update(tests)

    def lines(self, most: int | None = None) -> Iterator[str]:
        """Two lines for each assumption, the least known first, at most so many of its tests; then how many tests need none."""
        order = sorted(self._tests, key=lambda key: (-LABELS.index(key[2]), key))
        for field, value, label in order:
            yield f"{label}: {field}={value}: {description_of(field)}"
            yield f"  {_listed(sorted(self._tests[field, value, label]), most)}"
        leaning = set[str]().union(*self._tests.values())
        yield (
            f"{len(leaning)} of {len(self._all)} tests with a world lean on {counted(len(order), 'assumption')}; "
            f"{len(self._all - leaning)} rest on the page alone"
        )


def _listed(tests: list[str], most: int | None) -> str:
    more = len(tests) - len(tests[:most])
    return ", ".join(tests[:most]) + (f" and {more} more" if more else "")
