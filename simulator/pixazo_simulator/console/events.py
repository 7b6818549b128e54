"""The server-sent events of an open page: the time of the world, and a notice when something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from zlib import crc32

from pixazo_html.serving import CHANGED
from pixazo_simulator.spec import snapshot, timestamp

if TYPE_CHECKING:
    from pixazo_simulator.world import World, Worlds

TICK = 1.0
"""Seconds between two events with the time, and between two checks for changes without a notification, such as a new rule."""
MOST_LINES = 50
"""Generations that a page shows."""
PAUSE = 0.3
"""Least seconds between two `changed` events, so a burst of changes refreshes the page once."""


async def events(world: World | None, worlds: Worlds, shown: str) -> AsyncIterator[str]:
    """Server-sent events: the time as text, `changed` when the page is out of date, until there is no such world.

    `shown` is the `checksum` of the page.
    """
    if world is None:
        yield CHANGED
        return
    happened, loop = asyncio.Event(), asyncio.get_running_loop()
    with world.notifier.listening(lambda: loop.call_soon_threadsafe(happened.set)):
        sent = ""
        yield ": the events of a world\n\n"
        while worlds.numbered(world.number) is world:
            if (time := clock_text(world)) != sent:
                sent = time
                yield f"data: {time}\n\n"
            if (now := checksum(world, worlds)) != shown:
                shown = now
                yield CHANGED
                await asyncio.sleep(PAUSE)
            try:
                async with asyncio.timeout(TICK):
                    await happened.wait()
            except TimeoutError:
                pass
            happened.clear()
        yield CHANGED


def clock_text(world: World) -> str:
    """The time of the world, to the second where its clock runs."""
    text = timestamp(world.clock.now())
    return f"{text[:10]} {text[11:19] if world.clock.rate else text[11:23]}"


def checksum(world: World, worlds: Worlds) -> str:
    """A checksum of everything that a page shows: while it is the same, the page is up to date."""
    with worlds.lock:
        account, now = world.account, world.clock.now()
        rules = [(each.number, each.matched, *each.used) for each in world.script.listed()]
        statuses = [snapshot(each.accepted, each.plan, now).status for each in world.generations()[-MOST_LINES:]]
        shown = (
            world.journal.total, world.accepted, statuses, world.next_due(), len(world.deliveries()), world.policy, rules,
            account.ledger.balance(now), account.suspended, account.model_enabled, 0 if world.clock.rate else now,
        )  # fmt: skip
    return f"{crc32(repr(shown).encode(errors='replace')):08x}"
