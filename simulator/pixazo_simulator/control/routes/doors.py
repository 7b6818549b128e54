"""Control routes about TLS listeners, each of which serves one world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.requests import NewTlsListener, Nothing


@route("POST", "/_sim/tls-listeners", status=201, answer=examples.DOOR, example={"hosts": ["gateway.pixazo.ai"]})
async def open_tls_listener(request: ControlRequest[NewTlsListener]) -> shapes.TlsListener:
    """Open a TLS port that leads into the world of the caller, with a certificate for the hosts asked for."""
    try:
        with readable():
            door = await request.doors.open(request.world, request.wish.hosts)
    except LookupError as error:
        raise Refused(404, str(error)) from None
    return {"number": door.number, "port": door.port, "ca_pem": door.ca_pem}


@route("DELETE", "/_sim/tls-listeners/{number}", answer=examples.CLOSED)
async def close_tls_listener(request: ControlRequest[Nothing]) -> shapes.Closed:
    """Close a TLS listener of the caller's world and reset the connections through it."""
    if not await request.doors.close(request.world, request.number):
        raise Refused(404, f"this world has no TLS listener {request.number}: open one with POST /_sim/tls-listeners")
    return {"closed": True}
