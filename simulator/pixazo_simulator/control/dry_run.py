"""A dry run: what the gateway would do with a request, found out on forks of the worlds, while nothing changes."""

from __future__ import annotations

from typing import cast
from urllib.parse import unquote

from pixazo_simulator.gateway import Gateway, Request, Route
from pixazo_simulator.script import Diagnosis, Occasion, kind_of
from pixazo_simulator.spec import Header, MediaRead, Redactor, StatusRead, Submit, dollars, members
from pixazo_simulator.world import (
    AdvanceClock,
    Attempt,
    EntryKind,
    Exchange,
    Forks,
    Generation,
    RecordAttempt,
    TakeDelivery,
    World,
    Worlds,
    at_download,
    at_read,
    at_submit,
)

from .schema import responses as shapes
from .schema.rendering import told_delivery, told_exchange, told_generation

_NOT_POSTED = "not posted: nothing is sent in a dry run"


def dry_run(worlds: Worlds, method: str, target: str, headers: list[Header], body: bytes) -> shapes.Explanation:
    """Explain what the gateway would do with a request, by letting it respond over forks of these worlds.

    Nothing is sent: faults affect nobody, webhooks are not posted. What a mutant would make of the response is left out.
    """
    forks = Forks(worlds)
    gateway = Gateway(forks)
    path, _, query = target.partition("?")
    request = Request(method, unquote(path), query.encode(), headers)
    route = gateway.route(request)
    _read(request, route, body)
    now = route.clock.now()
    response = gateway.respond(request, now, route)
    world = response.world
    if world and response.hold is not None:
        _attempt_until(world, response.hold)
        response = response.dated(now := route.clock.now())
    gateway.record(response, now)
    if world:
        return _explained(world, worlds.get(world.key), route, request)
    (*_, exchange) = forks.unmatched
    return _summed_up(told_exchange(exchange, forks.redactor), [])


def _read(request: Request, route: Route, body: bytes) -> None:
    """Give a request as much of its body as a server would read."""
    if route.body_limit is not None:
        request.body, request.received = (body[: route.keep], len(body)) if len(body) <= route.body_limit else (None, 0)


def _attempt_until(world: World, instant: int) -> None:
    """Let the webhooks due by an instant be attempted in vain."""
    while (due := world.next_due()) is not None and due <= instant:
        world.apply(AdvanceClock(due))
        if delivery := world.apply(TakeDelivery(due)):
            faults = tuple(map(kind_of, delivery.faults or ()))
            attempt = Attempt(due, None, _NOT_POSTED, final=True, rule=delivery.rule, faults=faults)
            world.apply(RecordAttempt(due, delivery, attempt))
    world.apply(AdvanceClock(instant))


def _explained(world: World, real: World | None, route: Route, request: Request) -> shapes.Explanation:
    (*_, exchange) = world.journal
    facts = _facts(world, route, request)
    rules = real.script.diagnose(facts) if real and facts else []
    opinions = [_opinion(each, exchange, world.redactor) for each in rules]
    told = _summed_up(told_exchange(exchange, world.redactor), opinions)
    generation = world.generation_of(exchange.request_id) if exchange.request_id else None
    told["generation"] = told_generation(world, generation) if generation else None
    made = world.outbox.deliveries(real.outbox.latest if real else 0)
    told["deliveries"] = [told_delivery(world, each) for each in made]
    told["price"] = None if generation is None or _is_known(real, generation) else _price(world, generation)
    return told


def _facts(world: World, route: Route, request: Request) -> Occasion | None:
    """The facts that the rules were asked about, None where no rule was asked."""
    now = world.clock.now()
    match route.endpoint:
        case Submit(operation):
            return at_submit(operation.name, request.headers, members(request.body or b""))
        case StatusRead(request_id):
            return at_read(request_id, world.known(request_id, now), request.headers)
        case MediaRead(request_id):
            return at_download(request_id, world.known(request_id, now), request.method, request.headers)
        case _:
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


def _price(world: World, generation: Generation) -> str:
    """What is taken for a generation."""
    entries = world.account.ledger.entries(world.clock.now())
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
