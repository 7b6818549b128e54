"""The simulator without a socket: transports of httpx2 and httpx, and the ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2
import pytest

from pixazo_simulator.control import ControlClient, to_json
from pixazo_simulator.script.faults import Hang
from pixazo_simulator.script.rule import EXAMPLES, Rule
from pixazo_simulator.server.simulator import Simulator

GENERATE = "/minimax-hailuo-ai/v1/generate"
STATUS = "/v2/requests/status/"
BEAR = {"prompt": "A bear"}
KEY = "Ocp-Apim-Subscription-Key"
LIBRARIES: list[Any] = [httpx2, httpx]

Send = Callable[..., Any]
"""Sends one request: method, URL and options of a client."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator."""
    with Simulator() as running:
        yield running


@contextmanager
def world_of(simulator: Simulator, *rules: Rule | None) -> Iterator[ControlClient]:
    """A world with these rules, always with the same key."""
    control = simulator.control("of-a-test")
    control.create_world(key="of-a-test", script=[rule for rule in rules if rule])
    yield control
    control.delete_world()


@contextmanager
def blocking(library: Any, simulator: Simulator, *, in_process: bool, **options: Any) -> Iterator[Send]:
    """A blocking client."""
    transport = simulator.transport() if in_process else None
    headers = {KEY: "of-a-test"}
    with library.Client(
        transport=transport, base_url=simulator.url, headers=headers, verify=False, **options
    ) as client:
        yield client.request


@contextmanager
def on_asyncio(library: Any, simulator: Simulator, *, in_process: bool, **options: Any) -> Iterator[Send]:
    """An asynchronous client."""
    transport = simulator.transport() if in_process else None
    headers = {KEY: "of-a-test"}
    with asyncio.Runner() as runner:
        client = library.AsyncClient(
            transport=transport, base_url=simulator.url, headers=headers, verify=False, **options
        )

        async def send(*arguments: Any, **options: Any) -> Any:
            return await client.request(*arguments, **options)

        yield lambda *arguments, **options: runner.run(send(*arguments, **options))
        runner.run(client.aclose())


RULES = {"no fault": None} | {kind: rule for kind, rule in EXAMPLES.items() if rule.when != "webhook"}
CLIENTS = pytest.mark.parametrize("client", [blocking, on_asyncio])


def outcome(send: Send, *arguments: Any, **options: Any) -> object:
    """What a caller sees: status line, headers and body, or the class of an exception."""
    try:
        response = send(*arguments, **options)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is compared
        return type(error)
    extensions = {name: response.extensions.get(name) for name in ("http_version", "reason_phrase")}
    return response.status_code, extensions, response.headers.raw, response.content


def conversation(send: Send, control: ControlClient) -> list[object]:
    """Two submissions, reads of one before and after its end, and downloads of its video."""
    seen = [outcome(send, "POST", GENERATE, json=BEAR) for _ in range(2)]
    request_id = control.generations().generations[0].request_id
    seen.append(outcome(send, "GET", STATUS + request_id))
    control.advance(60)
    media = f"/v1/{request_id}/output.mp4"
    return [*seen, *(outcome(send, *call) for call in (("GET", STATUS + request_id), ("GET", media), ("HEAD", media)))]


@pytest.mark.parametrize("library", LIBRARIES)
@CLIENTS
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_fault_looks_as_over_the_socket(
    simulator: Simulator, rule: Rule | None, client: Any, library: Any
) -> None:
    """The same responses, exceptions and journal."""
    seen: list[object] = []
    patience = 0.4 if rule and rule.faults == (Hang(),) else 10
    for in_process in (False, True):
        with world_of(simulator, rule) as control:
            with client(library, simulator, in_process=in_process, timeout=patience) as send:
                seen.append((conversation(send, control), to_json(control.journal())))
    assert seen[1] == seen[0]
