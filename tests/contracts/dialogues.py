"""A dialogue with the fake gateway, in this process and on a virtual clock."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixazo_contracts.runner.clock import VirtualClock
from pixazo_contracts.runner.runner import RunOptions, converse
from tests.contracts.gateways.fake_gateway import FakeGateway
from tests.contracts.gateways.fake_server import call
from tests.contracts.observing import ZERO, InProcess, full_target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pixazo_contracts.runner.dialogue import Dialogue
    from pixazo_contracts.trace.target import Target
    from tests.contracts.gateways.fake_gateway import Ask, Reply, Work


@contextmanager
def talking(
    *,
    edit: Callable[[Ask, Reply], Reply] = lambda _, reply: reply,
    tell: Callable[[dict[str, object]], dict[str, object]] = lambda body: body,
    plan: Callable[[Work], Work] = lambda work: work,
    target: Target | None = None,
    options: RunOptions | None = None,
) -> Generator[tuple[Dialogue, FakeGateway]]:
    """A dialogue with a fake of these knobs, and that fake."""
    elapsed = 0.0
    gateway = FakeGateway(now=lambda: ZERO + elapsed, edit=edit, tell=tell, plan=plan)

    def advance(seconds: float) -> None:
        nonlocal elapsed
        elapsed += seconds
        for request_id, url, body in gateway.due():
            call(gateway, request_id, url, body)

    clock, wire = VirtualClock(advance), InProcess(gateway)
    chosen = options or RunOptions(run="talking0")
    with converse(target or full_target(), chosen, clock=clock, transport=wire) as dialogue:
        yield dialogue, gateway
