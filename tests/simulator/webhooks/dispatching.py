"""A dispatcher with one world, and a receiver that a test controls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.patience import PATIENCE
from tests.simulator.samples import KEY, START

from pixazo_simulator.script.rule import Rule
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.webhooks.dispatcher import AdvanceEvent, Dispatcher
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import WebhookRequest
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.commands import Transition
from pixazo_simulator.world.registry import Settings, Worlds
from pixazo_simulator.world.world import World

__all__ = ["HOOK", "PATIENCE", "Receiver", "drive", "due_events", "settings", "through"]

HOOK = "http://127.0.0.1:9/hook"


class Receiver:
    """Replaces the network: records every webhook and returns the outcomes that the test chooses."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.webhooks: list[WebhookRequest] = []
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.turnstile = False
        self._outcomes = list(outcomes) or [Outcome(204)]

    async def post(self, webhook: WebhookRequest) -> Outcome:
        """Take a webhook when the receiver is open; a turnstile closes behind each."""
        self.webhooks.append(webhook)
        self.arrived.set()
        await self.open.wait()
        if self.turnstile:
            self.open.clear()
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]


def settings(clock: Callable[[], Clock] = Clock.manual, script: tuple[Rule, ...] = (), **policy: object) -> Settings:
    """Settings of one world under the key of the specimens."""
    return Settings(keys=(KEY,), policy=PROFILES["documented"].changed(policy), clock=clock, script=script)


def drive(
    doing: Callable[[Dispatcher, World, Receiver], Awaitable[Any]], having: Settings | None = None, *outcomes: Outcome
) -> Any:
    """Run a test's coroutine against a dispatcher, its one world and the network."""

    async def run() -> Any:
        worlds = Worlds(having or settings())
        receiver = Receiver(*outcomes)
        dispatcher = Dispatcher(worlds, receiver.post)
        (world,) = worlds
        async with asyncio.timeout(PATIENCE):
            try:
                return await doing(dispatcher, world, receiver)
            finally:
                await dispatcher.close()

    return asyncio.run(run())


Doing = TypeVar("Doing", bound=Callable[..., Awaitable[None]])


def through(run: Callable[..., Any], *given: Any, **more: Any) -> Callable[[Doing], Callable[[], None]]:
    """Makes a test of a coroutine, which a function such as `drive` runs, with what else that is given."""

    def made(doing: Doing) -> Callable[[], None]:
        def test() -> None:
            run(doing, *given, **more)

        test.__name__, test.__doc__ = doing.__name__, doing.__doc__
        return test

    return made


def due_events(events: list[AdvanceEvent]) -> list[tuple[float, object]]:
    """Seconds after the start, and the event: a status, or the outcome of an attempt."""
    return [
        ((each.at - START) / 1000, each.status)
        if isinstance(each, Transition)
        else ((each[1].at - START) / 1000, each[1].problem or each[1].status)
        for each in events
    ]
