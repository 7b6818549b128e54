"""Makes response structs from the state of a world, without any secret in their strings.

Every function takes the world with its redactor, or all worlds for a request that reached none, and routes build no struct
themselves: redaction cannot be omitted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET

from pixazo_simulator import spec
from pixazo_simulator import world as state
from pixazo_simulator.script import Diagnosis, kind_of
from pixazo_simulator.state import Happened
from pixazo_simulator.webhooks import AdvanceEvent, WebhookRequest, composed, secrets

from . import responses as body
from .requests import MOST_LISTED
from .responses import Instant, encode, instant

_AT_ONCE = 64 * 1024
"""Bytes of JSON that are encoded between turns of other requests."""
_LONGEST_MESSAGE = 4000
"""Characters of a message."""
_LONGEST_PHRASE = 200
"""Characters of the phrase about a command."""
T = TypeVar("T")
E = TypeVar("E", body.Event, body.UpcomingEvent)
READY = body.Ready("ready")
DELETED = body.Deleted(deleted=True)
CLOSED = body.Closed(closed=True)
state_number, rule_number = body.StateNumber, body.RuleNumber


async def in_turns(rendered: Iterable[T]) -> list[T]:
    """A list, each element encoded before the next is made; others are served after every 64 KiB, as it may be long."""
    encoded: list[msgspec.Raw] = []
    size = 0
    for each in rendered:
        text = encode(each)
        encoded.append(msgspec.Raw(text))
        size += len(text)
        if size > _AT_ONCE:
            size = 0
            await asyncio.sleep(0)
    return cast("list[T]", encoded)


def refusal(redactor: spec.Redactor, message: str, error: str) -> body.Refusal:
    """Why a request is refused; there may be no world, hence the redactor."""
    return body.Refusal(error, _message(redactor, message))


def _message(redactor: spec.Redactor, text: str) -> str:
    return redactor.text(spec.beginning(text, _LONGEST_MESSAGE))


def health(worlds: state.Worlds) -> body.Health:
    return body.Health("ok", len(worlds), worlds.log.position if worlds.log else body.ABSENT)


def world(world: state.World) -> body.WorldState:
    """A world at a glance; the webhook secret is shown because only a caller with the world's key gets it."""
    now = world.clock.now()
    signing = secrets(world, now) if world.policy.webhook_signature == "standard" else ()
    return body.WorldState(
        **_at_a_glance(world, now),
        seed=world.seed,
        suspended=world.account.suspended,
        model_enabled=world.account.model_enabled,
        webhook_secret=signing[0] if signing else None,
        former_webhook_secrets=list(signing[1:]),
        policy=dict(world.policy.texts),
    )


def _at_a_glance(world: state.World, now: int) -> dict[str, Any]:
    return {
        "now": instant(now),
        "clock": str(world.clock),
        "name": world.name and world.redactor.text(world.name),
        "balance": as_dollars(world.account.ledger.balance(now)),
        "generations": world.accepted,
        "exchanges": world.journal.total,
    }


async def worlds(worlds: state.Worlds, limit: int) -> body.WorldList:
    """The latest worlds of a server, without their keys."""
    kept = list(worlds)
    listed = (body.WorldSummary(number=each.number, **_at_a_glance(each, each.clock.now())) for each in kept[-limit:])
    return body.WorldList(len(kept), await in_turns(listed))


async def history(world: state.World, total: int, listed: Iterable[Happened]) -> body.History:
    """The history of a world; `total` counts all its commands."""
    rendered = (body.HistoryEntry(each.position, instant(each.at), _what(world, each.what)) for each in listed)
    return body.History(total, await in_turns(rendered))


def _what(world: state.World, what: str | state.Exchange) -> str:
    if isinstance(what, str):
        return world.redactor.text(spec.beginning(what, _LONGEST_PHRASE))
    redactor = world.redactor.with_request_secrets(what.request_headers, what.target)
    return f"{redactor.text(spec.beginning(f'{what.method} {what.target}', _LONGEST_PHRASE))}: {what.status}"


def created_world(created: state.World, request_ids: list[str]) -> body.CreatedWorld:
    """A new world with its key, which its creator may not know yet."""
    return body.CreatedWorld(**msgspec.structs.asdict(world(created)), key=created.key, request_ids=request_ids)


