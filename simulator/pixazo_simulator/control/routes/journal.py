"""Control routes about what was sent and answered: the journal of a world, and the unmatched requests."""

from __future__ import annotations

import asyncio

from msgspec import UNSET

from pixazo_simulator.control.route import ControlRequest, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import JournalFilter
from pixazo_simulator.control.schema.responses import JournalPage
from pixazo_simulator.world import Exchange, Journal, World, Worlds

_AT_ONCE = 20
"""Exchanges that are compared with the filters before others are served."""


@route("GET", "/_sim/journal", response_example=examples.JOURNAL)
async def journal(request: ControlRequest[JournalFilter]) -> JournalPage:
    """List the latest exchanges of a world that pass every filter, or with `after` the first ones beyond that number."""
    return await _page(request.world, request.world.journal, request.body)


@route("GET", "/_sim/unmatched", needs_world=False, response_example=examples.JOURNAL)
async def unmatched(request: ControlRequest[JournalFilter]) -> JournalPage:
    """List the requests that reached no world, such as those with an unknown key; filters as of the journal."""
    return await _page(request.worlds, request.worlds.unmatched, request.body)


async def _page(owner: World | Worlds, kept: Journal, wanted: JournalFilter) -> JournalPage:
    total, dropped = kept.total, kept.dropped
    found: list[Exchange] = []
    for number, exchange in enumerate(kept, 1):
        if _passes(owner, exchange, wanted):
            found.append(exchange)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    listed = found[-wanted.limit :] if wanted.after is UNSET else found[: wanted.limit]
    return await rendering.journal(owner, total, dropped, listed)


def _passes(owner: World | Worlds, exchange: Exchange, wanted: JournalFilter) -> bool:
    return (
        (wanted.after is UNSET or exchange.number > wanted.after)
        and (wanted.status is UNSET or exchange.status == wanted.status)
        and (wanted.method is UNSET or exchange.method == wanted.method.upper())
        # The redacted target is compared: otherwise a filter would reveal whether a key was sent.
        and (wanted.path is UNSET or wanted.path in rendering.target(owner, exchange))
    )
