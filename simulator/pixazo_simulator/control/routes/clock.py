"""Control routes about the clock of a world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.rendering import told_fallen, told_in_turns
from pixazo_simulator.control.schema.requests import Advance, Nothing
from pixazo_simulator.spec import LAST_INSTANT, timestamp
from pixazo_simulator.webhooks import AdvanceError, FallenDue
from pixazo_simulator.world import World


@route("GET", "/_sim/clock", answer=examples.CLOCK)
async def clock(request: ControlRequest[Nothing]) -> shapes.Clock:
    """Tell what time it is in a world, and when its next callback is due."""
    read, due = request.world.clock, request.world.next_due()
    return {
        "now": timestamp(read.now()),
        "clock": str(read),
        "next_callback_at": None if due is None else timestamp(min(due, LAST_INSTANT)),
    }


@route(
    "POST", "/_sim/clock/advance", refusals={409: shapes.Stopped}, answer=examples.ADVANCED, example={"seconds": 15}
)  # fmt: skip
async def advance(request: ControlRequest[Advance]) -> shapes.Advanced:
    """Let time pass in a world and tell what fell due; callbacks that fell due have been attempted when this answers.

    An advance attempts at most 10,000 callbacks and takes at most 300 real seconds. When that is not enough the answer is 409:
    it tells how far the clock came and what fell due until then; what is left stays pending, and another advance goes on.
    """
    world = request.world
    with readable():
        milliseconds = world.clock.milliseconds(request.wish.seconds)
    try:
        fallen = await request.dispatcher.advance(world, milliseconds)
    except AdvanceError as error:
        raise Refused(409, str(error), "Advance stopped", **await _told(world, error.fallen)) from None
    if request.worlds.get(request.key) is not world:
        raise Refused(404, "the world was deleted while its clock was advanced")
    return await _told(world, fallen)


async def _told(world: World, fallen: list[FallenDue]) -> shapes.Advanced:
    now = timestamp(world.clock.now())
    return {"now": now, "events": await told_in_turns(told_fallen(world, each) for each in fallen)}
