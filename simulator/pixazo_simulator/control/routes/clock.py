"""Control routes about the clock of a world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, refuse_value_errors, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import Advance, NoParameters
from pixazo_simulator.control.schema.responses import Advanced, AdvanceStopped, ClockState
from pixazo_simulator.webhooks import AdvanceError


@route("GET", "/_sim/clock", response_example=examples.CLOCK)
async def clock(request: ControlRequest[NoParameters]) -> ClockState:
    """Show what time it is in a world, and when its next webhook is due."""
    return rendering.clock(request.world)


@route(
    "POST", "/_sim/clock/advance",
    refusals={409: AdvanceStopped}, response_example=examples.ADVANCED, request_example={"seconds": 15},
)  # fmt: skip
async def advance(request: ControlRequest[Advance]) -> Advanced:
    """Let time pass in a world and list what fell due; webhooks that fell due have been attempted by then.

    An advance attempts at most 10,000 webhooks and takes at most 300 real seconds. When that is not enough the response
    is 409 and says how far the clock came and what fell due until then; the rest stays pending, and another advance goes on.
    """
    world = request.world
    with refuse_value_errors():
        milliseconds = world.clock.milliseconds(request.body.seconds)
    try:
        fallen = await request.dispatcher.advance(world, milliseconds)
    except AdvanceError as error:
        raise Refused(409, await rendering.advance_stopped(world, str(error), error.fallen)) from None
    if request.worlds.get(request.key) is not world:
        raise Refused(404, "the world was deleted while its clock was advanced")
    return await rendering.advanced(world, fallen)
