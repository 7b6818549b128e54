"""The facts that rules match, from what was sent and what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pixazo_simulator.script import Facts
from pixazo_simulator.spec import ImageParameters, InvalidBody

from .deliveries import Delivery

LONGEST_TEXT = 10_000
"""Code points of a text that rules see: there may be many rules, and each searches and reports it."""
Headers = Iterable[tuple[bytes, bytes]]


def at_submit(operation: str, headers: Headers, members: Mapping[str, Any] | InvalidBody) -> Facts:
    """A submission, as it was sent: members that were not sent are absent, also where the gateway has a default."""
    sent = {} if isinstance(members, InvalidBody) else {name: _cut(value) for name, value in members.items()}
    named = _named(headers)
    facts = {name: sent[name] for name in ImageParameters.__struct_fields__ if name in sent}
    facts |= {"headers": named, "body": sent}
    if url := named.get("x-webhook-url", "").strip():
        facts["webhook_url"] = url
    return Facts(operation, facts)


def at_read(request_id: str, known: Mapping[str, Any], headers: Headers) -> Facts:
    """A status read; `known` are the facts about the generation, empty when the world has none of this id."""
    return Facts("status", {**known, "request_id": request_id, "headers": _named(headers)})


def at_download(request_id: str, known: Mapping[str, Any], method: str, headers: Headers) -> Facts:
    """A GET or HEAD for media."""
    return Facts("media", {**known, "request_id": request_id, "method": method, "headers": _named(headers)})


def at_callback(delivery: Delivery, known: Mapping[str, Any]) -> Facts:
    """An attempt to deliver a webhook; `known` are the facts about its generation at the instant that it reports."""
    facts = {"request_id": delivery.request_id, "url": delivery.url, "channel": delivery.channel}
    return Facts("webhook", {**known, **facts, "attempt": len(delivery.attempts) + 1})


def _cut(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _named(headers: Headers) -> dict[str, str]:
    """Headers by lower-case name; several of one name are joined (RFC 9110, 5.3)."""
    named: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        named[key] = f"{named[key]}, {text}" if key in named else text
    return named
