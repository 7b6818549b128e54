"""Control routes about the webhook deliveries of a world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import Latest, NoParameters
from pixazo_simulator.control.schema.responses import Attempt, DeliveryPage


@route("GET", "/_sim/deliveries", response_example=examples.DELIVERIES)
async def deliveries(request: ControlRequest[Latest]) -> DeliveryPage:
    """List the latest webhooks, delivered or pending, with every attempt."""
    return await rendering.deliveries(request.world, request.body.limit)


@route("POST", "/_sim/deliveries/{number}/resend", response_example=examples.ATTEMPT)
async def resend(request: ControlRequest[NoParameters]) -> Attempt:
    """Post a webhook once more, now, whatever its state, and show the result of that attempt."""
    try:
        _, attempt = await request.dispatcher.resend(request.world, request.number)
    except KeyError:
        raise Refused(404, f"no delivery has the number {request.number}: GET /_sim/deliveries lists them") from None
    return rendering.attempt(request.world, attempt)
