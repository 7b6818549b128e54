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


def coded(code: int, other: int, when: Callable[[Ask], bool] = lambda _: True) -> Edit:
    """Answer with another code."""
    return lambda ask, reply: replace(reply, code=other) if reply.code == code and when(ask) else reply


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


def reading(change: Callable[[FakeGateway, Work, Reply], Reply]) -> Prepare:
    """Change status answers with the request and the clock at hand."""

    def edit(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        if is_read(ask) and reply.code == 200:
            return change(gateway, gateway.works[ask.path.removeprefix(STATUS)], reply)
        return reply

    return editing(edit)


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


def calling(change: Callable[[list[tuple[str, str, bytes]]], list[tuple[str, str, bytes]]]) -> Prepare:
    """Change the callbacks (request id, URL, body) that fall due."""

    def prepare(gateway: FakeGateway) -> None:
        due = gateway.due
        gateway.due = lambda: change(due())  # type: ignore[method-assign]  # this one gateway is wrong

    return prepare
