"""Dry runs on forks of worlds: what the gateway would do with a request, and what falls due by itself, while nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

from pixazo_simulator import world as state
from pixazo_simulator.gateway import Gateway, Request, RoutedRequest
from pixazo_simulator.script import Facts, at_download, at_read, at_submit, kind_of
from pixazo_simulator.spec import LAST_INSTANT, Header, MediaRead, StatusRead, Submit, members
from pixazo_simulator.webhooks import MOST_STARTED, AdvanceEvent

from .schema import rendering
from .schema.requests import MOST_LISTED
from .schema.responses import Explanation, Upcoming


def dry_run(worlds: state.Worlds, method: str, target: str, headers: list[Header], body: bytes) -> Explanation:
    """Explain what the gateway would do with a request, by letting it respond over forks of these worlds.

    Nothing is sent: faults are reported, webhooks are not posted, and the edits of a mutant are left out.
    """
    forks = state.Forks(worlds)
    gateway = Gateway(forks)
    path, _, query = target.partition("?")
    request = Request(method, unquote(path), query.encode(), headers)
    route = gateway.route(request)
    route.take(request, body)
    response = gateway.respond(request, route.clock.now(), route)
    world = response.world
    if world and response.hold is not None:
        for _ in _attempts_until(world, response.hold):
            pass
        response = response.dated(world.clock.now())
    forks.record(world, response.exchange(), request.header_bytes)
    if world:
        return _explained(world, worlds.get(world.key), route, request)
    (*_, exchange) = forks.unmatched
    return rendering.explanation(forks, exchange)


async def upcoming(world: state.World, milliseconds: int) -> Upcoming:
    """What falls due within this many milliseconds if nothing else happens; nothing is sent, so of a webhook only the next attempt is known."""
    now = world.clock.now()
    until, fork = min(now + milliseconds, LAST_INSTANT), world.fork_at(now)
    while fork.apply(state.TakeTransitions(now, MOST_STARTED)):  # noqa: ASYNC110 - they are past; nothing is waited for, others are served
        await asyncio.sleep(0)
    events: list[AdvanceEvent] = [*fork.apply(state.TakeTransitions(until, MOST_LISTED + 1))]
    most = len(events) + MOST_LISTED + 1
    for attempted in _attempts_until(fork, until):
        events += [attempted] if attempted else []
        if len(events) == most:
            break
        await asyncio.sleep(0)  # the rules of a script may take long
    events.sort(key=lambda each: each.at if isinstance(each, state.Transition) else each[1].at)
    return rendering.upcoming(world, now, until, events)


def _attempts_until(world: state.World, instant: int) -> Iterator[tuple[state.Delivery, state.Attempt] | None]:
    """Record a failed, final attempt of each webhook due by an instant: nothing is posted or retried.

    None stands for one that a rule has delayed.
    """
    while (due := world.next_due()) is not None and due <= instant:
        world.apply(state.AdvanceClock(due))
        delivery = world.apply(state.TakeDelivery(due))
        if delivery is None:
            yield None
            continue
        faults = tuple(map(kind_of, delivery.faults or ()))
        problem = "not posted: nothing is sent in a dry run"
        attempt = state.Attempt(world.clock.now(), None, problem, final=True, rule=delivery.rule, faults=faults)
        world.apply(state.RecordAttempt(attempt.at, delivery, attempt))
        yield delivery, attempt
    world.apply(state.AdvanceClock(instant))


def _explained(world: state.World, real: state.World | None, route: RoutedRequest, request: Request) -> Explanation:
    (*_, exchange) = world.journal
    accepted = world.generation_of(exchange.request_id) if exchange.request_id else None
    price = None
    if accepted and not (real and real.generation_of(accepted.request_id)):
        own = [each for each in world.account.ledger.entries(exchange.at) if each.request_id == accepted.request_id]
        price = -sum(each.amount for each in own if each.kind is state.EntryKind.DEBIT)
    facts = _facts(real, route, request, exchange.at) if real else None
    return rendering.explanation(
        world,
        exchange,
        # Ask the real script: that of the fork has counted this request already.
        real.script.diagnose(facts) if real and facts else [],
        rendering.generation(world, accepted) if accepted else None,
        price,
        [rendering.delivery(world, each) for each in world.outbox.deliveries(real.outbox.latest if real else 0)],
    )


def _facts(world: state.World, route: RoutedRequest, request: Request, now: int) -> Facts | None:
    match route.endpoint:
        case Submit(operation):
            return at_submit(operation, request.headers, members(request.body or b""), world.next_generation, now)
        case StatusRead(request_id):
            return at_read(request_id, world.known(request_id, now), request.headers, now)
        case MediaRead(request_id):
            return at_download(request_id, world.known(request_id, now), request.method, request.headers, now)
        case _:
            return None
