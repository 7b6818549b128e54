"""Control routes about doors: TLS ports, each of which leads into one world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.requests import NewDoor, Nothing


@route("POST", "/_sim/doors", status=201, answer=examples.DOOR, example={"hosts": ["gateway.pixazo.ai"]})
async def open_door(request: ControlRequest[NewDoor]) -> shapes.Door:
    """Open a TLS port that leads into the world of the caller, with a certificate for the hosts asked for."""
    try:
        with readable():
            door = await request.doors.open(request.world, request.wish.hosts)
    except LookupError as error:
        raise Refused(404, str(error)) from None
    return {"door": door.number, "port": door.port, "ca_pem": door.ca_pem}


@route("DELETE", "/_sim/doors/{number}", answer=examples.CLOSED)
async def close_door(request: ControlRequest[Nothing]) -> shapes.Closed:
    """Close a door of the caller's world and reset the connections through it."""
    if not await request.doors.close(request.world, request.number):
        raise Refused(404, f"this world has no door {request.number}: open one with POST /_sim/doors")
    return {"closed": True}