def clock(world: state.World) -> body.ClockState:
    """The time of a world, and when its next webhook is due."""
    return body.ClockState(instant(world.clock.now()), str(world.clock), _to_come(world.next_due()))


def _to_come(due: int | None) -> Instant | None:
    return instant(due) if due is not None and due <= spec.LAST_INSTANT else None


async def advanced(world: state.World, events: Iterable[AdvanceEvent]) -> body.Advanced:
    """The time after an advance, and what fell due."""
    now = instant(world.clock.now())
    return body.Advanced(now, await in_turns(_event(body.Event, world, each) for each in events))


async def advance_stopped(world: state.World, message: str, events: Iterable[AdvanceEvent]) -> body.AdvanceStopped:
    """The same for an advance that ended early, with the reason."""
    done = await advanced(world, events)
    return body.AdvanceStopped("Advance stopped", _message(world.redactor, message), done.now, done.events)


def _event(kind: type[E], world: state.World, event: AdvanceEvent) -> E:
    if isinstance(event, state.Transition):
        return kind("transition", instant(event.at), event.request_id, event.status.value)
    delivery, made = event[0], attempt(world, event[1])
    members: dict[str, Any] = {"number": delivery.number, "url": world.redactor.text(delivery.url)}
    members |= {"rule": made.rule, "faults": made.faults}
    if kind is body.Event:
        members |= {"status": made.status, "problem": made.problem}
    else:
        members["attempt"] = len(delivery.attempts) + 1
    return kind("webhook", made.at, delivery.request_id, **members)


def upcoming(world: state.World, now: int, until: int, events: Sequence[AdvanceEvent]) -> body.Upcoming:
    """The first 1,000 of the events to come."""
    listed = [_event(body.UpcomingEvent, world, each) for each in events[:MOST_LISTED]]
    return body.Upcoming(instant(now), instant(until), listed, len(events) > MOST_LISTED)


async def ledger(world: state.World, limit: int, at: int | None) -> body.LedgerPage:
    """The balance and the latest entries, now or at a past instant."""
    now, kept = world.clock.now(), world.account.ledger
    entries, balance = kept.entries(now), kept.balance(now)
    if at is not None:
        entries = [each for each in entries if each.at <= at]
        balance = sum(each.amount for each in entries)
    listed = (
        body.Entry(instant(each.at), each.kind.value, as_dollars(each.amount), each.request_id)
        for each in entries[-limit:]
    )
    return body.LedgerPage(as_dollars(balance), len(entries), await in_turns(listed))


async def generations(world: state.World, limit: int, at: int | None = None) -> body.GenerationPage:
    """The latest generations as they are now, or those that were accepted by an instant, as they were then."""
    accepted = [each for each in world.generations() if at is None or each.accepted <= at]
    listed = await in_turns(generation(world, each, at) for each in accepted[-limit:])
    return body.GenerationPage(len(accepted), listed)


def generation(world: state.World, accepted: state.Generation, at: int | None = None) -> body.Generation:
    """One generation as it is now or was at an instant, in the state that the page specifies: a mutant may respond with another one."""
    plan = accepted.plan
    seen = spec.status_span(accepted.accepted, plan, world.clock.now() if at is None else at)
    return body.Generation(
        request_id=accepted.request_id,
        operation=accepted.operation,
        duration=accepted.duration,
        resolution=accepted.resolution,
        status=seen.status.value,
        accepted_at=instant(accepted.accepted),
        since=instant(seen.since),
        plan=body.Plan(
            queued=None if plan.queued == spec.NEVER else plan.queued / spec.SECOND,
            processing=None if plan.processing == spec.NEVER else plan.processing / spec.SECOND,
            outcome=plan.outcome.value,
            error=plan.error and world.redactor.text(plan.error),
            queued_polls=plan.queued_polls or None,
            processing_polls=plan.processing_polls or None,
        ),
    )


def status_answer(world: state.World, accepted: state.Generation, at: int) -> body.StatusAnswer:
    """The response to a status read at an instant."""
    answer = world.status_at(accepted, at)
    content = _content(answer.body, len(answer.body), world.redactor)
    text = world.redactor.text(answer.body.decode())
    return body.StatusAnswer(accepted.request_id, instant(at), answer.status, text, content)


