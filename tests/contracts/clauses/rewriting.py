"""Rewritings of the trace of a faithful gateway: which of its messages become what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar, cast

from tests.contracts.fake_run import ORIGIN, full_target, observe

from pixazo_contracts.trace.exchange import Callback, Exchange, split_url
from pixazo_contracts.trace.trace import Generation, Trace

Members = dict[str, object]
Message = Exchange | Callback
M = TypeVar("M", bound=Message)
Change = Callable[[Message], Message]
Made = Callable[[Generation], bool]
#: The exchanges that are rewritten for the sake of a clause.
Pick = Callable[[Trace, str], Iterable[Exchange]]
#: A rewriting of a trace for the sake of a clause.
Edit = Callable[[Trace, str], Trace]

NO_ID = "minimax-hailuo-ai_019d0000-0000-7000-8000-000000000000"


@cache
def clean() -> Trace:
    """One run against the faithful fake, which every rewriting begins with."""
    return observe(target=full_target(capabilities=("tls",))).trace


# Rewritings.


def changed(message: M, *changes: Change) -> M:
    for change in changes:
        message = cast("M", change(message))
    return message


def at(pick: Pick, *changes: Change) -> Edit:
    """Change the exchanges that `pick` chooses, of which there must be some."""

    def edit(trace: Trace, clause: str) -> Trace:
        numbers = {exchange.number for exchange in pick(trace, clause)}
        assert numbers
        every = (changed(each, *changes) if each.number in numbers else each for each in trace.exchanges)
        return replace(trace, exchanges=tuple(every))

    return edit


def is_to(name: str) -> Callable[[Callback], bool]:
    """Whether a callback is to a receiver URL whose use begins with that name."""
    return lambda callback: f"use={name}" in callback.target


def calls(name: str, *changes: Change) -> Edit:
    """Change these callbacks."""
    return lambda trace, _: replace(
        trace, callbacks=tuple(changed(each, *changes) if is_to(name)(each) else each for each in trace.callbacks)
    )


def uncalled(name: str) -> Edit:
    """Leave these callbacks out."""
    return lambda trace, _: replace(trace, callbacks=tuple(each for each in trace.callbacks if not is_to(name)(each)))


def unrepeated(trace: Trace, _: str) -> Trace:
    """Leave out each callback that repeats one to its URL."""
    first = {(each.target, each.body): each for each in reversed(trace.callbacks)}
    return replace(trace, callbacks=tuple(each for each in trace.callbacks if each is first[each.target, each.body]))


def called(name: str, *changes: Change) -> Edit:
    """Add a callback: the first of these once more, a second later, changed."""

    def edit(trace: Trace, _: str) -> Trace:
        first = next(filter(is_to(name), trace.callbacks))
        again = replace(first, number=len(trace.callbacks) + 1, at=first.at + 1)
        return replace(trace, callbacks=(*trace.callbacks, changed(again, *changes)))

    return edit


def both(*edits: Edit) -> Edit:
    """One rewriting after the other."""

    def edit(trace: Trace, clause: str) -> Trace:
        for each in edits:
            trace = each(trace, clause)
        return trace

    return edit


def everything(change: Callable[[Members], Members]) -> Edit:
    """Change the members of every body that is an object."""

    def anew(message: Message) -> Message:
        return text(json.dumps(change(message.members)))(message) if message.members else message

    return both(at(everywhere, anew), calls("", anew))


def moved(origin: str) -> Edit:
    """The same run, as if the target were at this origin."""

    def there(message: Message) -> Message:
        found = become(body=message.body and message.body.replace(ORIGIN, origin))(message)
        return replace(found, url=found.url.replace(ORIGIN, origin)) if isinstance(found, Exchange) else found

    def edit(trace: Trace, clause: str) -> Trace:
        header = replace(trace.header, profile=replace(trace.profile, origin=origin))
        return at(everywhere, there)(replace(trace, header=header), clause)

    return edit


def same_id(pick: Pick) -> Edit:
    """These submits get the id of the first generation that failed."""

    def edit(trace: Trace, clause: str) -> Trace:
        failed = next(each for each in trace.generations if each.outcome == "FAILED")
        return at(pick, taken, put(request_id=failed.request_id))(trace, clause)

    return edit


def late_failure(slow: slice) -> Edit:
    """COMPLETED, and FAILED to the last read, at whose end these reads of the end were still under way."""

    def edit(trace: Trace, clause: str) -> Trace:
        ends = list(reads("COMPLETED", made=of("g2"))(trace, clause))
        slowly = at(lambda _, __: ends[slow], become(finished=ends[-1].finished))
        return both(slowly, at(lambda _, __: ends[-1:], put(status="FAILED")))(trace, clause)

    return edit


def fetched(trace: Trace, clause: str) -> Trace:
    """The gateway asks our receiver for the image of the submit aimed at the clause."""
    (submit,) = trace.aimed(clause)
    path = split_url(str(submit.sent["first_frame_image"])).path
    return called("alone", become(method="GET", target=path), text(""))(trace, clause)


# Which exchanges.


def everywhere(trace: Trace, _: str) -> Iterable[Exchange]:
    """All of them."""
    return trace.exchanges


def aimed(case: str = "", *, status: int | None = None) -> Pick:
    """Those that were sent for the sake of the clause, with that case or status code."""
    return lambda trace, clause: (
        e for e in trace.aimed(clause) if case in {"", e.case} and (status is None or e.status == status)
    )


def case(name: str) -> Pick:
    """Those of this case."""
    return lambda trace, _: (exchange for exchange in trace.exchanges if exchange.case == name)


def aim(clauses: str, case: str = "", *, status: int | None = None) -> Pick:
    """Those that were sent for the sake of other clauses."""
    return lambda trace, _: (e for clause in clauses.split() for e in aimed(case, status=status)(trace, clause))


def answered(*statuses: int) -> Pick:
    """Those that got one of these status codes."""
    return lambda trace, _: (e for e in trace.exchanges if e.status in statuses)


def submits(operation: str = "", status: int | None = None) -> Pick:
    """The submits of an operation that got a status code."""
    return lambda trace, _: (
        e for e in trace.submits if operation in {"", e.operation} and (status is None or e.status == status)
    )


def of(case: str) -> Made:
    """The generations whose submit was that case."""
    return lambda generation: generation.submit.case == case


def by(operation: str) -> Made:
    """The generations of that operation."""
    return lambda generation: generation.submit.operation == operation


def reads(*states: str, made: Made = lambda _: True, case: str = "") -> Pick:
    """The status reads of these generations that showed one of the states."""
    return lambda trace, _: (
        read
        for generation in trace.generations
        if made(generation)
        for read in generation.reads
        if (not states or read.state in states) and case in {"", read.case}
    )


def media(case: str = "download", made: Made = lambda _: True) -> Pick:
    """The downloads of these generations."""
    return lambda trace, _: (e for each in trace.generations if made(each) for e in each.downloads if e.case == case)


def single(pick: Pick) -> Pick:
    """Those of them that were sent for the sake of one clause."""
    return lambda trace, clause: (each for each in pick(trace, clause) if len(each.aims) == 1)


def nth(number: int, pick: Pick) -> Pick:
    """One of those."""
    return lambda trace, clause: [list(pick(trace, clause))[number]]


# What becomes of them.


def become(**fields: object) -> Change:
    return lambda message: replace(message, **fields)  # type: ignore[arg-type]  # names and types are the message's own


def code(status: int) -> Change:
    return become(status=status)


def text(body: str) -> Change:
    return become(body=body, size=len(body.encode()))


def put(**members: object) -> Change:
    return lambda message: text(json.dumps({**message.members, **members}))(message)


def drop(*names: str) -> Change:
    return lambda message: text(json.dumps({k: v for k, v in message.members.items() if k not in names}))(message)


def output(**members: object) -> Change:
    return lambda message: put(output={**cast("Members", message.member("output")), **members})(message)


def later(seconds: float, name: str) -> Change:
    """Move a timestamp of the body by so many seconds."""

    def change(message: Message) -> Message:
        stamp = datetime.fromisoformat(str(message.member(name))) + timedelta(seconds=seconds)
        return put(**{name: stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")})(message)

    return change


def head(name: str, value: str) -> Change:
    def change(message: Message) -> Message:
        others = (each for each in message.headers if each[0].lower() != name.lower())
        return become(headers=(*others, (name, value)))(message)

    return change


def slowly(seconds: float) -> Change:
    return lambda message: (
        replace(message, finished=message.finished + seconds) if isinstance(message, Exchange) else message
    )


def target(change: Callable[[str], str]) -> Change:
    """Another target of a callback."""
    return lambda message: replace(message, target=change(message.target)) if isinstance(message, Callback) else message


def lower(message: Message) -> Message:
    return become(headers=tuple((name.lower(), value) for name, value in message.headers))(message)


def over_at_once(message: Message) -> Message:
    """The end, from the first read on."""
    begun, first = message.member("created_at"), clean().generations[0]
    body = str(first.ends[0].body).replace(first.request_id, str(message.member("request_id")))
    return changed(message, text(body), put(created_at=begun, updated_at=begun, completed_at=begun))


def facts(**facts: object) -> Change:
    def change(message: Message) -> Message:
        assert isinstance(message, Exchange)
        assert message.media is not None
        return replace(message, media=replace(message.media, **facts))  # type: ignore[arg-type]  # as above

    return change


def taken(message: Message) -> Message:
    """Accepted as the page says."""
    request_id = f"{NO_ID[:-12]}{message.number:012d}"
    members = {"request_id": request_id, "status": "QUEUED", "polling_url": f"{ORIGIN}/v2/requests/status/{request_id}"}
    return changed(message, code(202), text(json.dumps(members)), head("Content-Type", "application/json"))


def other_way(message: Message) -> Message:
    """Refused instead of accepted, or accepted instead of refused."""
    refused = changed(message, code(400), text('{"error": "Bad Request", "message": "No"}'))
    return refused if isinstance(message, Exchange) and message.succeeded else taken(message)


def envelope(message: Message) -> Message:
    """The status of a request of ours."""
    return changed(message, code(200), become(body=clean().generations[0].ends[0].body, size=400))


def status_twice(message: Message) -> Message:
    """Readers that keep the first of two members of one name take it for another state."""
    return text(str(message.body).replace("{", '{"status": "QUEUED", ', 1))(message)


def stranger(message: Message) -> Message:
    """About the generation that was given no receiver URL."""
    return put(request_id=next(filter(of("quiet"), clean().generations)).request_id)(message)


#: No response, and one from something in front of the gateway.
LOST = become(status=None, error="timeout", headers=(), body=None, size=0)
HTML = text("<html>Bad Gateway</html>")
