"""Processes large bodies one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pixazo_simulator.spec import SMALL_BODY


class BodyQueue:
    """Lets one large body, of `/_sim` or of the gateway, be processed at a time, each in a turn of the event loop, so others are served in between."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def slot(self, size: int) -> AsyncGenerator[None]:
        """Process a body of this many bytes. Nothing else may be awaited inside, since other large bodies wait."""
        if size <= SMALL_BODY:
            yield
            return
        async with self._lock:
            await asyncio.sleep(0)
            yield
