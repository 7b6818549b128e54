"""What the simulator tells about its own state, as JSON-ready values without any secret."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, TypeVar, cast
from urllib.parse import unquote_plus

import msgspec

from . import shapes
from .clock import LAST_INSTANT, SECOND
from .courier import FallenDue
from .delivery import Attempt, Delivery
from .faults import kind_of
from .journal import REDACTED, Exchange, redacted, redacted_start
from .ledger import Entry, dollars
from .lifecycle import NEVER, Plan, snapshot
from .policy import points
from .signature import secret
from .wire import KEY_HEADER, QUERY_KEY, timestamp
from .world import Generation, Transition, World

__all__ = [
    "told_attempt",
    "told_delivery",
    "told_entry",
    "told_exchange",
    "told_fallen",
    "told_generation",
    "told_in_turns",
    "told_plan",
    "told_target",
    "told_world",
]

_KEY_HEADERS = frozenset(
    {KEY_HEADER.lower(), "authorization", "proxy-authorization", "x-api-key", "api-key", "subscription-key"}
)
_SECRET_HEADERS = _KEY_HEADERS | {"cookie"}
_SECRET_QUERY = re.compile(rf"({QUERY_KEY}=)([^&]*)", re.IGNORECASE)


_AT_ONCE = 64 * 1024
T = TypeVar("T")


async def told_in_turns(told: Iterable[T]) -> list[T]:
    """What is told, each encoded before the next is made; others are served after every 64 KiB, for a list may be long."""
    encoded: list[msgspec.Raw] = []
    size = 0
    for each in told:
        text = msgspec.json.encode(each)
        encoded.append(msgspec.Raw(text))
        size += len(text)
        if size > _AT_ONCE:
            size = 0
            await asyncio.sleep(0)
    return cast("list[T]", encoded)


def told_world(world: World) -> shapes.World:
    """A world at a glance; it is told only to the holder of its key."""
    now = world.clock.now()
    return {
        "now": timestamp(now),
        "clock": str(world.clock),
        "seed": world.seed,
        "balance": dollars(world.standing.ledger.balance(now)),
        "suspended": world.standing.suspended,
        "model_enabled": world.standing.model_enabled,
        "generations": len(world.generations()),
        "exchanges": world.journal.total,
        "webhook_secret": secret(world.seed, world.key) if world.policy.webhook_signature == "standard" else None,
        "policy": {name: world.policy.text(name) for name in points()},
    }


def told_entry(entry: Entry) -> shapes.Entry:
    """One line of the ledger."""
    return {
        "at": timestamp(entry.instant),
        "kind": entry.kind.value,
        "amount": dollars(entry.amount),
        "request_id": entry.request_id,
    }


def told_generation(world: World, generation: Generation) -> shapes.Generation:
    """One generation as it is now."""
    seen = snapshot(generation.accepted, generation.plan, world.clock.now())
    return {
        "request_id": generation.request_id,
        "operation": generation.operation,
        "duration": generation.duration,
        "resolution": generation.resolution,
        "status": seen.status.value,
        "accepted_at": timestamp(generation.accepted),
        "since": timestamp(seen.since),
        "plan": told_plan(generation.plan),
    }


def told_plan(plan: Plan) -> shapes.Plan:
    """The fate of a generation, in seconds."""
    return {
        "queued": plan.queued / SECOND,
        "processing": None if plan.processing == NEVER else plan.processing / SECOND,
        "outcome": plan.outcome.value,
        "error": plan.error,
    }


def told_attempt(attempt: Attempt, *keys: str) -> shapes.Attempt:
    """One try to deliver a callback, without the keys."""
    return {
        "at": timestamp(attempt.instant),
        "status": attempt.status,
        "problem": attempt.problem and redacted(attempt.problem, *keys),
        "rule": attempt.rule,
        "faults": list(attempt.faults),
    }


def told_delivery(world: World, delivery: Delivery) -> shapes.Delivery:
    """One callback and what became of it so far; `rule` and `faults` are what struck it, or will at the coming attempt."""
    struck = [attempt for attempt in delivery.attempts if attempt.rule]
    coming = [kind_of(fault) for fault in delivery.faults or ()]
    return {
        "number": delivery.number,
        "request_id": delivery.request_id,
        "url": redacted(delivery.url, *world.secrets),
        "channel": delivery.channel,
        "form": delivery.form.value,
        "copy_of": delivery.copy_of,
        "due_at": timestamp(min(delivery.event, LAST_INSTANT)),
        "delivered": any(attempt.succeeded for attempt in delivery.attempts),
        "rule": struck[-1].rule if struck else delivery.rule,
        "faults": list(dict.fromkeys([*chain.from_iterable(each.faults for each in struck), *coming])),
        "attempts": [told_attempt(attempt, *world.secrets) for attempt in delivery.attempts],
    }


def told_fallen(world: World, fallen: FallenDue) -> shapes.Event:
    """One thing that happened while the clock was advanced."""
    if isinstance(fallen, Transition):
        return {
            "kind": "transition",
            "at": timestamp(fallen.instant),
            "request_id": fallen.request_id,
            "status": fallen.status.value,
        }
    delivery, attempt = fallen
    return {
        "kind": "webhook",
        "number": delivery.number,
        "request_id": delivery.request_id,
        "url": redacted(delivery.url, *world.secrets),
        **told_attempt(attempt, *world.secrets),
    }


def told_exchange(exchange: Exchange, *keys: str) -> shapes.Exchange:
    """One request and its answer, with the keys, and those that it was sent with, taken out wherever they stand.

    `expected` is false, and `hint` says what was meant, where no route or known key of the gateway stood behind the request;
    `cut` says what of the answer the caller did not get; a status of 0 means that nothing was answered.
    """
    keys = (*keys, *_own_keys(exchange))
    return {
        "number": exchange.number,
        "at": timestamp(exchange.instant),
        "method": exchange.method,
        "target": told_target(exchange, *keys),
        "status": exchange.status,
        "reason": redacted(exchange.reason, *keys),
        "request_id": exchange.request_id and redacted(exchange.request_id, *keys),
        "rule": exchange.rule and redacted(exchange.rule, *keys),
        "faults": list(exchange.faults),
        "expected": exchange.expected,
        "hint": exchange.hint and redacted(exchange.hint, *keys),
        "request": {
            "headers": _headers(exchange.request_headers, keys),
            "headers_left_out": exchange.headers_left_out,
            "body": _body(exchange.request_body, exchange.request_length, keys),
            "length": exchange.request_length,
        },
        "response": {
            "headers": _headers(exchange.response_headers, keys),
            "body": _body(exchange.response_body, exchange.response_length, keys),
            "length": exchange.response_length,
            "cut": exchange.cut,
        },
    }


def _headers(headers: list[tuple[bytes, bytes]], keys: tuple[str, ...]) -> dict[str, str]:
    """Headers by lower-case name, the last of each name, without secrets of anybody."""
    pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
    return {name: REDACTED if name in _SECRET_HEADERS else redacted(value, *keys) for name, value in pairs}


def told_target(exchange: Exchange, *keys: str) -> str:
    """Path and query of a request, without the keys or the one that was sent in it."""
    return redacted(_SECRET_QUERY.sub(rf"\1{REDACTED}", exchange.target), *keys, *_own_keys(exchange))


def _own_keys(exchange: Exchange) -> tuple[str, ...]:
    """The keys that a request was sent with, whether they open anything or not."""
    sent = [
        value.decode("latin-1")
        for name, value in exchange.request_headers
        if name.decode("latin-1").lower() in _KEY_HEADERS
    ]
    queried = [value for _, value in _SECRET_QUERY.findall(exchange.target)]
    found = [*sent, *(value.rpartition(" ")[2] for value in sent), *queried, *map(unquote_plus, queried)]
    return tuple(dict.fromkeys(key.strip() for key in found))


def _body(body: bytes, length: int, keys: tuple[str, ...]) -> Any:
    """JSON as JSON, anything else as text, of which the journal may have kept only the start."""
    if len(body) < length:
        return redacted_start(body.decode(errors="replace"), *keys)
    try:
        return _without(keys, msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return redacted(body.decode(errors="replace"), *keys)


def _without(keys: tuple[str, ...], value: Any) -> Any:
    """A JSON value without the keys in any of its texts: JSON may spell it in more than one way."""
    if isinstance(value, str):
        return redacted(value, *keys)
    if isinstance(value, list):
        return [_without(keys, each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {redacted(name, *keys): _without(keys, each) for name, each in cast("dict[str, Any]", value).items()}
    return value
