"""Control routes about the script of a world."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pixazo_simulator.control.route import ControlRequest, Refused, refuse_value_errors, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import NewScript, NoParameters
from pixazo_simulator.control.schema.responses import Deleted, RuleNumber, ScriptState
from pixazo_simulator.script import Rule
from pixazo_simulator.world import AddRule, RemoveRule, ReplaceRule, SetRules


@route("GET", "/_sim/script", response_example=examples.SCRIPT)
async def script(request: ControlRequest[NoParameters]) -> ScriptState:
    """List the rules in the order in which they are asked, and how often each of their steps was used."""
    return await rendering.script(request.world)


@route("PUT", "/_sim/script", response_example=examples.SCRIPT, request_example=examples.BUSY_THEN_REFUSED)
async def set_script(request: ControlRequest[NewScript]) -> ScriptState:
    """Replace all rules; nothing changes when one of the new ones is wrong."""
    with refuse_value_errors():
        request.world.apply(SetRules(request.world.clock.now(), tuple(request.body.rules)))
    return await rendering.script(request.world)


@route("DELETE", "/_sim/script", response_example=rendering.DELETED)
async def clear_script(request: ControlRequest[NoParameters]) -> Deleted:
    """Remove every rule."""
    request.world.apply(SetRules(request.world.clock.now(), ()))
    return rendering.DELETED


@route("POST", "/_sim/script/rules", status=201, response_example=examples.NUMBER, request_example=examples.NO_BEARS)
async def add_rule(request: ControlRequest[Rule]) -> RuleNumber:
    """Append a rule, which is asked after all others."""
    with refuse_value_errors():
        return rendering.rule_number(request.world.apply(AddRule(request.world.clock.now(), request.body)))


@route("PUT", "/_sim/script/rules/{number}", response_example=examples.NUMBER, request_example=examples.RESET)
async def replace_rule(request: ControlRequest[Rule]) -> RuleNumber:
    """Replace a rule by another, which starts unused."""
    with _refuse_unknown(request.number), refuse_value_errors():
        request.world.apply(ReplaceRule(request.world.clock.now(), request.number, request.body))
    return rendering.rule_number(request.number)


@route("DELETE", "/_sim/script/rules/{number}", response_example=rendering.DELETED)
async def remove_rule(request: ControlRequest[NoParameters]) -> Deleted:
    """Remove one rule."""
    with _refuse_unknown(request.number):
        request.world.apply(RemoveRule(request.world.clock.now(), request.number))
    return rendering.DELETED


@contextmanager
def _refuse_unknown(number: int) -> Generator[None]:
    try:
        yield
    except KeyError:
        raise Refused(404, f"no rule has the number {number}: GET /_sim/script lists them") from None
