"""Control routes about what was said: the journal of a world, and the lobby."""

from __future__ import annotations

import asyncio

from msgspec import UNSET

from pixazo_simulator.control.route import ControlRequest, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.rendering import told_exchange, told_in_turns, told_target
from pixazo_simulator.control.schema.requests import JournalFilter
from pixazo_simulator.spec import Redactor
from pixazo_simulator.world import Exchange, Journal

_AT_ONCE = 20
"""Exchanges that are looked at before others are served."""


@route("GET", "/_sim/journal", answer=examples.JOURNAL)
async def journal(request: ControlRequest[JournalFilter]) -> shapes.Journal:
    """List the latest exchanges of a world that pass every filter, or with `after` the first ones beyond that number."""
    world = request.world
    return await _told(world.journal, request.wish, world.redactor)


@route("GET", "/_sim/lobby", worldly=False, answer=examples.JOURNAL)
async def lobby(request: ControlRequest[JournalFilter]) -> shapes.Journal:
    """List the calls that reached no world, such as those with an unknown key; filters as of the journal."""
    return await _told(request.worlds.unmatched, request.wish, request.worlds.redactor)


async def _told(kept: Journal, wish: JournalFilter, redactor: Redactor) -> shapes.Journal:
    total, dropped = kept.total, kept.dropped
    found: list[Exchange] = []
    for number, exchange in enumerate(kept, 1):
        if _passes(exchange, wish, redactor):
            found.append(exchange)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    shown = found[-wish.limit :] if wish.after is UNSET else found[: wish.limit]
    return {
        "total": total,
        "dropped": dropped,
        "exchanges": await told_in_turns(told_exchange(exchange, redactor) for exchange in shown),
    }


def _passes(exchange: Exchange, wish: JournalFilter, redactor: Redactor) -> bool:
    return (
        (wish.after is UNSET or exchange.number > wish.after)
        and (wish.status is UNSET or exchange.status == wish.status)
        and (wish.method is UNSET or exchange.method == wish.method.upper())
        and (wish.path is UNSET or wish.path in told_target(exchange, redactor))
    )
