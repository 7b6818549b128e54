"""The control route that waits until something has happened in a world."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from pixazo_simulator.control.conditions import Lookout, lookout
from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.requests import Wait

_END = object()


@route(
    "POST", "/_sim/wait", refusals={408: shapes.TimedOut}, answer=examples.SUBMITS,
    example={"exchanges": {"operation": "generate", "status": 202}, "timeout": 5},
)  # fmt: skip
async def wait_for(request: ControlRequest[Wait]) -> shapes.Arrived:
    """Wait until so many exchanges, deliveries or generations fulfil every condition, and tell them.

    Give one of the three. When time runs out the answer is 408: it tells what did arrive, and what came nearest.
    """
    with readable():
        watching = lookout(request.world, request.wish)
    try:
        async with asyncio.timeout(request.wish.timeout):
            await _until(request, watching)
    except TimeoutError:
        await look(request, watching)
        if not watching.enough:
            raise await _timed_out(watching, request.wish.timeout) from None
    return await watching.told()


async def _until(request: ControlRequest[Wait], watching: Lookout[Any]) -> None:
    happened = asyncio.Event()
    with watching.world.notifier.listening(happened.set):
        while True:
            await look(request, watching)
            if watching.enough:
                return
            if request.worlds.get(request.key) is not watching.world:
                raise Refused(404, "the world was deleted while somebody waited for it")
            with suppress(TimeoutError):
                async with asyncio.timeout(watching.pause()):
                    await happened.wait()
            happened.clear()


async def look(request: ControlRequest[Wait], watching: Lookout[Any]) -> None:
    """Look once, a piece at a time: however many wait, one of them looks in one turn of the event loop."""
    pieces = watching.look()
    more = True
    while more:
        async with request.looking:
            more = next(pieces, _END) is not _END
            await asyncio.sleep(0)


async def _timed_out(watching: Lookout[Any], seconds: float) -> Refused:
    nearest = watching.nearest()
    near = f"; nearest: {nearest['what']}: {'; '.join(nearest['differences'])}" if nearest else ""
    message = f"after {seconds:g} s there were {watching}{near}"
    return Refused(408, message, "Timed out", **await watching.told(), nearest=nearest)
