"""The control routes, one file for each resource."""

from __future__ import annotations

from . import clock, deliveries, explain, journal, script, simulator, tls_listeners, waiting, world

__all__ = ["ROUTES"]

ROUTES = (
    simulator.health, simulator.openapi,
    world.create_world, world.world, world.change_world, world.delete_world,
    clock.clock, clock.advance,
    world.ledger, world.generations,
    journal.journal, journal.unmatched,
    waiting.wait_for,
    explain.explain,
    script.script, script.set_script, script.clear_script, script.add_rule, script.replace_rule, script.remove_rule,
    deliveries.deliveries, deliveries.resend,
    tls_listeners.open_tls_listener, tls_listeners.close_tls_listener,
)  # fmt: skip
"""Every control route, in the order of the OpenAPI document."""
