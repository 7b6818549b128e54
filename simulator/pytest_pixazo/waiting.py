"""Blocks until something is there in a world, or says what is there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pixazo_simulator.control_client import ControlError
from pixazo_simulator.matcher import Matcher, read_matcher
from pixazo_simulator.policy import nearest

from .delivery import Delivery
from .exchange import Exchange
from .generation import Generation
from .table import delivery_table, exchange_table, generation_table

if TYPE_CHECKING:
    from pixazo_simulator.control_client import ControlClient

__all__ = ["wait_for"]

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
    told = {name: value.told() if isinstance(value, Matcher) else value for name, value in conditions.items()}
    try:
        found = control.wait_for({where: {**meaning, **told, "count": count}}, timeout=timeout)
    except ControlError as error:
        if error.status != TIMED_OUT:
            raise
        wanted = ", ".join(
            [f"{count} x {what}", *(f"{name} {read_matcher(each)}" for name, each in conditions.items())]
        )
        raise TimeoutError(f"waited {timeout:g} s for {wanted}; {_arrived(error.told, where)}") from None
    return _typed(found[where], where)


def _typed(told: Sequence[Mapping[str, Any]], where: str) -> Sequence[Any]:
    found: list[Any] = msgspec.convert(told, _LISTS[where][0])
    return found


def _arrived(told: Mapping[str, Any], where: str) -> str:
    """What is there instead, nearest first."""
    near = told.get("nearest")
    nearest_one = f"nearest is {near['what']}: {', and '.join(near['differences'])}; " if near else ""
    return f"{nearest_one}there is:\n{_LISTS[where][1](_typed(told.get(where, ()), where))}"


_LISTS: Mapping[str, tuple[Any, Callable[[Any], str]]] = {
    "exchanges": (list[Exchange], exchange_table),
    "deliveries": (list[Delivery], delivery_table),
    "generations": (list[Generation], generation_table),
}
"""How each list is typed, and shown."""
