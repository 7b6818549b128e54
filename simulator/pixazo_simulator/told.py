"""What the simulator tells about its own state, as JSON-ready values without any secret."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from .clock import LAST_INSTANT
from .courier import FallenDue
from .delivery import Attempt, Delivery
from .journal import REDACTED, Exchange, redacted
from .ledger import Entry, dollars
from .lifecycle import snapshot
from .policy import points
from .signature import secret
from .wire import KEY_HEADER, timestamp
from .world import Generation, Transition, World

__all__ = [
    "told_delivery",
    "told_entry",
    "told_exchange",
    "told_fallen",
    "told_generation",
    "told_world",
]

_SECRET_HEADERS = frozenset({KEY_HEADER.lower(), "authorization", "proxy-authorization", "cookie"})


def told_world(world: World) -> dict[str, Any]:
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


def told_entry(entry: Entry) -> dict[str, Any]:
    """One line of the ledger."""
    return {
        "at": timestamp(entry.instant),
        "kind": entry.kind.value,
        "amount": dollars(entry.amount),
        "request_id": entry.request_id,
    }


def told_generation(world: World, generation: Generation) -> dict[str, Any]:
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
    }


def told_attempt(attempt: Attempt) -> dict[str, Any]:
    """One try to deliver a callback."""
    return {"at": timestamp(attempt.instant), "status": attempt.status, "problem": attempt.problem}


def told_delivery(world: World, delivery: Delivery) -> dict[str, Any]:
    """One callback and what became of it so far."""
    return {
        "number": delivery.number,
        "request_id": delivery.request_id,
        "url": redacted(delivery.url, *world.secrets),
        "channel": delivery.channel,
        "form": delivery.form.value,
        "due_at": timestamp(min(delivery.event, LAST_INSTANT)),
        "delivered": any(attempt.succeeded for attempt in delivery.attempts),
        "attempts": [told_attempt(attempt) for attempt in delivery.attempts],
    }


def told_fallen(world: World, fallen: FallenDue) -> dict[str, Any]:
    """One thing that happened while the clock was advanced."""
    if isinstance(fallen, Transition):
        told = {"kind": "transition", "at": timestamp(fallen.instant), "request_id": fallen.request_id}
        return told | {"status": fallen.status.value}
    delivery, attempt = fallen
    told = told_attempt(attempt)
    return {"kind": "webhook", "request_id": delivery.request_id, "url": redacted(delivery.url, *world.secrets)} | told


def told_exchange(exchange: Exchange, *keys: str | None) -> dict[str, Any]:
    """One request and its answer, with the keys taken out wherever they stand."""
    return {
        "number": exchange.number,
        "at": timestamp(exchange.instant),
        "method": exchange.method,
        "target": redacted(exchange.target, *keys),
        "status": exchange.status,
        "reason": redacted(exchange.reason, *keys),
        "request": {
            "headers": {name: redacted(value, *keys) for name, value in _headers(exchange).items()},
            "body": _body(exchange.request_body, keys),
            "length": exchange.request_length,
        },
        "response": {"body": _body(exchange.response_body, keys)},
    }


def _headers(exchange: Exchange) -> dict[str, str]:
    pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in exchange.request_headers)
    return {name: REDACTED if name in _SECRET_HEADERS else value for name, value in pairs}


def _body(body: bytes, keys: tuple[str | None, ...]) -> Any:
    """JSON as JSON, anything else as text."""
    try:
        return _without(keys, msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return redacted(body.decode(errors="replace"), *keys)


def _without(keys: tuple[str | None, ...], value: Any) -> Any:
    """A JSON value without the keys in any of its texts: JSON may spell it in more than one way."""
    if isinstance(value, str):
        return redacted(value, *keys)
    if isinstance(value, list):
        return [_without(keys, each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {redacted(name, *keys): _without(keys, each) for name, each in cast("dict[str, Any]", value).items()}
    return value
