"""A response of the gateway: what the caller gets, what the journal keeps, and the effects that the server carries out."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import msgspec
from msgspec.structs import replace

from pixazo_simulator.script import Transmission, cut, injected, kind_of, transmission
from pixazo_simulator.spec import SECOND, Answer, Header, http_date
from pixazo_simulator.world import Exchange, Outcome, World

from .request import Request

_WITHOUT_LENGTH = (204, 304)
"""Status codes of responses that have no Content-Length here."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response to one request, complete at the instant for which it was computed.

    Its effects are values, which the server carries out in this order: a line for the `log`; `hold`, an instant of the world's clock by
    which due webhooks must have been attempted before anything is sent; `wakes`, a webhook may have become due; `pause`, real
    seconds; `transmission`, how the bytes are sent (empty: at once and whole).

    The rest is for the journal: why it was answered so, the generation concerned, what a script did, what to send instead. Of
    an `opaque` body, such as a video, the journal keeps the length only. `world` is the world whose journal it is, if any.
    """

    request: Request
    status: int
    headers: list[Header]
    body: bytes
    reason: str
    world: World | None = None
    request_id: str | None = None
    rule: str | None = None
    faults: tuple[str, ...] = ()
    hint: str | None = None
    opaque: bool = False
    log: str | None = None
    hold: int | None = None
    wakes: bool = False
    pause: float = 0.0
    transmission: Transmission = ()

    def dated(self, now: int) -> Response:
        """The same response with the Date of another instant (UTC milliseconds)."""
        return replace(self, headers=[(name, _date(now) if name == b"date" else value) for name, value in self.headers])

    def exchange(self, now: int) -> Exchange:
        """The entry for the journal."""
        request = self.request
        return Exchange(
            0, now, request.method, request.target, request.headers, request.body or b"", request.received, self.status,
            b"" if self.opaque else self.body, self.reason, self.headers, len(self.body), self.request_id, self.rule,
            self.faults, cut(self.transmission, len(self.body)), self.hint,
        )  # fmt: skip


def complete(
    request: Request,
    answer: Answer,
    now: int,
    world: World | None,
    outcome: Outcome | None = None,
    *,
    request_id: str | None = None,
    hint: str | None = None,
    log: str | None = None,
    wakes: bool = False,
) -> Response:
    """Make a response of an answer: apply the faults of the outcome's decision, then add Content-Length and Date."""
    decision = outcome.decision if outcome else None
    faults = decision.faults if decision else ()
    sent: Transmission = ()
    if outcome and faults:
        random = Random(outcome.seed)  # noqa: S311 - reproducible by design, guards nothing
        answer = injected(answer, faults, random)
        sent = transmission(faults, random)
    length = [] if answer.status in _WITHOUT_LENGTH else [(b"content-length", b"%d" % len(answer.body))]
    headers = [*answer.headers, *length, (b"date", _date(now))]
    return Response(
        request, answer.status, headers, answer.body, answer.reason, world, request_id, decision.label if decision else None,
        tuple(map(kind_of, faults)), hint, answer.opaque, log, outcome.hold if outcome else None, wakes, transmission=sent,
    )  # fmt: skip


def _date(now: int) -> bytes:
    return _date_of_second(now // SECOND)


@lru_cache(maxsize=64)
def _date_of_second(second: int) -> bytes:
    """The Date header follows the world's clock, since `created_at` is compared with it (TIME-08)."""
    return http_date(second * SECOND)
