"""Lets a request happen to a twin of its world: what would be answered, and why, while nothing changes."""

from __future__ import annotations

from typing import cast
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope

from pixazo_simulator.gateway import STRIKES, Front
from pixazo_simulator.script import Diagnosis, Occasion
from pixazo_simulator.spec import MEDIA_PATH, STATUS_PATH, SUBMIT_PATHS, Header, Redactor, dollars
from pixazo_simulator.webhooks import Dispatcher, Outcome, WebhookRequest
from pixazo_simulator.world import (
    EntryKind,
    Exchange,
    Generation,
    Twins,
    World,
    Worlds,
    at_download,
    at_read,
    at_submit,
)

from .schema import responses as shapes
from .schema.rendering import told_delivery, told_exchange, told_generation


async def rehearse(worlds: Worlds, method: str, target: str, headers: list[Header], body: bytes) -> shapes.Explanation:
    """Explain what the gateway would do with a request, by letting it do so to twins of these worlds; nothing is sent.

    Faults strike nobody, callbacks are not posted, and what a mutant would make of the answer is left out.
    """
    twins = Twins(worlds)
    scope = _scope(method, target, headers)
    await Front(twins, Dispatcher(twins, _post))(scope, _receiver(body), _send)
    for twin in twins.touched():
        real = worlds.get(twin.key)
        if twin.journal.total > (real.journal.total if real else 0):
            return _explained(twin, real, scope, body)
    (*_, exchange) = twins.lobby
    return _summed_up(told_exchange(exchange, twins.redactor), [])


def _scope(method: str, target: str, headers: list[Header]) -> Scope:
    path, _, query = target.partition("?")
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": headers, STRIKES: [],
    }  # fmt: skip


def _receiver(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _send(_: Message) -> None:
    """Nobody hears the answer; the journal has it."""


async def _post(_: WebhookRequest) -> Outcome:
    return Outcome(None, "not posted: nothing is sent while a request is explained", final=True)


def _explained(twin: World, real: World | None, scope: Scope, body: bytes) -> shapes.Explanation:
    (*_, exchange) = twin.journal
    occasion = _occasion(twin, scope, body)
    rules = real.script.diagnose(occasion) if real and occasion else []
    opinions = [_opinion(each, exchange, twin.redactor) for each in rules]
    told = _summed_up(told_exchange(exchange, twin.redactor), opinions)
    generation = twin.generation_of(exchange.request_id) if exchange.request_id else None
    told["generation"] = told_generation(twin, generation) if generation else None
    made = twin.outbox.deliveries(real.outbox.latest if real else 0)
    told["deliveries"] = [told_delivery(twin, each) for each in made]
    told["price"] = None if generation is None or _is_known(real, generation) else _price(twin, generation)
    return told


def _occasion(world: World, scope: Scope, body: bytes) -> Occasion | None:
    """The occasion about which the rules were asked, None where they are not."""
    method, path, headers = scope["method"], scope["path"], scope["headers"]
    if method == "POST" and path in SUBMIT_PATHS:
        return at_submit(SUBMIT_PATHS[path].name, headers, body)
    if method == "GET" and path.startswith(STATUS_PATH):
        request_id = path.removeprefix(STATUS_PATH)
        return at_read(request_id, world.known(request_id), headers)
    if media := MEDIA_PATH.fullmatch(path):
        return at_download(media["request_id"], world.known(media["request_id"]), method, headers)
    return None


def _opinion(diagnosis: Diagnosis, exchange: Exchange, redactor: Redactor) -> shapes.Opinion:
    """How a rule regards the request; one that only plans has no say in what is refused anyhow."""
    decides, differences = diagnosis.decides, [redactor.text(each) for each in diagnosis.differences]
    if decides and exchange.rule is None:
        decides, differences = False, ["the request is refused, and there is nothing to plan"]
    return {
        "number": diagnosis.number,
        "label": redactor.text(diagnosis.label),
        "decides": decides,
        "differences": differences,
    }


def _is_known(real: World | None, generation: Generation) -> bool:
    return real is not None and real.generation_of(generation.request_id) is not None


def _price(twin: World, generation: Generation) -> str:
    """What is taken for a generation."""
    entries = twin.standing.ledger.entries(twin.clock.now())
    taken = (each for each in entries if each.request_id == generation.request_id and each.kind is EntryKind.DEBIT)
    return dollars(-sum(each.amount for each in taken))


def _summed_up(exchange: shapes.Exchange, rules: list[shapes.Opinion]) -> shapes.Explanation:
    return {
        "summary": _summary(exchange, rules),
        "exchange": exchange,
        "rules": rules,
        "price": None,
        "generation": None,
        "deliveries": [],
    }


def _message(exchange: shapes.Exchange) -> list[str]:
    """What an error answer says for itself."""
    body = exchange["response"]["body"]
    members = cast("dict[str, object]", body if isinstance(body, dict) else {})
    found = [value for name in ("error", "message") if isinstance(value := members.get(name), str) and value]
    return [": ".join(found)] if found else []


def _summary(exchange: shapes.Exchange, rules: list[shapes.Opinion]) -> str:
    """What is answered, why, and which rule had a say or came nearest."""
    answered = f"answered {exchange['status']}" if exchange["status"] else "not answered"
    parts = [f"{exchange['method']} {exchange['target']} is {answered}: {exchange['reason']}", *_message(exchange)]
    if exchange["rule"]:
        faults = f" ({', '.join(exchange['faults'])})" if exchange["faults"] else ""
        parts.append(f"{exchange['rule']} decides{faults}")
    elif rules and not rules[0]["differences"][0].startswith("it is about "):
        parts.append(f"no rule decides; nearest is {rules[0]['label']}: {', and '.join(rules[0]['differences'])}")
    parts += [each for each in (exchange["response"]["cut"], exchange["hint"]) if each]
    return "; ".join(parts)
