"""Control routes about TLS listeners, each of which serves one world."""

from __future__ import annotations

from pixazo_simulator.control.route import ControlRequest, Refused, refuse_value_errors, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import NewTlsListener, NoParameters
from pixazo_simulator.control.schema.responses import Closed, TlsListener


@route(
    "POST", "/_sim/tls-listeners",
    status=201, response_example=examples.TLS_LISTENER, request_example={"hosts": ["gateway.pixazo.ai"]},
)  # fmt: skip
async def open_tls_listener(request: ControlRequest[NewTlsListener]) -> TlsListener:
    """Open a TLS port that serves the caller's world, with a certificate for the given hosts."""
    try:
        with refuse_value_errors():
            return await request.tls_listeners.open(request.world, request.body.hosts)
    except LookupError as error:
        raise Refused(404, str(error)) from None


@route("DELETE", "/_sim/tls-listeners/{number}", response_example=rendering.CLOSED)
async def close_tls_listener(request: ControlRequest[NoParameters]) -> Closed:
    """Close a TLS listener of the caller's world and reset its connections."""
    if not await request.tls_listeners.close(request.world, request.number):
        raise Refused(404, f"this world has no TLS listener {request.number}: open one with POST /_sim/tls-listeners")
    return rendering.CLOSED
