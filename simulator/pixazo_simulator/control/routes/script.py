"""Control routes about the script of a world."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.rendering import told_in_turns
from pixazo_simulator.control.schema.requests import NewScript, Nothing
from pixazo_simulator.script import Rule
from pixazo_simulator.world import AddRule, RemoveRule, ReplaceRule, SetRules, World


@route("GET", "/_sim/script", answer=examples.SCRIPT)
async def script(request: ControlRequest[Nothing]) -> shapes.Script:
    """List the rules in the order in which they are asked, and how often each of their steps was used."""
    return await _told(request.world)


@route("PUT", "/_sim/script", answer=examples.SCRIPT, example=examples.BUSY_THEN_REFUSED)
async def set_script(request: ControlRequest[NewScript]) -> shapes.Script:
    """Put other rules in the place of all that there are; nothing changes when one of them is wrong."""
    with readable():
        request.world.apply(SetRules(request.world.clock.now(), tuple(request.wish.rules)))
    return await _told(request.world)


@route("DELETE", "/_sim/script", answer=examples.DELETED)
async def clear_script(request: ControlRequest[Nothing]) -> shapes.Deleted:
    """Forget every rule."""
    request.world.apply(SetRules(request.world.clock.now(), ()))
    return {"deleted": True}


@route("POST", "/_sim/script/rules", status=201, answer=examples.NUMBER, example=examples.NO_BEARS)
async def add_rule(request: ControlRequest[Rule]) -> shapes.RuleNumber:
    """Append a rule, which is asked after those that there are."""
    with readable():
        return {"number": request.world.apply(AddRule(request.world.clock.now(), request.wish))}


@route("PUT", "/_sim/script/rules/{number}", answer=examples.NUMBER, example=examples.RESET)
async def replace_rule(request: ControlRequest[Rule]) -> shapes.RuleNumber:
    """Put another rule in the place of one; it starts unused."""
    with _numbered(request.number), readable():
        request.world.apply(ReplaceRule(request.world.clock.now(), request.number, request.wish))
    return {"number": request.number}


@route("DELETE", "/_sim/script/rules/{number}", answer=examples.DELETED)
async def remove_rule(request: ControlRequest[Nothing]) -> shapes.Deleted:
    """Forget one rule."""
    with _numbered(request.number):
        request.world.apply(RemoveRule(request.world.clock.now(), request.number))
    return {"deleted": True}


@contextmanager
def _numbered(number: int) -> Generator[None]:
    try:
        yield
    except KeyError:
        raise Refused(404, f"no rule has the number {number}: GET /_sim/script lists them") from None


async def _told(world: World) -> shapes.Script:
    redactor = world.redactor
    return {
        "rules": await told_in_turns(
            {
                "number": each.number,
                "label": redactor.text(each.label),
                "rule": redactor.json(msgspec.json.decode(each.json)),
                "used": list(each.used),
                "missed": None if each.missed is None else [redactor.text(told) for told in each.missed],
            }
            for each in world.script.listed()
        )
    }
