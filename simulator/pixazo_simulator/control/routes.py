"""The control routes, one function each, in the order of the OpenAPI document."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from pixazo_simulator import spec
from pixazo_simulator import world as state
from pixazo_simulator.script import Rule
from pixazo_simulator.state import Replayed, WorldLog, export, happened, world_at
from pixazo_simulator.webhooks import MOST_STARTED, AdvanceError

from .conditions import Search, weigh
from .dry_run import dry_run
from .dry_run import upcoming as look_ahead
from .metrics import exposition
from .repeat import status_command
from .route import ControlRequest, ControlRoute, Refused, refuse_errors, route
from .schema import rendering, requests, responses
from .schema.bill import bill as world_bill

_AT_ONCE = 20
"""Exchanges that are compared with the filters between turns of other requests: the longest target takes 3 ms to redact."""
_BODY_AT_ONCE = 1024
"""Bytes of bodies that count as one exchange more."""
_NO_STATE = "there is no saved state {}: POST /_sim/world/states saves one"
_NO_RULE = "no rule has the number {}: GET /_sim/script lists them"
_NO_DELIVERY = "no delivery has the number {}: GET /_sim/deliveries lists them"
_END = object()
P = ParamSpec("P")
T = TypeVar("T")


@route("GET", "/_sim/health", needs_world=False, local=True)
async def health(request: ControlRequest[requests.NoParameters]) -> responses.Health:
    """Report that the simulator responds, and how many worlds it has."""
    return rendering.health(request.worlds)


@route("GET", "/_sim/ready", needs_world=False, local=True, refusals={503: responses.Refusal})
async def ready(request: ControlRequest[requests.NoParameters]) -> responses.Ready:
    """Report that the server accepts requests; 503 with `Retry-After` while the store of the worlds cannot be used."""
    if (log := request.worlds.log) and log.unavailable:
        raise Refused(503, log.unavailable, "Not ready")
    return rendering.READY


@route("GET", "/_sim/metrics", needs_world=False, local=True)
async def metrics(request: ControlRequest[requests.NoParameters]) -> str:
    """Return metrics in Prometheus' text format: requests, latency, worlds, generations, webhooks, store."""
    return exposition(request.worlds, request.traffic, request.dispatcher)


@route("GET", "/_sim/openapi.json", needs_world=False, local=True)
async def openapi(request: ControlRequest[requests.NoParameters]) -> dict[str, Any]:  # noqa: ARG001 - every route takes the request
    """Describe these routes as OpenAPI 3.1, for readers and client generators."""
    from .openapi import document

    return document(ROUTES)


@route(
    "POST",
    "/_sim/worlds",
    status=201,
    needs_world=False,
    refusals={409: responses.Refusal},
    reveals=("key",),
    at_once=True,
)
async def create_world(request: ControlRequest[requests.NewWorld]) -> responses.CreatedWorld:
    """Create a world for a key, which is generated when none is given."""
    wanted, worlds = request.body, request.worlds
    key, name = requests.given(wanted.key), requests.given(wanted.name)
    with refuse_errors():
        if key is not None:
            state.check_key(key)
        if wanted.log is not UNSET:
            replayed = await _aside(Replayed, wanted.log, request.scratch)
            adopted = state.AdoptWorld(state=replayed.state(), key=key, name=name)
            created, begun = await worlds.perform(adopted), list[str]()
            request.dispatcher.wake(created)  # what it has pending may fall due by itself
            return rendering.created_world(created, begun)
        policy = worlds.permitted(_policy(wanted, worlds.settings.policy))
        own = policy.public_origin
        called = own in ("caller", "forwarded")
        command = state.CreateWorld(
            key=key,
            policy=policy,
            clock=_clock(wanted, worlds.settings),
            balance=None if wanted.balance is UNSET else spec.micros(wanted.balance),
            seed=requests.given(wanted.seed),
            rules=requests.given(wanted.script),
            name=name,
            images=wanted.images,
            generations=wanted.generations,
            origin=f"{worlds.settings.scheme}://{request.host}" if called else own,
        )
        created, begun = await worlds.perform(command)
        request.dispatcher.wake(created)
        return rendering.created_world(created, begun)


@route("GET", "/_sim/worlds", needs_world=False)
async def worlds(request: ControlRequest[requests.Latest]) -> responses.WorldList:
    """List the latest worlds of the server, of all callers, without their keys."""
    return await rendering.worlds(request.worlds, request.body.limit)


