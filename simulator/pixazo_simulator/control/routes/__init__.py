"""The control routes, one file for each resource."""

from __future__ import annotations

from . import clock, deliveries, doors, explain, journal, script, simulator, waiting, world

__all__ = ["ROUTES"]

ROUTES = (
    simulator.health,
    simulator.openapi,
    world.create_world,
    world.world,
    world.change_world,
    world.delete_world,
    clock.clock,
    clock.advance,
    world.ledger,
    world.generations,
    journal.journal,
    journal.lobby,
    waiting.wait_for,
    explain.explain,
    script.script,
    script.set_script,
    script.clear_script,
    script.add_rule,
    script.replace_rule,
    script.remove_rule,
    deliveries.deliveries,
    deliveries.resend,
    doors.open_tls_listener,
    doors.close_tls_listener,
)
"""Every control route, in the order in which they are described."""
