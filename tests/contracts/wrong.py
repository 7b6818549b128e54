"""Gateways that are wrong in one respect each: edits of the fake's answers, callbacks and fates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from tests.contracts.fake_gateway import BASE, KEY, STATUS, Ask, FakeGateway, Reply

Edit = Callable[[Ask, Reply], Reply]
Members = dict[str, object]

SUBMITS = (f"{BASE}generate", f"{BASE}imageToVideo")


def is_submit(ask: Ask) -> bool:
    return ask.method == "POST" and ask.path in SUBMITS


def is_read(ask: Ask) -> bool:
    return ask.method == "GET" and ask.path.startswith(STATUS)


def sent(ask: Ask) -> Members:
    """The members of a request body; empty when it is no JSON object."""
    try:
        body = json.loads(ask.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def members(reply: Reply) -> Members:
    return dict(reply.value) if isinstance(reply.value, dict) else {}


def accepted(change: Callable[[Members], Members]) -> Edit:
    """Change the body of every 202."""
    return lambda ask, reply: replace(reply, value=change(members(reply))) if reply.code == 202 else reply


def envelope(change: Callable[[Members], Members], *states: str) -> Edit:
    """Change the status answers in those states, or in all."""

    def edit(ask: Ask, reply: Reply) -> Reply:
        shown = is_read(ask) and reply.code == 200 and (not states or members(reply)["status"] in states)
        return replace(reply, value=change(members(reply))) if shown else reply

    return edit


def without(name: str) -> Callable[[Members], Members]:
    return lambda body: {key: value for key, value in body.items() if key != name}


def having(**changes: object) -> Callable[[Members], Members]:
    return lambda body: {**body, **changes}


def output(**changes: object) -> Callable[[Members], Members]:
    """Change members of `output`."""

    def change(body: Members) -> Members:
        held = body["output"]
        assert isinstance(held, dict)
        return {**body, "output": {**held, **changes}}

    return change


def coded(change: dict[int, int], when: Callable[[Ask], bool] = lambda _: True) -> Edit:
    """Answer with other codes."""
    return lambda ask, reply: replace(reply, code=change.get(reply.code, reply.code)) if when(ask) else reply


def lax(gateway: FakeGateway, may: Callable[[str, Members], bool], change: Members) -> None:
    """Have the gateway accept bodies that it should refuse, by mending them before they are looked at."""
    inner = gateway.edit

    def edit(ask: Ask, reply: Reply) -> Reply:
        operation = ask.path.removeprefix(BASE)
        if is_submit(ask) and reply.code == 400 and sent(ask) and may(operation, sent(ask)):
            body = json.dumps({**sent(ask), **change}).encode()
            return gateway._route(replace(ask, body=body))
        return inner(ask, reply)

    gateway.edit = edit


def key_in_polling_url(body: Members) -> Members:
    return {**body, "polling_url": f"{body['polling_url']}?key={KEY}"}


def early(gateway: FakeGateway, seconds: float) -> None:
    """Callbacks go out so many seconds before the state that they tell."""

    def due() -> list[tuple[str, str, bytes]]:
        then = gateway.now() + seconds
        ready = [(i, url) for at, i, url in gateway.calls if at <= then]
        gateway.calls = [call for call in gateway.calls if call[0] > then]
        return [(i, url, json.dumps(gateway.envelope(gateway.works[i], then)).encode()) for i, url in ready]

    gateway.due = due  # type: ignore[method-assign]  # this one gateway is wrong
