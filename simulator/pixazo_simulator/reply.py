"""Journals an exchange, then lets its answer leave, harmed by the faults of the rule that decided."""

from __future__ import annotations

import re

import msgspec

from .clock import SECOND
from .damage import content_type, edited, garbled
from .faults import kind_of
from .incoming import Incoming
from .journal import REDACTED
from .script import Decision
from .strike import STRIKES, leave, strike_of
from .wire import QUERY_KEY, Answer, Header, http_date
from .world import World
from .worlds import Worlds

__all__ = ["Replies"]

_SECRET_QUERY = re.compile(rf"({QUERY_KEY}=)[^&]*", re.IGNORECASE)
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
        *,
        request_id: str | None = None,
        decision: Decision | None = None,
        hint: str | None = None,
    ) -> None:
        """Answer a request of a world, or of nobody; `request_id` names the generation concerned, `hint` what was meant."""
        clock, journal = (world.clock, world.journal) if world else (self._worlds.lobby_clock, self._worlds.lobby)
        now = clock.now()
        if decision and world:
            await self._give_harmed(asked, world, answer, request_id, decision, now)
            return
        headers = self._headers(answer, now)
        scope, reason = asked.scope, answer.reason
        journal.record(
            now, scope["method"], _target(asked), scope["headers"], asked.body, answer.status, answer.body, reason,
            response_headers=headers, opaque=answer.opaque, request_id=request_id, hint=hint,
        )  # fmt: skip
        await asked.send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await asked.send({"type": "http.response.body", "body": answer.body})

    async def _give_harmed(
        self, asked: Incoming, world: World, answer: Answer, request_id: str | None, decision: Decision, now: int
    ) -> None:
        faults, scope = decision.step.faults, asked.scope
        answer = _harmed(answer, decision, world)
        headers, strike = self._headers(answer, now), strike_of(faults, world.chance)
        world.journal.record(
            now, scope["method"], _target(asked), scope["headers"], asked.body, answer.status, answer.body, answer.reason,
            response_headers=headers, opaque=answer.opaque, request_id=request_id, rule=decision.label,
            faults=tuple(kind_of(fault) for fault in faults), cut=strike.cut(len(answer.body)) if strike else None,
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
        headers = [*answer.headers, (b"date", self._date(now))]
        if answer.status not in _LENGTHLESS:
            headers.insert(-1, (b"content-length", str(len(answer.body)).encode()))
        return headers

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


def _target(asked: Incoming) -> str:
    """Path and query as they were sent, without a key."""
    scope = asked.scope
    if not scope["query_string"]:
        path: str = scope["path"]
        return path
    query = _SECRET_QUERY.sub(rf"\1{REDACTED}", scope["query_string"].decode("latin-1"))
    return f"{scope['path']}?{query}"
