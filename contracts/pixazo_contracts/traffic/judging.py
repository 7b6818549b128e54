"""Judges the traffic of the proxy, one exchange after the other, in its own thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from pixazo_contracts.judge import Outcome
from pixazo_contracts.trace import Exchange

from .tape import Tape

MOST_UNJUDGED: Final = 1000
"""How many exchanges may wait to be judged."""


class Say(Protocol):
    """Says a line, or says it `once`."""

    def __call__(self, line: str, *, once: str = "") -> None: ...


class Judging:
    """Exchanges to judge; `say` gets what is wrong with them. It is made where the event loop runs."""

    def __init__(self, tape: Tape, say: Say) -> None:
        self._tape, self._say = tape, say
        self._waiting: dict[str, Exchange] = {}
        self._thread = ThreadPoolExecutor(1, "judge")
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether exchanges are still waiting."""
        return self._task is not None

    async def stop(self) -> None:
        """Judge nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(cancel_futures=True)

    def later(self, exchange: Exchange) -> None:
        """Judge an exchange after those before it; a later one of its generation may replace it."""
        if len(self._waiting) >= MOST_UNJUDGED:
            self._say("requests arrive faster than they are judged: the rest is judged at the end", once="unjudged")
            return
        self._waiting[exchange.accepted_id or exchange.request_id or str(exchange.number)] = exchange
        if self._task is None:
            self._task = asyncio.create_task(self._all())

    async def _all(self) -> None:
        try:
            while self._waiting:
                await self.now(self._waiting.pop(next(iter(self._waiting))))
        finally:
            self._task = None

    async def now(self, exchange: Exchange) -> list[str]:
        """Say what an exchange shows to be wrong; return the failed clauses."""
        window, loop = self._tape.window(exchange), asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._tape.violations, window)
        for clause, outcome, finding in found:
            number = finding.exchange or exchange.number
            where = f"{finding.where}: " if finding.where else ""
            said = f"{where}{finding.got}, expected {finding.expected}"
            self._say(f"{outcome.value} {clause} in exchange {number}: {said}  {finding.curl or ''}".rstrip())
        return list(dict.fromkeys(clause for clause, outcome, _ in found if outcome is Outcome.FAIL))
