"""Names and types for tests: the operations of models, the calls of rules, the events to wait for or verify, and their conditions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict

import pytest

from pixazo_simulator import script
from pixazo_simulator.script import Condition, Matcher
from pixazo_simulator.spec import OPERATIONS, Operation, nearest

_MODELS: pytest.StashKey[tuple[Operation, ...]] = pytest.StashKey()
RequestCall = Literal["request"]
WebhookCall = Literal["webhook"]
Call = Literal["generate", "imageToVideo", "submit", "status", "media", "request"]
"""What can be waited for as exchanges of the journal: `submit` is any submission, `request` any request."""


class _RuleOptions(TypedDict, total=False):
    """What any rule takes besides its conditions; the class `When` explains it."""

    after: int
    probability: float
    since: float | str | datetime
    until: float | str | datetime | None
    name: str | None


class SubmitRule(_RuleOptions, script.SubmitConditions, total=False): ...


class StatusRule(_RuleOptions, script.StatusConditions, total=False): ...


class MediaRule(_RuleOptions, script.MediaConditions, total=False): ...


class WebhookRule(_RuleOptions, script.WebhookConditions, total=False): ...


class RequestRule(_RuleOptions, script.RequestConditions, total=False): ...


class ExchangeConditions(TypedDict, total=False):
    """What exchanges of the journal must fulfil; `path` has no query, a string is any part of the `rule`, `after` skips those up to this number."""

    after: int
    operation: Condition
    method: Condition
    path: Condition
    status: Condition
    request_id: Condition
    rule: Condition
    reason: Condition


class DeliveryConditions(TypedDict, total=False):
    """What attempted deliveries must fulfil; `status` is the last status code of the receiver, `attempts` the number of attempts."""

    request_id: Condition
    url: Condition
    channel: Condition
    delivered: Condition
    status: Condition
    attempts: Condition


class GenerationConditions(TypedDict, total=False):
    """What generations must fulfil, as they are now."""

    request_id: Condition
    operation: Condition
    status: Condition


_WHAT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{word: ("exchanges", {"operation": word}) for word in (*OPERATIONS, "status", "media", "submit")},
    "request": ("exchanges", {}),
    "webhook": ("deliveries", {}),
    "generation": ("generations", {}),
}
"""What can be waited for: the list in which it appears, and its condition there; of that what the app sends."""
REQUESTS = {what: meaning for what, meaning in _WHAT.items() if meaning[0] == "exchanges"}


def asked(
    verb: str, what: str, conditions: Mapping[str, Any], known: Mapping[str, tuple[str, Mapping[str, Any]]] = _WHAT
) -> tuple[str, dict[str, Any]]:
    """The list in which `what` appears, and the conditions that it must fulfil there, as JSON. Raises ValueError with the nearest known name."""
    if what not in known and "/" not in str(what):
        raise ValueError(f"{verb} {what!r} is not one of {', '.join(known)}{nearest(str(what), tuple(known))}")
    where, meaning = known.get(what, ("exchanges", {"operation": what}))
    given = {name: value.as_json() if isinstance(value, Matcher) else value for name, value in conditions.items()}
    return where, {**meaning, **given}


def plain(returned: object, remedy: str) -> object:
    """What a function of the test returned. Raises TypeError with the remedy for an awaitable, which nobody would await."""
    if inspect.iscoroutine(returned):
        returned.close()
    if inspect.isawaitable(returned):
        raise TypeError(remedy)
    return returned


def models_of(config: pytest.Config) -> tuple[Operation, ...]:
    """The operations of the ini setting `pixazo_models`; files are relative to the root folder. Raises ValueError with the remedy."""
    if _MODELS not in config.stash:
        from pixazo_simulator.server import read_models
        from pixazo_simulator.spec import FORMS

        names: list[str] = config.getini("pixazo_models")
        try:
            config.stash[_MODELS] = read_models(
                str(config.rootpath / each) if each.endswith(tuple(FORMS)) else each for each in names
            )
        except ValueError as error:
            raise ValueError(f"ini setting pixazo_models: {error}") from None
    return config.stash[_MODELS]
