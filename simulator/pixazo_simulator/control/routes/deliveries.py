"""Control routes about the callbacks of a world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.rendering import told_attempt, told_delivery, told_in_turns
from pixazo_simulator.control.schema.requests import Latest, Nothing


@route("GET", "/_sim/deliveries", answer=examples.DELIVERIES)
async def deliveries(request: ControlRequest[Latest]) -> shapes.Deliveries:
    """List the latest callbacks, delivered or pending, with every attempt."""
    world = request.world
    kept = world.deliveries()
    told = await told_in_turns(told_delivery(world, each) for each in kept[-request.wish.limit :])
    return {"total": len(kept), "deliveries": told}


@route("POST", "/_sim/deliveries/{number}/resend", answer=examples.ATTEMPT)
async def resend(request: ControlRequest[Nothing]) -> shapes.Attempt:
    """Post a callback once more, now, whatever became of it before, and tell how that went."""
    try:
        _, attempt = await request.dispatcher.resend(request.world, request.number)
    except KeyError:
        raise Refused(404, f"no callback has the number {request.number}: GET /_sim/deliveries lists them") from None
    return told_attempt(attempt, request.world.redactor)
