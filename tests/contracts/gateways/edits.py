"""Edits that make the fake gateway wrong: of its responses and callbacks, and of the fake itself."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from tests.contracts.gateways.fake_gateway import (
    ACCOUNTS,
    BASE,
    KEY,
    STATUS,
    Ask,
    FakeGateway,
    Reply,
    Work,
    is_members,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Members = dict[str, object]
    Edit = Callable[[Ask, Reply], Reply]
    Change = Callable[[Members], Members]
    Prepare = Callable[[FakeGateway], None]

SUBMITS = (f"{BASE}generate", f"{BASE}imageToVideo")


def is_submit(ask: Ask) -> bool:
    return ask.method == "POST" and ask.path in SUBMITS


def is_read(ask: Ask) -> bool:
    return ask.method == "GET" and ask.path.startswith(STATUS)


def is_media(ask: Ask) -> bool:
    return ask.path.startswith("/media/")


def sent(ask: Ask) -> Members:
    """The members of a request body; empty when it is not a JSON object."""
    try:
        body = cast("object", json.loads(ask.body))
    except ValueError:
        return {}
    return body if is_members(body) else {}


def members(reply: Reply) -> Members:
    return dict(reply.value) if is_members(reply.value) else {}


def accepted(change: Change) -> Edit:
    """Change the body of every 202."""
    return lambda _, reply: replace(reply, value=change(members(reply))) if reply.code == 202 else reply


def envelope(change: Change, *states: str) -> Edit:
    """Change the status answers in those states, or in all."""

    def edit(ask: Ask, reply: Reply) -> Reply:
        shown = is_read(ask) and reply.code == 200 and (not states or members(reply)["status"] in states)
        return replace(reply, value=change(members(reply))) if shown else reply

    return edit


def without(name: str) -> Change:
    return lambda body: {key: value for key, value in body.items() if key != name}


def having(**changes: object) -> Change:
    return lambda body: {**body, **changes}


def output(**changes: object) -> Change:
    """Change members of `output`."""
    return lambda body: {**body, "output": {**cast("Members", body["output"]), **changes}}


def first_url(body: Members) -> str:
    """The media URL of a completed envelope."""
    urls = cast("Members", body["output"])["media_url"]
    return cast("list[str]", urls)[0]


def coded(code: int, other: int, when: Callable[[Ask], bool] = lambda _: True) -> Edit:
    """Answer with another code."""
    return lambda ask, reply: replace(reply, code=other) if reply.code == code and when(ask) else reply


def headed(name: str, value: str, when: Callable[[Ask], bool] = lambda _: True) -> Edit:
    """Answer with a further header."""
    return lambda ask, reply: replace(reply, headers={**reply.headers, name: value}) if when(ask) else reply


def key_in_polling_url(body: Members) -> Members:
    return {**body, "polling_url": f"{body['polling_url']}?key={KEY}"}


def editing(change: Callable[[FakeGateway, Ask, Reply], Reply]) -> Prepare:
    """Change answers with the gateway at hand."""

    def prepare(gateway: FakeGateway) -> None:
        gateway.edit = partial(change, gateway)

    return prepare


def lax(may: Callable[[str, Members], bool], **mending: object) -> Prepare:
    """Accept bodies that should be refused, as if they had been these."""

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        operation = ask.path.removeprefix(BASE)
        if is_submit(ask) and reply.code == 400 and sent(ask) and may(operation, sent(ask)):
            return gateway.route(replace(ask, body=json.dumps({**sent(ask), **mending}).encode()))
        return reply

    return editing(change)


def picky(refuses: Callable[[Ask], bool], code: int = 400) -> Prepare:
    """Refuse valid bodies, or hang up on them with code 0."""

    def prepare(gateway: FakeGateway) -> None:
        accept = gateway.accept

        def refuse(ask: Ask, operation: str, body: Members, key: str) -> Reply:
            return refusal(code, "Bad Request", "No") if refuses(ask) else accept(ask, operation, body, key)

        gateway.accept = refuse  # type: ignore[method-assign]  # this one gateway is wrong

    return prepare


def open_to(is_unknown: Callable[[Ask, str | None], bool]) -> Prepare:
    """Serve callers who have no good key as if they had one."""

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        key = ask.headers.get("ocp-apim-subscription-key")
        if reply.code == 401 and is_unknown(ask, key):
            return gateway.route(replace(ask, headers={**ask.headers, "ocp-apim-subscription-key": KEY}))
        return reply

    return editing(change)


def moved(here: str, there: str) -> Prepare:
    """Serve a route elsewhere only."""

    def prepare(gateway: FakeGateway) -> None:
        route = gateway.route

        def reroute(ask: Ask) -> Reply:
            if ask.path.startswith(here):
                return refusal(404, "Not Found", "No such route")
            return route(replace(ask, target=ask.target.replace(there, here, 1)))

        gateway.route = reroute  # type: ignore[method-assign]  # this one gateway is wrong

    return prepare


def reading(change: Callable[[FakeGateway, Work, Reply], Reply]) -> Prepare:
    """Change status answers with the request and the clock at hand."""

    def edit(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        if is_read(ask) and reply.code == 200:
            return change(gateway, gateway.works[ask.path.removeprefix(STATUS)], reply)
        return reply

    return editing(edit)


def counted(change: Callable[[FakeGateway, Work, int], Reply]) -> Prepare:
    """Answer the n-th read of a request by its number."""
    reads: dict[str, int] = {}

    def nth(gateway: FakeGateway, work: Work, _: Reply) -> Reply:
        reads[work.request_id] = reads.get(work.request_id, 0) + 1
        return change(gateway, work, reads[work.request_id])

    return reading(nth)


def cached(seconds: float) -> Prepare:
    """Answer reads from a cache that is so old at most."""
    kept: dict[str, tuple[float, Reply]] = {}

    def change(gateway: FakeGateway, work: Work, reply: Reply) -> Reply:
        at, old = kept.get(work.request_id, (-seconds, reply))
        if gateway.now() - at < seconds:
            return old
        kept[work.request_id] = (gateway.now(), reply)
        return reply

    return reading(change)


def throttling(reads: int, seconds: int = 60) -> Prepare:
    """429 after so many reads in so many seconds."""
    times: list[float] = []

    def change(gateway: FakeGateway, _: Work, reply: Reply) -> Reply:
        times.append(gateway.now())
        if len(times) < reads or times[-reads] <= gateway.now() - seconds:
            return reply
        headers = {"Content-Type": "application/json", "Retry-After": str(seconds)}
        return replace(refusal(429, "Too Many Requests", "Slow down"), headers=headers)

    return reading(change)


def throttling_later(calls: float, when: Callable[[Ask], bool] = lambda _: True) -> Prepare:
    """Serve the throttled account so many times before its first 429, and always where `when` is false."""
    throttled, served = ACCOUNTS["throttled"], list[Ask]()

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        if ask.headers.get("ocp-apim-subscription-key") != throttled or (when(ask) and len(served) >= calls):
            return reply
        if when(ask):
            served.append(ask)
        return gateway.route(replace(ask, headers={**ask.headers, "ocp-apim-subscription-key": KEY}))

    return editing(change)


def remembering(key: Callable[[Ask], object], response: Callable[[Reply, Reply], Reply]) -> Prepare:
    """Answer a submit with the help of the last 202 to one of the same key."""
    last: dict[object, Reply] = {}

    def change(_: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        if reply.code != 202:
            return reply
        earlier = last.get(key(ask), reply)
        last[key(ask)] = reply
        return response(earlier, reply)

    return editing(change)


def calling(change: Callable[[list[tuple[str, str, bytes]]], list[tuple[str, str, bytes]]]) -> Prepare:
    """Change the callbacks (request id, URL, body) that fall due."""

    def prepare(gateway: FakeGateway) -> None:
        due = gateway.due
        gateway.due = lambda: change(due())  # type: ignore[method-assign]  # this one gateway is wrong

    return prepare


def decoded(body: bytes) -> Members:
    return cast("Members", json.loads(body))


def early(seconds: float) -> Prepare:
    """Call back so many seconds before the state that the callback holds."""

    def prepare(gateway: FakeGateway) -> None:
        def due() -> list[tuple[str, str, bytes]]:
            then = gateway.now() + seconds
            ready = [(i, url) for at, i, url in gateway.calls if at <= then]
            gateway.calls = [call for call in gateway.calls if call[0] > then]
            return [(i, url, json.dumps(gateway.envelope(gateway.works[i], then)).encode()) for i, url in ready]

        gateway.due = due  # type: ignore[method-assign]  # this one gateway is wrong

    return prepare


def last_used_url(gateway: FakeGateway) -> None:
    """Call the last URL that anybody gave, for requests that gave none."""
    last: list[str] = []

    def plan(work: Work) -> Work:
        last[:] = work.hooks[:1] or last
        return work if work.hooks or not last else replace(work, hooks=(last[0],))

    gateway.plan = plan


def dies_with_its_receiver(gateway: FakeGateway) -> None:
    """A callback that is not taken ends the request in ERROR."""
    again = gateway.again

    def end(request_id: str, url: str, seconds: float) -> None:
        gateway.works[request_id] = replace(gateway.works[request_id], end="ERROR")
        again(request_id, url, seconds)

    gateway.again = end  # type: ignore[method-assign]  # this one gateway is wrong


def never_again(gateway: FakeGateway) -> None:
    """A callback that is not taken is given up."""

    def forget(request_id: str, url: str, seconds: float) -> None: ...

    gateway.again = forget  # type: ignore[method-assign]  # this one gateway is wrong
