"""Journals an exchange, then lets its answer leave, harmed by the faults of the rule that decided."""

from __future__ import annotations

import msgspec
from starlette.types import Scope

from pixazo_simulator.script import Decision, content_type, edited, garbled, kind_of
from pixazo_simulator.spec import SECOND, Answer, Header, http_date
from pixazo_simulator.world import World, Worlds

from .fault_injection import STRIKES, leave, strike_of
from .request import HEAD, Incoming

_MOST_DATES = 64
_LENGTHLESS = (204, 304)


class Replies:
    """The last stage of every route of the gateway."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._dates: dict[int, bytes] = {}

    async def give(
        self,
        asked: Incoming,
        world: World | None,
        answer: Answer,
        request_id: str | None = None,
        decision: Decision | None = None,
        hint: str | None = None,
    ) -> None:
        """Answer a request of a world, or of nobody; `request_id` names the generation concerned, `hint` what was meant."""
        if decision and world:
            await self._give_harmed(asked, world, answer, request_id, decision)
            return
        world = world or asked.door
        clock, journal = (
            (world.clock, world.journal) if world else (self._worlds.unmatched_clock, self._worlds.unmatched)
        )
        now, scope = clock.now(), asked.scope
        headers = self._headers(answer, now)
        journal.record(
            now, scope["method"], target_of(scope), scope["headers"], asked.body, answer.status, answer.body, answer.reason,
            headers, request_id, hint, opaque=answer.opaque, head=scope.get(HEAD), length=asked.received,
        )  # fmt: skip
        await asked.send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await asked.send({"type": "http.response.body", "body": answer.body})

    async def _give_harmed(
        self, asked: Incoming, world: World, answer: Answer, request_id: str | None, decision: Decision
    ) -> None:
        faults, scope, now = decision.step.faults, asked.scope, world.clock.now()
        answer = _harmed(answer, decision, world)
        headers, strike = self._headers(answer, now), strike_of(faults, world.chance)
        cut = strike.cut(len(answer.body)) if strike else None
        world.journal.record(
            now, scope["method"], target_of(scope), scope["headers"], asked.body, answer.status, answer.body, answer.reason,
            headers, request_id, None, decision.label, tuple(map(kind_of, faults)), cut,
            opaque=answer.opaque, head=scope.get(HEAD), length=asked.received,
        )  # fmt: skip
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if strike and STRIKES not in scope:
            await leave(strike, scope, asked.receive, asked.send, start, answer.body)
            return
        if strike:
            scope[STRIKES].append(strike)
        await asked.send(start)
        await asked.send({"type": "http.response.body", "body": answer.body})

    def _headers(self, answer: Answer, now: int) -> list[Header]:
        if answer.status in _LENGTHLESS:
            return [*answer.headers, (b"date", self._date(now))]
        return [*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"date", self._date(now))]

    def _date(self, now: int) -> bytes:
        second = now // SECOND
        if second not in self._dates:
            if len(self._dates) >= _MOST_DATES:
                self._dates.clear()
            self._dates[second] = http_date(now)
        return self._dates[second]


def _harmed(answer: Answer, decision: Decision, world: World) -> Answer:
    """An answer as the faults have it; the bytes that a caller is to get are drawn from the seed of the world."""
    faults = decision.step.faults
    if kind := content_type(faults):
        rest = tuple(header for header in answer.headers if header[0] != b"content-type")
        answer = msgspec.structs.replace(answer, headers=((b"content-type", kind.encode()), *rest))
    body = garbled(edited(answer.body, faults), faults, world.chance)
    return answer if body == answer.body else msgspec.structs.replace(answer, body=body)


def target_of(scope: Scope) -> str:
    """Path and query as they were sent."""
    path: str = scope["path"]
    return f"{path}?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else path
