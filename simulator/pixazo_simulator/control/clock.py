"""Control routes about the clock of a world."""

from __future__ import annotations

from pixazo_simulator import shapes
from pixazo_simulator.clock import LAST_INSTANT
from pixazo_simulator.route import ControlRequest, readable, route
from pixazo_simulator.told import told_fallen, told_in_turns
from pixazo_simulator.wire import timestamp
from pixazo_simulator.wishes import Advance, Nothing

from . import examples

__all__ = ["advance", "clock"]


@route("GET", "/_sim/clock", answer=examples.CLOCK)
async def clock(request: ControlRequest[Nothing]) -> shapes.Clock:
    """Tell what time it is in a world, and when its next callback is due."""
    read, due = request.world.clock, request.world.next_due()
    return {
        "now": timestamp(read.now()),
        "clock": str(read),
        "next_callback_at": None if due is None else timestamp(min(due, LAST_INSTANT)),
    }


@route("POST", "/_sim/clock/advance", answer=examples.ADVANCED, example={"seconds": 15})
async def advance(request: ControlRequest[Advance]) -> shapes.Advanced:
    """Let time pass in a world and tell what fell due; callbacks that fell due have been attempted when this answers."""
    world = request.world
    with readable():
        milliseconds = world.clock.milliseconds(request.wish.seconds)
    fallen = await request.courier.advance(world, milliseconds)
    now = timestamp(world.clock.now())
    return {"now": now, "events": await told_in_turns(told_fallen(world, each) for each in fallen)}