async def deliveries(world: state.World, limit: int, at: int | None = None) -> body.DeliveryPage:
    """The latest deliveries as they are now, or those that were there at an instant, as they were then."""
    kept = world.deliveries(at)
    return body.DeliveryPage(len(kept), await in_turns(delivery(world, each) for each in kept[-limit:]))


def delivery(world: state.World, kept: state.Delivery) -> body.Delivery:
    """One delivery; `rule` and `faults` are what was injected, or will be at the coming attempt."""
    decided = [each for each in kept.attempts if each.rule]
    rule = decided[-1].rule if decided else kept.rule
    coming = [kind_of(fault) for fault in kept.faults or ()]
    latest, made = world.outbox.find(kept.number), len(kept.attempts)  # there may be later ones
    following = latest.attempts[made].at if latest and latest.attempts[made:] else world.outbox.due(kept.number)
    return body.Delivery(
        number=kept.number,
        request_id=kept.request_id,
        url=world.redactor.text(kept.url),
        channel=kept.channel,
        form=kept.form.value,
        copy_of=kept.copy_of,
        due_at=instant(min(kept.event, spec.LAST_INSTANT)),  # the last one that can be written replaces any later one
        delivered=any(each.succeeded for each in kept.attempts),
        rule=rule and world.redactor.text(rule),
        faults=tuple(dict.fromkeys([*chain.from_iterable(each.faults for each in decided), *coming])),
        attempts=tuple(attempt(world, each) for each in kept.attempts),
        decided_by=_decided_by(world.deciding_delivery(kept)),
        next_attempt_at=_to_come(following),
    )


def delivery_detail(world: state.World, kept: state.Delivery, posted: WebhookRequest | None) -> body.DeliveryDetail:
    """One delivery with the request of its latest attempt, if that is remembered, else with one composed from the state."""
    at = kept.attempts[-1].at if kept.attempts else world.clock.now()
    seen = posted or (composed(world, kept, (), at) if kept.event <= spec.LAST_INSTANT else None)
    text = world.redactor.text
    return body.DeliveryDetail(
        **msgspec.structs.asdict(delivery(world, kept)),
        method="POST",
        # The signature is shown: it reveals nothing about the secret, and a verifier needs it.
        headers={name: text(value) for name, value in seen.headers.items()} if seen else None,
        text=text(seen.body.decode(errors="replace")) if seen else None,
        body=_content(seen.body, len(seen.body), world.redactor) if seen else None,
        exact=posted is not None,
    )


def attempt(world: state.World, made: state.Attempt) -> body.Attempt:
    problem, rule = made.problem and world.redactor.text(made.problem), made.rule and world.redactor.text(made.rule)
    return body.Attempt(instant(made.at), made.status, problem, rule, made.faults, made.interrupted)


async def journal(
    owner: state.World | state.Worlds, total: int, dropped: int, listed: Iterable[state.Exchange], *, real_times: bool
) -> body.JournalPage:
    """Some exchanges of a journal: `total` counts all, or those that pass a filter; the oldest `dropped` are no longer kept."""
    rendered = (exchange(owner, each, real_times=real_times) for each in listed)
    return body.JournalPage(total, dropped, await in_turns(rendered))


def exchange(owner: state.World | state.Worlds, seen: state.Exchange, *, real_times: bool = False) -> body.Exchange:
    """One request and its response, without the keys that the request was sent with, wherever they occur."""
    redactor = owner.redactor.with_request_secrets(seen.request_headers, seen.target)
    return body.Exchange(
        number=seen.number,
        at=instant(seen.at),
        method=seen.method,
        target=redactor.text(seen.target),
        status=seen.status,
        reason=redactor.text(_reason(seen)),
        request_id=seen.request_id and redactor.text(seen.request_id),
        rule=seen.rule and redactor.text(seen.rule),
        faults=seen.faults,
        expected=seen.expected,
        hint=seen.hint and redactor.text(seen.hint),
        former=seen.former and redactor.text(seen.former),
        request=body.Request(
            headers=redactor.headers(seen.request_headers),
            headers_left_out=seen.headers_left_out,
            body=_content(seen.request_body, seen.request_length, redactor),
            length=seen.request_length,
        ),
        response=body.Response(
            headers=redactor.headers(seen.response_headers),
            body=_content(seen.response_body, seen.response_length, redactor),
            length=seen.response_length,
            cut=seen.cut,
        ),
        elapsed=seen.elapsed / spec.SECOND if real_times else 0.0,
        decided_by=_decided_by(seen.decided_by),
        submitted=seen.submitted or UNSET,
    )


