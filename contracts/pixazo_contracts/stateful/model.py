"""The state machine's model: of each accepted request the states that a read may still show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pixazo_contracts.clauses import UNDECIDED
from pixazo_contracts.trace import RANK, STATES, TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pixazo_contracts.trace import Exchange


ANY: Final = frozenset(STATES)

VALID_SUBMIT: Final = {"generate": "SUBMIT-01", "imageToVideo": "SUBMIT-02"}


@dataclass(frozen=True, slots=True)
class Objection:
    """An answer that the model rules out, and the clause that says so."""

    clause: str
    exchange: Exchange
    expected: str
    got: str


def followers(state: str) -> frozenset[str]:
    """The states that the status flow allows from `state` on, itself among them."""
    return frozenset(later for later in STATES if later == state or RANK[later] > RANK[state])


@dataclass(slots=True)
class _Request:
    """One accepted request: what was read last, and whether time has passed since."""

    last: str | None = None
    moved: bool = True

    def possible(self) -> frozenset[str]:
        if self.last is None:
            return ANY
        return followers(self.last) if self.moved else frozenset({self.last})


@dataclass(slots=True)
class Model:
    """What each request can still be; `frozen`: time passes only when we let it, so that reads cannot differ meanwhile."""

    frozen: bool = False
    _requests: dict[str, _Request] = field(default_factory=dict[str, _Request])

    def pass_time(self) -> None:
        """From now on any request may have moved on."""
        for request in self._requests.values():
            request.moved = True

    def possible(self, request_id: str) -> frozenset[str]:
        """The states that a read of this request may show now."""
        return self._requests[request_id].possible()

    def running(self) -> list[str]:
        """The requests that were not yet read at an end."""
        return [request_id for request_id, request in self._requests.items() if request.last not in TERMINAL]

    def observe(self, exchanges: Sequence[Exchange]) -> Iterator[Objection]:
        """Take in requests that were on the way at once, with an objection for each answer that cannot be."""
        for exchange in exchanges:
            yield from self._submitted(exchange)
        by_id: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            if exchange.state in RANK and exchange.request_id in self._requests:
                by_id.setdefault(exchange.request_id, []).append(exchange)
        for request_id, reads in by_id.items():
            yield from self._read(self._requests[request_id], reads)

    def _submitted(self, exchange: Exchange) -> Iterator[Objection]:
        if exchange.accepted_id is not None:
            self._requests.setdefault(exchange.accepted_id, _Request())
        elif exchange.is_submit and exchange.intent == "accept" and exchange.status not in UNDECIDED:
            got = f"no answer ({exchange.error})" if exchange.status is None else str(exchange.status)
            if not exchange.succeeded:
                yield Objection(VALID_SUBMIT[exchange.operation], exchange, "202, for no rule is broken", got)

    def _read(self, request: _Request, reads: Iterable[Exchange]) -> Iterator[Objection]:
        possible = request.possible()
        for read in reads:
            if read.state not in possible:
                expected = " or ".join(state for state in STATES if state in possible)
                yield Objection(self._broken(request), read, f"{expected}, after {request.last}", str(read.state))
        request.last = max((str(read.state) for read in reads), key=lambda state: RANK[state])
        request.moved = not self.frozen

    def _broken(self, request: _Request) -> str:
        """The clause that forbids what the last state rules out."""
        if not request.moved:
            return "STATUS-12"
        return "FLOW-03" if request.last in TERMINAL else "FLOW-01"
