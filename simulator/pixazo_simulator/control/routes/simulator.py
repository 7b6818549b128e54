"""Control routes about the simulator itself: is it there, and what can be asked of it."""

from __future__ import annotations

from typing import Any

from pixazo_simulator.control.route import ControlRequest, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.requests import Nothing


@route("GET", "/_sim/health", worldly=False, answer=examples.HEALTH)
async def health(request: ControlRequest[Nothing]) -> shapes.Health:
    """Tell that the simulator answers, and how many worlds it holds."""
    return {"status": "ok", "worlds": len(request.worlds)}


@route("GET", "/_sim/openapi.json", worldly=False, answer={"openapi": "3.1.0"})
async def openapi(request: ControlRequest[Nothing]) -> dict[str, Any]:
    """Describe these routes as OpenAPI 3.1, for reading and for making clients."""
    from pixazo_simulator.control.openapi import document

    return document(request.routes)