def _reason(seen: state.Exchange) -> str:
    return "; ".join([seen.reason, *map(str, seen.decided_by)])


def _decided_by(found: Iterable[spec.PolicyDecision]) -> tuple[body.PolicyDecision, ...]:
    return tuple(body.PolicyDecision(*each) for each in found)


def target(owner: state.World | state.Worlds, seen: state.Exchange) -> str:
    """Path and query of a request, without the keys that it was sent with."""
    return owner.redactor.with_request_secrets(seen.request_headers, seen.target).text(seen.target)


def shows(owner: state.World | state.Worlds, seen: state.Exchange, text: str) -> bool:
    """Whether what is shown of an exchange contains a string, in either case; only what may contain it is redacted, which is slow."""
    wanted, plain = text.casefold(), "\n".join(_texts(seen))
    is_mark = "[" in text or "]" in text or any(wanted in mark for mark in (spec.REDACTED, spec.HIDDEN))
    # What is redacted may be shown decoded, if it is percent-encoded or escaped.
    if not (is_mark or wanted in plain.casefold() or "%" in plain or "\\" in plain):
        return False
    redactor = owner.redactor.with_request_secrets(seen.request_headers, seen.target)
    return any(wanted in each.casefold() for each in _texts(seen, redactor))


def _texts(seen: state.Exchange, redactor: spec.Redactor | None = None) -> Iterator[str]:
    """The searched strings of an exchange, as they are shown; without a redactor as they were sent."""
    named = (seen.rule, seen.request_id, seen.hint)
    head = "\n".join([f"{seen.method} {seen.target}", _reason(seen), *(each for each in named if each)])
    yield redactor.text(head) if redactor else head
    for sent in (seen.request_headers, seen.response_headers):
        plain = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in sent}
        headers = redactor.headers(sent) if redactor else plain
        yield from (f"{name}: {value}" for name, value in headers.items())
    request, response = (seen.request_body, seen.request_length), (seen.response_body, seen.response_length)
    for content, length in (request, response):
        value = _content(content, length, redactor)
        yield value if isinstance(value, str) else encode(value).decode()


def _content(content: bytes, length: int, redactor: spec.Redactor | None) -> Any:
    """JSON as JSON, anything else as a string, of which the journal may have kept only the start; without a redactor as it was sent."""
    if len(content) < length:
        text = content.decode(errors="replace")
        return redactor.start(text) if redactor else text
    try:
        value = msgspec.json.decode(content)
        return redactor.json(value) if redactor else value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = content.decode(errors="replace")
        return redactor.text(text) if redactor else text


async def script(world: state.World) -> body.ScriptState:
    """The rules, and how often each of their steps was used."""
    text, json = world.redactor.text, world.redactor.json
    listed = (
        body.ScriptRule(
            number=each.number,
            label=text(each.label),
            rule=json(msgspec.json.decode(each.json)),
            used=list(each.used),
            matched=each.matched,
            missed=None if each.missed is None else [*map(text, each.missed)],
        )
        for each in world.script.listed()
    )
    return body.ScriptState(await in_turns(listed))


async def record(world: state.World, exchanges: body.JournalPage, unmatched: body.JournalPage) -> body.WorldRecord:
    """All that has happened in a world, with these pages of its journal and of the requests that reached no world."""
    accepted, kept = await generations(world, MOST_LISTED), await deliveries(world, MOST_LISTED)
    return body.WorldRecord(clock(world), exchanges, unmatched, accepted, kept, await script(world))


_FOUND: Mapping[str, Callable[..., Any]] = {"exchanges": exchange, "deliveries": delivery, "generations": generation}
"""What can be waited for, and how it is rendered."""


