"""What the forms of the console do: each calls a control route, with its checks and its messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from pixazo_simulator.control import JournalPage, Refused, responses
from pixazo_simulator.gateway import Request
from pixazo_simulator.script import EXAMPLES
from pixazo_simulator.spec import KEY_HEADER, beginning, is_success

from .request import BASE, ActionResult, ConsoleRequest

Action = Callable[[ConsoleRequest], Awaitable[ActionResult]]
_SHOWN = 40
"""Characters of what was sent that a message shows."""
_STEPS: Mapping[str, Mapping[str, object]] = {"5": {"seconds": 5}, "15": {"seconds": 15}, "next": {"until": "next"}}
"""What the buttons of the clock send -> the body of the control route."""


async def open_world(request: ConsoleRequest) -> ActionResult:
    key = request.form.get("key", "").strip()
    if request.worlds.log:
        await request.worlds.opened(key)
    with request.worlds.lock:
        world = request.worlds.get(key)
    if world is None:
        raise Refused(
            404,
            "no world has this key: create one with POST /_sim/worlds, or call the gateway with a key of the server",
        )
    return ActionResult(f"world {world.number}", f"{BASE}/worlds/{world.number}")


async def advance(request: ConsoleRequest) -> ActionResult:
    """Let time pass."""
    body = _STEPS.get(request.form.get("step", ""), {})
    done = await request.send(responses.Advanced, "POST", "clock/advance", body)
    happened = ", ".join(map(_event_text, done.events[:5])) + (
        f" and {len(done.events) - 5} more" if len(done.events) > 5 else ""
    )
    return ActionResult(f"It is {done.now}: {happened or 'nothing fell due'}.")


def _event_text(event: responses.Event) -> str:
    if event.kind == "transition":
        return f"{event.request_id[-6:]} is {event.status}"
    return f"webhook {event.number}: {event.problem or event.status}"


async def change(request: ConsoleRequest) -> ActionResult:
    """Change the balance, a switch, or a point of the policy."""
    form, body = request.form, dict[str, Any]()
    if "balance" in form:
        body["balance"] = form["balance"].strip().removeprefix("$")
    for name in ("suspended", "model_enabled"):
        if name in form:
            body[name] = form[name] == "true"
    if "field" in form:
        body["policy"] = {form["field"]: form.get("value", "").strip()}
    await request.send(responses.WorldState, "PATCH", "world", body)
    changed = (body.get("policy") or body).items()
    words = (f"{name} {value if isinstance(value, str) else str(value).lower()}" for name, value in changed)
    return ActionResult(f"Changed for this world: {', '.join(words)}.")


async def resend(request: ConsoleRequest) -> ActionResult:
    number = request.path["delivery"]
    attempt = await request.send(responses.Attempt, "POST", f"deliveries/{number}/resend")
    return ActionResult(f"Webhook {number} was posted again: {attempt}.", is_good=is_success(attempt.status))


async def add_rule(request: ConsoleRequest) -> ActionResult:
    text = request.form.get("rule", "").encode()
    added = await request.send(responses.RuleNumber, "POST", "script/rules", text)
    return ActionResult(f"Rule {added.number} was added; it is tried after all others.")


async def replace_rule(request: ConsoleRequest) -> ActionResult:
    number = request.path["rule"]
    await request.send(responses.RuleNumber, "PUT", f"script/rules/{number}", request.form.get("rule", "").encode())
    return ActionResult(f"Rule {number} was replaced; it starts unused.")


async def remove_rule(request: ConsoleRequest) -> ActionResult:
    await request.send(responses.Deleted, "DELETE", f"script/rules/{request.path['rule']}")
    return ActionResult(f"Rule {request.path['rule']} was removed.")


async def arm(request: ConsoleRequest) -> ActionResult:
    """Add the example of a fault as a rule for the next call to which it applies."""
    kind = request.path["kind"]
    if kind not in EXAMPLES:
        raise Refused(404, f"there is no fault {beginning(kind, _SHOWN)!a}: the page Script lists them")
    rule = msgspec.structs.replace(EXAMPLES[kind], times=1)
    added = await request.send(responses.RuleNumber, "POST", "script/rules", rule)
    return ActionResult(f"Armed as rule {added.number}: {kind} at the next {rule.when}.")


async def send(request: ConsoleRequest) -> ActionResult:
    """Send a request to the gateway with the key of the world, and open it in the journal."""
    operation, body = request.form.get("operation", ""), request.form.get("body", "").encode()
    known = request.worlds.operations
    if operation not in known:
        raise Refused(400, f"operation {beginning(operation, _SHOWN)!a} is not one of {', '.join(known)}")
    headers = {
        KEY_HEADER: request.shown_world.key,
        "Host": request.host,
        "Content-Type": "application/json",
        "User-Agent": "pixazo-sim console",
        "Content-Length": str(len(body)),
    }
    if webhook := request.form.get("webhook", "").strip():
        headers["X-Webhook-URL"] = webhook
    raw = tuple((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items())
    asked = Request("POST", known[operation].path, b"", raw, request.worlds.settings.scheme, ("127.0.0.1", None))
    response = await request.gateway(asked, body)
    # A refusal has no request_id; it is probably the latest exchange.
    latest = (await request.get(JournalPage, "journal", limit=1, request_id=response.request_id)).exchanges
    return ActionResult("Sent.", f"{request.here}/requests/{latest[-1].number}" if latest else "")


ACTIONS: Mapping[str, Action] = {
    "/open": open_world,
    "/worlds/{number:number}/advance": advance,
    "/worlds/{number:number}/change": change,
    "/worlds/{number:number}/webhooks/{delivery:number}/resend": resend,
    "/worlds/{number:number}/rules": add_rule,
    "/worlds/{number:number}/rules/{rule:number}": replace_rule,
    "/worlds/{number:number}/rules/{rule:number}/remove": remove_rule,
    "/worlds/{number:number}/faults/{kind}": arm,
    "/worlds/{number:number}/send": send,
}
"""Path below the console -> the function that carries out the form posted there."""
