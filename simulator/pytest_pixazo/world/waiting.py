"""Blocks until something is there in a world, or says what is there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pixazo_simulator.control import ControlClient, ControlError
from pixazo_simulator.script import Matcher, read_matcher
from pixazo_simulator.spec import nearest

from .forecast import outlook
from .table import delivery_table, exchange_table, generation_table
from .values.delivery import Delivery
from .values.exchange import Exchange
from .values.generation import Generation

__tracebackhide__ = True  # a failure belongs to the line of the test

TIMED_OUT = 408
_SUBMIT = {"one_of": ["generate", "imageToVideo"]}
_WHAT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{word: ("exchanges", {"operation": word}) for word in ("generate", "imageToVideo", "status", "media")},
    "submit": ("exchanges", {"operation": _SUBMIT}),
    "request": ("exchanges", {}),
    "webhook": ("deliveries", {}),
    "generation": ("generations", {}),
}
"""What can be waited for: the list in which it appears, and the condition that it means there."""


def wait_for(
    control: ControlClient, what: str, count: int, timeout: float, conditions: Mapping[str, Any]
) -> Sequence[Any]:
    """So many of `what`, typed as their list says. Raises TimeoutError, and ValueError for a word that is not known."""
    if what not in _WHAT:
        raise ValueError(f"wait_for {what!r} is not one of {', '.join(_WHAT)}{nearest(what, tuple(_WHAT))}")
    where, meaning = _WHAT[what]
    told = {name: value.as_json() if isinstance(value, Matcher) else value for name, value in conditions.items()}
    try:
        found = control.wait_for({where: {**meaning, **told, "count": count}}, timeout=timeout)
    except ControlError as error:
        if error.status != TIMED_OUT:
            raise
        wanted = ", ".join(
            [f"{count} x {what}", *(f"{name} {read_matcher(each)}" for name, each in conditions.items())]
        )
        raise TimeoutError(f"waited {timeout:g} s for {wanted}; {_instead(control, where, error.told)}") from None
    return _typed(where, found[where])


def _typed(where: str, told: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    found: list[Any] = msgspec.convert(told, _LISTS[where][0])
    return found


def _instead(control: ControlClient, where: str, told: Mapping[str, Any]) -> str:
    """How many of them are there, what came nearest to one more, what a manual clock has ahead, and all that there is."""
    near = told.get("nearest")
    nearest_one = f"nearest is {near['what']}: {', and '.join(near['differences'])}; " if near else ""
    _, table, ask = _LISTS[where]
    ahead = outlook(control.clock(), _typed("generations", control.generations()["generations"]))
    return (
        f"{len(told.get(where, ()))} came; {nearest_one}{f'{ahead}; ' if ahead else ''}"
        f"all that there is:\n{table(_typed(where, ask(control)[where]))}"
    )


_LISTS: Mapping[str, tuple[Any, Callable[[Any], str], Callable[[ControlClient], Mapping[str, Any]]]] = {
    "exchanges": (list[Exchange], exchange_table, lambda control: control.journal()),
    "deliveries": (list[Delivery], delivery_table, lambda control: control.deliveries()),
    "generations": (list[Generation], generation_table, lambda control: control.generations()),
}
"""How each list is typed, shown, and asked for."""
