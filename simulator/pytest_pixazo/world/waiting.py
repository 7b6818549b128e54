"""Blocks until something has happened in a world, or says what has happened instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pixazo_simulator.control import ControlClient, ControlError, Generation
from pixazo_simulator.script import Matcher, read_matcher
from pixazo_simulator.spec import nearest

from .history import delivery_table, exchange_table
from .text import outlook, table, time_of

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
    """At least `count` of `what`, typed as their list. Raises TimeoutError, and ValueError for an unknown word."""
    if what not in _WHAT:
        raise ValueError(f"wait_for {what!r} is not one of {', '.join(_WHAT)}{nearest(what, tuple(_WHAT))}")
    where, meaning = _WHAT[what]
    given = {name: value.as_json() if isinstance(value, Matcher) else value for name, value in conditions.items()}
    try:
        result = control.wait_for({where: {**meaning, **given, "count": count}}, timeout=timeout)
    except ControlError as error:
        if error.status != TIMED_OUT:
            raise
        wanted = ", ".join(
            [f"{count} x {what}", *(f"{name} {read_matcher(each)}" for name, each in conditions.items())]
        )
        raise TimeoutError(f"waited {timeout:g} s for {wanted}; {_instead(control, where, error.body)}") from None
    found: Sequence[Any] = getattr(result, where)
    return found


def _instead(control: ControlClient, where: str, body: Mapping[str, Any]) -> str:
    """How many there are, what came nearest to one more, what is ahead on a manual clock, and all that there is."""
    near = body.get("nearest")
    nearest_one = f"nearest is {near['what']}: {', and '.join(near['differences'])}; " if near else ""
    ahead = outlook(control.clock(), control.generations().generations)
    return (
        f"{len(body.get(where, ()))} came; {nearest_one}{f'{ahead}; ' if ahead else ''}"
        f"all that there is:\n{_TABLES[where](control)}"
    )


def _generation_table(generations: Sequence[Generation]) -> str:
    """When it was accepted, request id and status."""
    rows = [(time_of(each.accepted_at), each.request_id, each.status) for each in generations]
    return table(rows) or "no generation"


_TABLES: Mapping[str, Callable[[ControlClient], str]] = {
    "exchanges": lambda control: exchange_table(control.journal().exchanges),
    "deliveries": lambda control: delivery_table(control.deliveries().deliveries),
    "generations": lambda control: _generation_table(control.generations().generations),
}