async def _aside(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run a slow function: in a thread, so the event loop serves other requests; directly where no event loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work(*args, **named)
    return await asyncio.to_thread(work, *args, **named)


def _clock(wanted: requests.NewWorld, settings: state.Settings) -> tuple[float, int] | None:
    """The rate and start of the clock of a new world; None for the default of this server."""
    if wanted.clock is UNSET and wanted.start is UNSET:
        return None
    clock = settings.clock if wanted.clock is UNSET else state.clock_factory(wanted.clock)
    made = state.starting(clock, settings.start if wanted.start is UNSET else wanted.start)()
    return made.rate, made.start


def _policy(wanted: requests.NewWorld, default: spec.Policy) -> spec.Policy:
    if wanted.profile is UNSET:
        return default.changed(wanted.policy) if wanted.policy else default
    if wanted.profile not in spec.PROFILES:
        near = spec.nearest(wanted.profile, tuple(spec.PROFILES))
        raise ValueError(f"profile {wanted.profile!r} is not one of {', '.join(spec.PROFILES)}{near}")
    return spec.PROFILES[wanted.profile].changed(wanted.policy)


@route("GET", "/_sim/world")
async def world(request: ControlRequest[requests.AtPosition]) -> responses.WorldState:
    """Show the world of the caller at a glance, now or as it was after a command of the log."""
    return rendering.world(await _after_command(request, "policy and switches"))


@route("PATCH", "/_sim/world")
async def change_world(request: ControlRequest[requests.WorldChange]) -> responses.WorldState:
    """Change balance, policy or switches of a world; nothing changes when one of the values is wrong.

    Accepted generations keep their plans.
    """
    changed, wanted = request.world, request.body
    with refuse_errors():
        policy = request.worlds.permitted(changed.policy.changed(wanted.policy))
        balance = None if wanted.balance is UNSET else spec.micros(wanted.balance)
    await request.apply(
        lambda now: state.ChangeWorld(
            now,
            policy=policy,
            balance=balance,
            suspended=requests.given(wanted.suspended),
            model_enabled=requests.given(wanted.model_enabled),
            images=requests.given(wanted.images),
        )
    )
    return rendering.world(changed)


@route("DELETE", "/_sim/world")
async def delete_world(request: ControlRequest[requests.NoParameters]) -> responses.Deleted:
    """Delete the world of the caller and close its TLS listeners; its key is unknown from now on."""
    gone = request.world
    await request.worlds.perform(state.DeleteWorld(key=gone.key))
    await request.tls_listeners.close_all(gone)
    return rendering.DELETED


@route("GET", "/_sim/world/log", reveals=("state", "commands"))
async def export_world(request: ControlRequest[requests.NoParameters]) -> WorldLog:
    """Export the world of the caller as a document without its key, which `POST /_sim/worlds` and `pixazo-sim replay` read.

    It contains the commands that the log keeps, and the state before them; on a server without a log only the present state.
    """
    world, worlds = request.world, request.worlds
    kept = await worlds.log.read() if worlds.log else None
    with refuse_errors():
        return await _aside(export, world, worlds, kept, request.scratch)


@route("GET", "/_sim/world/history")
async def history(request: ControlRequest[requests.HistoryFilter]) -> responses.History:
    """List the latest commands of the log that have changed the world of the caller, or with `after` the first ones after that position.

    `position` is what `at` takes elsewhere. The first one listed may be the beginning of the log.
    """
    wanted, log = request.body, request.worlds.log
    if log is None:
        raise Refused(400, "there is no history: this server keeps no log; start it with a --state other than memory")
    found = await _aside(happened, request.world.number, await log.read(), request.scratch)
    beyond = [each for each in found if wanted.after is UNSET or each.position > wanted.after]
    listed = beyond[-wanted.limit :] if wanted.after is UNSET else beyond[: wanted.limit]
    return await rendering.history(request.world, len(found), listed)


@route("POST", "/_sim/world/states", status=201)
async def keep_state(request: ControlRequest[requests.NoParameters]) -> responses.StateNumber:
    """Save the present state of a world, so it can be restored; at most 100 are kept."""
    return rendering.state_number(await request.apply(state.KeepState))


@route("POST", "/_sim/world/states/{number}/restore")
async def restore_state(request: ControlRequest[requests.NoParameters]) -> responses.WorldState:
    """Restore a world to a saved state: everything is as it was then, including its clock, journal and script."""
    await request.apply(lambda now: state.RestoreState(now, request.number), _NO_STATE)
    request.dispatcher.wake(request.world)
    return rendering.world(request.world)


@route("DELETE", "/_sim/world/states/{number}")
async def forget_state(request: ControlRequest[requests.NoParameters]) -> responses.Deleted:
    """Discard a saved state."""
    await request.apply(lambda now: state.ForgetState(now, request.number), _NO_STATE)
    return rendering.DELETED


@route("GET", "/_sim/clock")
async def clock(request: ControlRequest[requests.NoParameters]) -> responses.ClockState:
    """Show the time of a world, and when its next webhook is due."""
    return rendering.clock(request.world)


@route("POST", "/_sim/clock/advance", refusals={409: responses.AdvanceStopped})
async def advance(request: ControlRequest[requests.Advance]) -> responses.Advanced:
    """Let time pass in a world and list what fell due; by then webhooks that fell due have been attempted.

    `until: next` goes to the next instant at which a generation changes its status or a webhook is due, and lists what fell due there;
    `until` with an instant goes there.
    With `every_world` the same time passes in all other worlds, whose events are not listed, and in those that a key opens later.
    An advance attempts at most 10,000 webhooks and takes at most 300 real seconds. When that is not enough the response
    is 409 and says how far the clock got and what fell due until then; the rest stays pending for another advance.
    """
    world = request.world
    with refuse_errors():
        if request.body.seconds is UNSET:
            milliseconds = world.milliseconds_until(str(request.body.until))
        else:
            milliseconds = world.clock.milliseconds(request.body.seconds)
    try:
        if request.body.every_world:
            await _advance_others(request, milliseconds)
        events = await request.dispatcher.advance(world, milliseconds)
    except AdvanceError as error:
        raise Refused(409, await rendering.advance_stopped(world, str(error), error.events)) from None
    if request.worlds.get(request.key) is not world:
        raise Refused(404, "the world was deleted while its clock was advanced")
    return await rendering.advanced(world, events)


async def _advance_others(request: ControlRequest[requests.Advance], milliseconds: int) -> None:
    """Let time pass in all worlds but the caller's, and for those that are opened later; webhooks beyond the bound stay pending."""
    starts = {world.number: world.clock.now() for world in request.worlds}
    advanced = state.AdvanceServer(milliseconds=milliseconds, most=MOST_STARTED, but=request.world.number)
    for number in await request.worlds.perform(advanced):
        if world := request.worlds.numbered(number):
            # Time that has passed by itself meanwhile, while the others advanced, counts.
            passed = world.clock.now() - starts.get(number, world.clock.now()) if world.clock.rate else 0
            with suppress(AdvanceError):
                await request.dispatcher.advance(world, max(0, milliseconds - passed))
    request.dispatcher.wake()


@route("GET", "/_sim/upcoming")
async def upcoming(request: ControlRequest[requests.Ahead]) -> responses.Upcoming:
    """List what falls due within the given seconds of the world's clock if nothing else happens: status changes and webhooks.

    A copy of the world is used: nothing is sent, and nothing changes. Of a webhook only the next attempt is listed, since
    its outcome is unknown. A generation that proceeds with status reads does not proceed by itself.
    """
    return await look_ahead(request.world, round(request.body.seconds * spec.SECOND))


@route("GET", "/_sim/ledger")
async def ledger(request: ControlRequest[requests.LatestAt]) -> responses.LedgerPage:
    """List the latest entries of the wallet, and the balance that they add up to, now or `at` an instant."""
    world = await _world_at(request, request.body.at)
    return await rendering.ledger(world, request.body.limit, _past(world, request.body.at))


@route("GET", "/_sim/bill")
async def bill(request: ControlRequest[requests.NoParameters]) -> responses.Bill:
    """Show what the generations would have cost on the real gateway, what became of each, and how much of the money was wasted."""
    return await world_bill(request.world, status_command)


@route("GET", "/_sim/generations")
async def generations(request: ControlRequest[requests.LatestAt]) -> responses.GenerationPage:
    """List the latest generations: what was requested, their state now or `at` an instant, and their plan."""
    world = await _world_at(request, request.body.at)
    return await rendering.generations(world, request.body.limit, _past(world, request.body.at))


def position_of(at: object) -> int | None:
    """The position of the log that `at` names, None for an instant or for now."""
    return int(at) if isinstance(at, str) and re.fullmatch("[0-9]{1,15}", at) else None


async def _world_at(request: ControlRequest[Any], at: str | UnsetType) -> state.World:
    """The world of the caller; if a position of the log is given, a copy as it was then. Raises Refused."""
    world, log = request.world, request.worlds.log
    if (position := position_of(at)) is None:
        return world
    if log is None:
        raise Refused(
            400, f"at {at}: this server keeps no log; give an instant, or start it with a --state other than memory"
        )
    place = world.number, position
    if (found := request.past.get(place)) is None:
        kept = await log.read()
        with refuse_errors():
            found = await _aside(world_at, *place, kept, request.scratch)
        if found is None:
            raise Refused(404, f"at {at}: the world was created later")
        request.past.clear()
        request.past[place] = found
    return found


async def _after_command(request: ControlRequest[requests.AtPosition], what: str) -> state.World:
    """The world of the caller, now or as it was after a number of commands. Raises Refused."""
    at = request.body.at
    if at is not UNSET and position_of(at) is None:
        remedy = f"{what} are shown after a command that GET /_sim/world/history lists, not at an instant"
        raise Refused(400, f"at {at} is not a position of the log: {remedy}")
    return await _world_at(request, at)


def _past(owner: state.World | state.Worlds, at: str | UnsetType) -> int | None:
    """The instant of which something is shown, None: now, or after a command. Raises Refused for one in the future."""
    with refuse_errors():
        return None if at is UNSET or position_of(at) is not None else owner.clock.past(at)


@route("GET", "/_sim/status")
async def status(request: ControlRequest[requests.StatusAt]) -> responses.StatusAnswer:
    """Show the gateway's response to a status read of a generation now, or `at` a past or future instant.

    It is computed from the plan of the generation and the policy as they are now: for a future instant it is what the response will be if
    nothing changes until then. A script, the rate limit and the switches of the account are ignored.
    """
    wanted = request.body
    world = await _world_at(request, wanted.at)
    accepted = world.generation_of(wanted.request_id)
    if accepted is None:
        raise Refused(
            404, f"no generation has the request_id {spec.shown(wanted.request_id)}: GET /_sim/generations lists them"
        )
    at = world.clock.now()
    if wanted.at is not UNSET and wanted.at != "now" and position_of(wanted.at) is None:
        with refuse_errors():
            at = state.read_time("at", wanted.at, "now")
    return rendering.status_answer(world, accepted, at)


@route("GET", "/_sim/journal")
async def journal(request: ControlRequest[requests.JournalFilter]) -> responses.JournalPage:
    """List the latest exchanges of a world that pass every filter, or with `after` the first ones after that number.

    `at` leaves out those that arrived after an instant. `total` counts those that pass, whatever `after` and `limit` leave out.
    """
    world = await _world_at(request, request.body.at)
    return await _page(world, world.journal, request.body)


@route("GET", "/_sim/unmatched", needs_world=False)
async def unmatched(request: ControlRequest[requests.JournalFilter]) -> responses.JournalPage:
    """List the requests that reached no world, such as those with an unknown key; the filters are those of the journal."""
    return await _page(request.worlds, request.worlds.unmatched, request.body)


@route("GET", "/_sim/record")
async def record(request: ControlRequest[requests.RecordFilter]) -> responses.WorldRecord:
    """Show all that has happened in a world: exchanges, generations, webhooks, the script and the clock.

    The journal has its first 1,000 exchanges; those beyond them are read from it page by page.
    """
    world, unmatched, wanted = request.world, request.worlds.unmatched, request.body
    after = unmatched.total if wanted.unmatched_after is UNSET else wanted.unmatched_after
    own = await _page(world, world.journal, requests.JournalFilter(after=0, elapsed=wanted.elapsed))
    return await rendering.record(
        world, own, await _page(request.worlds, unmatched, requests.JournalFilter(after=after))
    )


async def _page(
    owner: state.World | state.Worlds, kept: state.Journal, wanted: requests.JournalFilter
) -> responses.JournalPage:
    total, dropped, after = kept.total, kept.dropped, wanted.after
    at = _past(owner, wanted.at)
    found = list[state.Exchange]() if wanted.filters() else list(kept)
    since = 0
    for exchange in kept if wanted.filters() else ():
        if (at is None or exchange.at <= at) and _passes(owner, exchange, wanted):
            found.append(exchange)
        since += 1 + (len(exchange.request_body) + len(exchange.response_body)) // _BODY_AT_ONCE
        if since >= _AT_ONCE:
            since = 0
            await asyncio.sleep(0)
    if after is not UNSET:
        listed = [each for each in found if each.number > after][: wanted.limit]
    else:
        listed = [each for each in found if wanted.before is UNSET or each.number < wanted.before][-wanted.limit :]
    count = len(found) if wanted.filters() else total
    return await rendering.journal(owner, count, dropped, listed, real_times=wanted.elapsed)


def _passes(owner: state.World | state.Worlds, exchange: state.Exchange, wanted: requests.JournalFilter) -> bool:
    return (
        (wanted.status is UNSET or exchange.status == wanted.status)
        and (wanted.method is UNSET or exchange.method == wanted.method.upper())
        and (wanted.request_id is UNSET or exchange.request_id == wanted.request_id)
        and (wanted.operation is UNSET or spec.covers(requests.operations_of(wanted.operation), exchange.operation))
        # What is shown is compared: otherwise a filter would reveal whether a key was sent.
        and (wanted.rule is UNSET or (exchange.rule is not None and wanted.rule in owner.redactor.text(exchange.rule)))
        and (wanted.path is UNSET or wanted.path in rendering.target(owner, exchange))
        and (wanted.text is UNSET or rendering.shows(owner, exchange, wanted.text))
    )


@route("POST", "/_sim/wait", refusals={408: responses.WaitTimedOut})
async def wait_for(request: ControlRequest[requests.Wait]) -> responses.WaitResult:
    """Wait until `count` exchanges, deliveries or generations fulfil every matcher, and list them.

    Give one of the three. On a time-out the response is 408 and says what did arrive, and what came nearest.
    """
    world, timeout = request.world, request.body.timeout
    with refuse_errors():
        search = Search(world, request.body)
    try:
        async with asyncio.timeout(timeout):
            await _until_found(request, search)
    except TimeoutError:
        await look(request, search)
        if not search.is_done:
            message, near = f"after {timeout:g} s there were {search}", search.nearest()
            body = await rendering.unfulfilled(world, message, search.what, search.found, near, late=True)
            raise Refused(408, body) from None
    return await rendering.wait_result(world, search.what, search.found)


async def _until_found(request: ControlRequest[requests.Wait], search: Search) -> None:
    happened, loop = asyncio.Event(), asyncio.get_running_loop()
    with search.world.notifier.listening(lambda: loop.call_soon_threadsafe(happened.set)):
        while True:
            await look(request, search)
            if search.is_done:
                return
            if request.worlds.get(request.key) is not search.world:
                raise Refused(404, "the world was deleted while this request was waiting")
            with suppress(TimeoutError):
                async with asyncio.timeout(search.pause()):
                    await happened.wait()
            happened.clear()


async def look(request: ControlRequest[Any], search: Search) -> None:
    """Search once, in pieces; in one turn of the event loop only one of all waiting requests searches."""
    pieces = search.look()
    more = True
    while more:
        async with request.look_lock:
            more = next(pieces, _END) is not _END
            await asyncio.sleep(0)


@route("POST", "/_sim/verify", refusals={406: responses.VerificationFailed})
async def verify(request: ControlRequest[requests.Verification]) -> responses.WaitResult:
    """Verify what has happened so far, and list it: how often, or in which order.

    Give `exchanges`, `deliveries` or `generations` with `at_least` and `at_most` (0: never), or a `sequence` of exchanges. A condition that is
    not fulfilled gets 406, with what did happen, and what came nearest.
    """
    world, wanted = request.world, request.body
    if wanted.sequence is not UNSET:
        return await _verify_sequence(request, wanted.sequence)
    with refuse_errors():
        search = Search(world, wanted)
        _check_kept(world, wanted.exchanges)
    await look(request, search)
    (least, most), count = wanted.bounds(), len(search.found)
    if count < least or (most is not None and count > most):
        near = search.nearest() if count < least else None
        bound = (
            f"exactly {least}" if least == most != 0 else f"at least {least}" if count < least else f"at most {most}"
        )
        message = f"{search.wanted}: expected {bound}, found {count}"
        raise Refused(406, await rendering.unfulfilled(world, message, search.what, search.found, near))
    return await rendering.wait_result(world, search.what, search.found)


async def _verify_sequence(
    request: ControlRequest[requests.Verification], steps: Sequence[requests.ExchangeMatchers]
) -> responses.WaitResult:
    world, found, after = request.world, list[state.Exchange](), 0
    with refuse_errors():
        weigh(steps)
        _check_kept(world, steps[0])
    for number, step in enumerate(steps, 1):
        after = max(after, step.after)
        wanted = requests.Verification(exchanges=msgspec.structs.replace(step, after=after))
        search = Search(world, wanted, is_first_enough=True)
        await look(request, search)
        if not search.found:
            behind = f" after exchange {after}" if after else ""
            message = f"step {number} of {len(steps)} did not happen{behind}: there are no {search.wanted}"
            raise Refused(406, await rendering.unfulfilled(world, message, "exchanges", found, search.nearest()))
        found.append(search.found[0])
        after = found[-1].number
    return await rendering.wait_result(world, "exchanges", found)


def _check_kept(world: state.World, asked: requests.ExchangeMatchers | UnsetType) -> None:
    """Raise ValueError when the journal no longer has all the exchanges in question: it cannot show that something did not happen."""
    dropped = world.journal.dropped
    if asked is not UNSET and dropped > asked.after:
        raise ValueError(
            f"the journal no longer has the first {dropped} exchanges: verify earlier, or only what came after them (after={dropped})"
        )


@route("POST", "/_sim/explain", needs_world=False)
async def explain(request: ControlRequest[requests.DryRun]) -> responses.Explanation:
    """Explain what would happen to a request of the gateway, and why; nothing is sent and nothing changes.

    The response shows the exchange as the journal would, whether each rule decides, price, generation and webhooks. If `headers`
    contain no key or host, those of the call are added; JSON gets its Content-Type. The edits of a mutant
    are left out.
    """
    asked, path = request.body, _path(request)
    if path.startswith((spec.CONTROL_PREFIX, spec.DISCOVERY_PATH)) or path == spec.OPENAPI_PATH:
        problem = "is a route of the simulator, not of the gateway: it cannot be explained"
        raise Refused(400, f"path {spec.beginning(path, 80)!r} {problem}")
    if len(path) + sum(len(name) + len(value) for name, value in asked.headers.items()) > spec.HEAD_LIMIT:
        raise Refused(
            400,
            f"path and headers are longer than {spec.HEAD_LIMIT} bytes: the gateway responds with 431 to such a request",
        )
    body, is_json = _body(asked)
    usual = {"host": request.host, "content-length": str(len(body))}  # what every client sends
    if request.key:
        usual[spec.KEY_HEADER.lower()] = request.key
    if is_json:
        usual["content-type"] = "application/json"
    given = [(name.lower(), value) for name, value in asked.headers.items()]
    headers = given + [(name, value) for name, value in usual.items() if name not in dict(given)]
    return dry_run(request.worlds, asked.method.upper(), path, [_header(*each) for each in headers], body)


def _path(request: ControlRequest[requests.DryRun]) -> str:
    """Path and query, without the origin of this simulator or of its URLs. Raises Refused for a URL of any other."""
    asked, origin = request.body.path, f"{request.worlds.settings.scheme}://{request.host}"
    known = request.worlds.get(request.key)
    for each in (origin, (known.policy if known else request.worlds.settings.policy).public_origin):
        if asked.startswith(f"{each}/"):
            return asked.removeprefix(each)
    if not asked.startswith("/"):
        problem = f"is not a URL of this simulator: give path and query, or begin with {origin}"
        raise Refused(400, f"path {spec.beginning(asked, 80)!r} {problem}")
    return asked


def _body(asked: requests.DryRun) -> tuple[bytes, bool]:
    """The body to send, and whether it is JSON, which is sent as it was written."""
    if asked.body is UNSET:
        return b"", False
    given = bytes(asked.body)
    return (msgspec.json.decode(given, type=str).encode(), False) if given.startswith(b'"') else (given, True)


def _header(name: str, value: str) -> spec.Header:
    try:
        return name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError:
        shown = f"{spec.beginning(name, 40)!r}: {spec.beginning(value, 40)!r}"
        raise Refused(400, f"header {shown} cannot be sent: use ASCII names and Latin-1 values") from None


@route("GET", "/_sim/script")
async def script(request: ControlRequest[requests.AtPosition]) -> responses.ScriptState:
    """List the rules in the order in which they are tried, and how often each of their steps was used, now or after a command of the log."""
    return await rendering.script(await _after_command(request, "rules"))


@route("PUT", "/_sim/script")
async def set_script(request: ControlRequest[requests.NewScript]) -> responses.ScriptState:
    """Replace all rules; nothing changes when one of the new ones is wrong."""
    await request.apply(lambda now: state.SetRules(now, tuple(request.body.rules)))
    return await rendering.script(request.world)


@route("DELETE", "/_sim/script")
async def clear_script(request: ControlRequest[requests.NoParameters]) -> responses.Deleted:
    """Remove every rule."""
    await request.apply(lambda now: state.SetRules(now, ()))
    return rendering.DELETED


@route("POST", "/_sim/script/rules", status=201)
async def add_rule(request: ControlRequest[Rule]) -> responses.RuleNumber:
    """Append a rule, which is tried after all others."""
    return rendering.rule_number(await request.apply(lambda now: state.AddRule(now, request.body)))


@route("PUT", "/_sim/script/rules/{number}")
async def replace_rule(request: ControlRequest[Rule]) -> responses.RuleNumber:
    """Replace a rule by another, which starts unused."""
    await request.apply(lambda now: state.ReplaceRule(now, request.number, request.body), _NO_RULE)
    return rendering.rule_number(request.number)


@route("DELETE", "/_sim/script/rules/{number}")
async def remove_rule(request: ControlRequest[requests.NoParameters]) -> responses.Deleted:
    """Remove one rule."""
    await request.apply(lambda now: state.RemoveRule(now, request.number), _NO_RULE)
    return rendering.DELETED


@route("GET", "/_sim/deliveries")
async def deliveries(request: ControlRequest[requests.LatestAt]) -> responses.DeliveryPage:
    """List the latest webhooks, delivered or pending, with every attempt so far, or up to an instant (`at`)."""
    world = await _world_at(request, request.body.at)
    return await rendering.deliveries(world, request.body.limit, _past(world, request.body.at))


@route("GET", "/_sim/deliveries/{number}")
async def delivery(request: ControlRequest[requests.NoParameters]) -> responses.DeliveryDetail:
    """Show a webhook with what was posted at its latest attempt, or what would be posted now if there was none."""
    world = request.world
    kept = world.outbox.find(request.number)
    if kept is None:
        raise Refused(404, _NO_DELIVERY.format(request.number))
    return rendering.delivery_detail(world, kept, request.dispatcher.posted(world, kept))


@route("POST", "/_sim/deliveries/{number}/resend")
async def resend(request: ControlRequest[requests.NoParameters]) -> responses.Attempt:
    """Post a webhook once more, now, whatever its state, and show the result of that attempt."""
    with refuse_errors(_NO_DELIVERY.format(request.number)):
        _, attempt = await request.dispatcher.resend(request.world, request.number)
    return rendering.attempt(request.world, attempt)


@route("POST", "/_sim/webhook-secret/rotate")
async def rotate_webhook_secret(request: ControlRequest[requests.SecretRotation]) -> responses.WorldState:
    """Sign webhooks with a new secret from now on, and also with the former one until the overlap ends."""
    world = request.world
    if world.policy.webhook_signature != "standard":
        raise Refused(400, "webhooks of this world are not signed: set policy webhook_signature to standard")
    await request.apply(lambda now: state.RotateSecret(now, round(request.body.overlap * spec.SECOND)))
    return rendering.world(world)


@route("POST", "/_sim/tls-listeners", status=201)
async def open_tls_listener(request: ControlRequest[requests.NewTlsListener]) -> responses.TlsListener:
    """Open a TLS port that serves the caller's world, with a certificate for the given hosts."""
    try:
        with refuse_errors():
            return await request.tls_listeners.open(request.world, request.body.hosts)
    except LookupError as error:
        raise Refused(404, str(error)) from None


@route("DELETE", "/_sim/tls-listeners/{number}")
async def close_tls_listener(request: ControlRequest[requests.NoParameters]) -> responses.Closed:
    """Close a TLS listener of the caller's world and reset its connections."""
    if not await request.tls_listeners.close(request.world, request.number):
        raise Refused(404, f"this world has no TLS listener {request.number}: open one with POST /_sim/tls-listeners")
    return rendering.CLOSED


ROUTES = tuple(each for each in globals().values() if isinstance(each, ControlRoute))
"""Every control route, in the order in which they are defined here."""
