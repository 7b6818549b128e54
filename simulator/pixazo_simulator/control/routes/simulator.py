"""Control routes about the simulator itself."""

from __future__ import annotations

from typing import Any

from pixazo_simulator.control.route import ControlRequest, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import NoParameters
from pixazo_simulator.control.schema.responses import Health


@route("GET", "/_sim/health", needs_world=False, response_example=examples.HEALTH)
async def health(request: ControlRequest[NoParameters]) -> Health:
    """Say that the simulator answers, and how many worlds it holds."""
    return rendering.health(request.worlds)


@route("GET", "/_sim/openapi.json", needs_world=False, response_example={"openapi": "3.1.0"})
async def openapi(request: ControlRequest[NoParameters]) -> dict[str, Any]:
    """Describe these routes as OpenAPI 3.1, for reading and for making clients."""
    from pixazo_simulator.control.openapi import document

    return document(request.routes)
