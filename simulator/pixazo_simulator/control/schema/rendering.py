"""What the simulator tells about its own state, as JSON-ready values without any secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Any, TypeVar, cast, is_typeddict

import msgspec

from pixazo_simulator.script import kind_of
from pixazo_simulator.spec import (
    LAST_INSTANT,
    NEVER,
    SECOND,
    Plan,
    Redactor,
    dollars,
    points,
    renamed,
    snapshot,
    timestamp,
)
from pixazo_simulator.webhooks import FallenDue, secret
from pixazo_simulator.world import Attempt, Delivery, Entry, Exchange, Generation, Transition, World

from . import responses as shapes

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
        "balance": dollars(world.account.ledger.balance(now)),
        "suspended": world.account.suspended,
        "model_enabled": world.account.model_enabled,
        "generations": len(world.generations()),
        "exchanges": world.journal.total,
        "webhook_secret": secret(world.seed, world.key) if world.policy.webhook_signature == "standard" else None,
        "policy": {name: world.policy.text(name) for name in points()},
    }


def told_entry(entry: Entry) -> shapes.Entry:
    """One line of the ledger."""
    return {
        "at": timestamp(entry.at),
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


def told_attempt(attempt: Attempt, redactor: Redactor) -> shapes.Attempt:
    """One try to deliver a callback, without secrets."""
    return {
        "at": timestamp(attempt.at),
        "status": attempt.status,
        "problem": attempt.problem and redactor.text(attempt.problem),
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
        "url": world.redactor.text(delivery.url),
        "channel": delivery.channel,
        "form": delivery.form.value,
        "copy_of": delivery.copy_of,
        "due_at": timestamp(min(delivery.event, LAST_INSTANT)),
        "delivered": any(attempt.succeeded for attempt in delivery.attempts),
        "rule": struck[-1].rule if struck else delivery.rule,
        "faults": list(dict.fromkeys([*chain.from_iterable(each.faults for each in struck), *coming])),
        "attempts": [told_attempt(attempt, world.redactor) for attempt in delivery.attempts],
    }


def told_fallen(world: World, fallen: FallenDue) -> shapes.Event:
    """One thing that happened while the clock was advanced."""
    if isinstance(fallen, Transition):
        return {
            "kind": "transition",
            "at": timestamp(fallen.at),
            "request_id": fallen.request_id,
            "status": fallen.status.value,
        }
    delivery, attempt = fallen
    return {
        "kind": "webhook",
        "number": delivery.number,
        "request_id": delivery.request_id,
        "url": world.redactor.text(delivery.url),
        **told_attempt(attempt, world.redactor),
    }


def told_exchange(exchange: Exchange, redactor: Redactor) -> shapes.Exchange:
    """One request and its answer, without secrets and without the keys that it was sent with, wherever they stand.

    `expected` is false, and `hint` says what was meant, where no route or known key of the gateway stood behind the request;
    `cut` says what of the answer the caller did not get; a status of 0 means that nothing was answered.
    """
    redactor = redactor.heeding(exchange.request_headers, exchange.target)
    return {
        "number": exchange.number,
        "at": timestamp(exchange.at),
        "method": exchange.method,
        "target": redactor.text(exchange.target),
        "status": exchange.status,
        "reason": redactor.text(exchange.reason),
        "request_id": exchange.request_id and redactor.text(exchange.request_id),
        "rule": exchange.rule and redactor.text(exchange.rule),
        "faults": list(exchange.faults),
        "expected": exchange.expected,
        "hint": exchange.hint and redactor.text(exchange.hint),
        "request": {
            "headers": redactor.headers(exchange.request_headers),
            "headers_left_out": exchange.headers_left_out,
            "body": _body(exchange.request_body, exchange.request_length, redactor),
            "length": exchange.request_length,
        },
        "response": {
            "headers": redactor.headers(exchange.response_headers),
            "body": _body(exchange.response_body, exchange.response_length, redactor),
            "length": exchange.response_length,
            "cut": exchange.cut,
        },
    }


def told_target(exchange: Exchange, redactor: Redactor) -> str:
    """Path and query of a request, without secrets and without the keys that it was sent with."""
    return redactor.heeding(exchange.request_headers, exchange.target).text(exchange.target)


def cleared(value: Any, redactor: Redactor) -> Any:
    """A JSON value without the keys that a route has left in it; the names of our own members stay."""
    if isinstance(value, str):
        return redactor.without_keys(value)
    if isinstance(value, list):
        return [cleared(each, redactor) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        told = {name: cleared(each, redactor) for name, each in members}
        return renamed(told, lambda name: name if name in _MEMBERS else redactor.without_keys(name))
    return value


_MEMBERS = frozenset(
    name for shape in vars(shapes).values() if is_typeddict(shape) for name in shape.__annotations__
) | frozenset(points())


def _body(body: bytes, length: int, redactor: Redactor) -> Any:
    """JSON as JSON, anything else as text, of which the journal may have kept only the start."""
    if len(body) < length:
        return redactor.start(body.decode(errors="replace"))
    try:
        return redactor.json(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return redactor.text(body.decode(errors="replace"))
