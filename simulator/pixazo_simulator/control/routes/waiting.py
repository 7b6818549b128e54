"""The control route that waits until something has happened in a world."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pixazo_simulator.control.conditions import Search
from pixazo_simulator.control.route import ControlRequest, Refused, refuse_value_errors, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import Wait
from pixazo_simulator.control.schema.responses import WaitResult, WaitTimedOut

_END = object()


@route(
    "POST", "/_sim/wait", refusals={408: WaitTimedOut}, response_example=examples.SUBMITS,
    request_example={"exchanges": {"operation": "generate", "status": 202}, "timeout": 5},
)  # fmt: skip
async def wait_for(request: ControlRequest[Wait]) -> WaitResult:
    """Wait until so many exchanges, deliveries or generations fulfil every matcher, and list them.

    Give one of the three. When time runs out the response is 408 and says what did arrive, and what came nearest.
    """
    world, timeout = request.world, request.body.timeout
    with refuse_value_errors():
        search = Search(world, request.body)
    try:
        async with asyncio.timeout(timeout):
            await _until_found(request, search)
    except TimeoutError:
        await look(request, search)
        if not search.is_done:
            message, near = f"after {timeout:g} s there were {search}", search.nearest()
            raise Refused(
                408, await rendering.wait_timed_out(world, message, search.what, search.found, near)
            ) from None
    return await rendering.wait_result(world, search.what, search.found)


async def _until_found(request: ControlRequest[Wait], search: Search) -> None:
    happened = asyncio.Event()
    with search.world.notifier.listening(happened.set):
        while True:
            await look(request, search)
            if search.is_done:
                return
            if request.worlds.get(request.key) is not search.world:
                raise Refused(404, "the world was deleted while somebody waited for it")
            with suppress(TimeoutError):
                async with asyncio.timeout(search.pause()):
                    await happened.wait()
            happened.clear()


async def look(request: ControlRequest[Wait], search: Search) -> None:
    """Look once, a piece at a time; of all waiting requests only one looks in one turn of the event loop."""
    pieces = search.look()
    more = True
    while more:
        async with request.look_lock:
            more = next(pieces, _END) is not _END
            await asyncio.sleep(0)
