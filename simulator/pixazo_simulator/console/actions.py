"""What the forms of the console do: each calls a control route, with its checks and its messages."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pixazo_simulator.control import Exchange, JournalPage, Refused, responses
from pixazo_simulator.script import EXAMPLES
from pixazo_simulator.spec import KEY_HEADER, beginning, is_success

from .request import BASE, ActionResult, ConsoleRequest

if TYPE_CHECKING:
    from starlette.types import Message

Action = Callable[[ConsoleRequest], Awaitable[ActionResult]]
_SHOWN = 40
"""Characters of what was sent that a message shows."""


async def open_world(request: ConsoleRequest) -> ActionResult:
    """Go to the world that a key opens."""
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
    step = request.form.get("step", "")
    body = {"until": "next"} if step == "next" else {"seconds": _number("seconds", step)}
    done = responses.decode(await request.calls.send("POST", "clock/advance", body), responses.Advanced)
    happened = ", ".join(map(_event_text, done.events[:5])) + (
        f" and {len(done.events) - 5} more" if len(done.events) > 5 else ""
    )
    return ActionResult(f"It is {done.now}: {happened or 'nothing fell due'}.")


def _event_text(event: responses.Event) -> str:
    if event.kind == "transition":
        return f"{event.request_id[-6:]} is {event.status}"
    return f"webhook {event.number}: {event.problem or event.status}"


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused(400, f"{name} {beginning(text, _SHOWN)!a} is not a number: give seconds, such as 15")
    return number


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
    if not body:
        raise Refused(400, "nothing is to be changed: send balance, suspended, model_enabled, or field with value")
    await request.calls.send("PATCH", "world", body)
    return ActionResult(
        "Changed for this world: "
        + ", ".join(f"{name} {value}" for name, value in (body.get("policy") or body).items())
        + "."
    )


async def resend(request: ConsoleRequest) -> ActionResult:
    """Post a webhook once more."""
    number = request.path["delivery"]
    attempt = responses.decode(await request.calls.send("POST", f"deliveries/{number}/resend"), responses.Attempt)
    return ActionResult(f"Webhook {number} was posted again: {attempt}.", is_good=is_success(attempt.status))


async def add_rule(request: ConsoleRequest) -> ActionResult:
    """Append a rule that was written as JSON, or replace an existing one by it."""
    number, text = request.form.get("number"), request.form.get("rule", "").encode()
    if number:
        if not re.fullmatch("[0-9]{1,15}", number):
            raise Refused(
                400, f"rule {beginning(number, _SHOWN)!a} is not the number of a rule: the page Script has them"
            )
        await request.calls.send("PUT", f"script/rules/{number}", text)
        return ActionResult(f"Rule {number} was replaced; it starts unused.")
    added = responses.decode(await request.calls.send("POST", "script/rules", text), responses.RuleNumber)
    return ActionResult(f"Rule {added.number} was added; it is asked after all others.")


async def remove_rule(request: ConsoleRequest) -> ActionResult:
    """Remove a rule."""
    await request.calls.send("DELETE", f"script/rules/{request.path['rule']}")
    return ActionResult(f"Rule {request.path['rule']} was removed.")


async def arm(request: ConsoleRequest) -> ActionResult:
    """Add the example of a fault as a rule for the next call to which it applies."""
    kind = request.path["kind"]
    if kind not in EXAMPLES:
        raise Refused(404, f"there is no fault {beginning(kind, _SHOWN)!a}: the page Script lists them")
    rule = msgspec.structs.replace(EXAMPLES[kind], times=1)
    added = responses.decode(
        await request.calls.send("POST", "script/rules", msgspec.json.encode(rule)), responses.RuleNumber
    )
    return ActionResult(f"Armed as rule {added.number}: {kind} at the next {rule.when}.")


async def send(request: ConsoleRequest) -> ActionResult:
    """Send a request to the gateway with the key of the world, and open it in the journal."""
    operation, body = request.form.get("operation", ""), request.form.get("body", "").encode()
    known = request.worlds.operations
    if operation not in known:
        raise Refused(400, f"operation {beginning(operation, _SHOWN)!a} is not one of {', '.join(known)}")
    headers = {
        KEY_HEADER: request.calls.key,
        "Host": request.calls.host,
        "Content-Type": "application/json",
        "User-Agent": "pixazo-sim console",
        "Content-Length": str(len(body)),
    }
    if webhook := request.form.get("webhook", "").strip():
        headers["X-Webhook-URL"] = webhook
    cut = await _answered(request, known[operation].path, headers, body)
    latest = (await request.calls.get(JournalPage, "journal", limit=1)).exchanges
    return _seen(latest[-1], cut, request.here) if latest else ActionResult("Nothing was answered.")


def _seen(exchange: Exchange, cut: str, here: str) -> ActionResult:
    return ActionResult(f"{exchange.status} {exchange.reason}{cut}", f"{here}/requests/{exchange.number}")


async def _answered(request: ConsoleRequest, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Let the gateway answer; returns what a fault did to the connection, or an empty text."""
    began = False

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def sent(message: Message) -> None:
        nonlocal began
        began = began or message["type"] == "http.response.start"

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": request.worlds.settings.scheme, "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 0), "server": ("127.0.0.1", None),
        "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
    }  # fmt: skip
    try:
        await request.gateway(scope, receive, sent)
    except ConnectionError:  # a fault that cuts the connection
        return " (the connection was cut)"
    return "" if began else " (nothing was answered)"


ACTIONS: Mapping[str, Action] = {
    "/open": open_world,
    "/worlds/{number:int}/advance": advance,
    "/worlds/{number:int}/change": change,
    "/worlds/{number:int}/webhooks/{delivery:int}/resend": resend,
    "/worlds/{number:int}/rules": add_rule,
    "/worlds/{number:int}/rules/{rule:int}/remove": remove_rule,
    "/worlds/{number:int}/faults/{kind}": arm,
    "/worlds/{number:int}/send": send,
}
"""Path below the console -> the function that carries out the form posted there."""