async def wait_result(world: state.World, what: str, found: Sequence[object]) -> body.WaitResult:
    """What fulfils a condition, at most 1,000 of them."""
    return body.WaitResult(**{what: await in_turns(_FOUND[what](world, each) for each in found[:MOST_LISTED])})


def nearest(world: state.World, what: str, differences: Iterable[str]) -> body.Nearest:
    text = world.redactor.text
    return body.Nearest(text(what), tuple(map(text, differences)))


async def unfulfilled(
    world: state.World,
    message: str,
    what: str,
    found: Sequence[object],
    near: body.Nearest | None,
    *,
    late: bool = False,
) -> body.VerificationFailed:
    """What did happen where something else was expected, and what came nearest; `late` says that a wait timed out."""
    kind, error = (body.WaitTimedOut, "Timed out") if late else (body.VerificationFailed, "Verification failed")
    if near:
        message += f"; nearest: {near.what}: {'; '.join(near.differences)}"
    result = msgspec.structs.asdict(await wait_result(world, what, found))
    return kind(error=error, message=_message(world.redactor, message), nearest=near, **result)


def explanation(
    owner: state.World | state.Worlds,
    seen: state.Exchange,
    diagnoses: Sequence[Diagnosis] = (),
    accepted: body.Generation | None = None,
    price: int | None = None,
    scheduled: Sequence[body.Delivery] = (),
) -> body.Explanation:
    """What would happen to a request: `seen` is the exchange of the dry run, `price` what was debited."""
    rendered = exchange(owner, seen)
    rules = tuple(_diagnosis(each, seen, owner.redactor) for each in diagnoses)
    return body.Explanation(
        summary=_summary(rendered, rules[0] if diagnoses and diagnoses[0].is_about else None),
        exchange=rendered,
        rules=rules,
        price=None if price is None else as_dollars(price),
        generation=accepted,
        deliveries=tuple(scheduled),
    )


def _diagnosis(diagnosis: Diagnosis, seen: state.Exchange, redactor: spec.Redactor) -> body.RuleDiagnosis:
    decides, differences = diagnosis.decides, tuple(map(redactor.text, diagnosis.differences))
    if decides and seen.rule is None:  # a rule that only plans how a generation ends does not decide a refusal
        decides, differences = False, ("the request is refused, so there is no generation to plan",)
    return body.RuleDiagnosis(diagnosis.number, redactor.text(diagnosis.label), decides, differences)


def _summary(seen: body.Exchange, nearest_rule: body.RuleDiagnosis | None) -> str:
    answered = f"gets {seen.status}" if seen.status else "gets no response"
    parts = [f"{seen.method} {seen.target} {answered}: {seen.reason}"]
    if isinstance(seen.response.body, dict):
        members = cast("dict[str, object]", seen.response.body)
        found = [value for name in ("error", "message") if isinstance(value := members.get(name), str) and value]
        parts += [": ".join(found)] if found else []
    if seen.rule:
        faults = f" ({', '.join(seen.faults)})" if seen.faults else ""
        parts.append(f"{seen.rule} decides{faults}")
    elif nearest_rule:
        parts.append(f"no rule decides; nearest is {nearest_rule.label}: {', and '.join(nearest_rule.differences)}")
    return "; ".join([*parts, *(each for each in (seen.response.cut, seen.hint) if each)])


def without_keys(value: Any, redactor: spec.Redactor) -> Any:
    """A JSON value without the keys that a route has left in it; the names of our own members stay."""
    if isinstance(value, str):
        return redactor.without_keys(value)
    if isinstance(value, list):
        return [without_keys(each, redactor) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        cleared = {name: without_keys(each, redactor) for name, each in members}
        return spec.renamed(cleared, lambda name: name if name in _MEMBERS else redactor.without_keys(name))
    return value


_MEMBERS = frozenset(spec.Policy.__struct_fields__).union(
    *(kind.__struct_fields__ for kind in vars(body).values() if isinstance(kind, type) and issubclass(kind, body.Body))
)


def as_dollars(micros: int) -> Decimal:
    """A sum of millionths of a dollar."""
    return Decimal(spec.dollars(micros))
