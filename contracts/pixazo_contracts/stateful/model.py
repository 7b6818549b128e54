"""The state machine's model: the states that a read of each accepted request may still show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pixazo_contracts.report import Objection
from pixazo_contracts.trace import RANK, STATES, TERMINAL, Exchange


def followers(state: str) -> frozenset[str]:
    """The states that the status flow allows from `state` on, itself included."""
    return frozenset(later for later in STATES if later == state or RANK[later] > RANK[state])


@dataclass(slots=True)
class _Request:
    """One accepted request: the last state that was read, and whether time may have passed since."""

    last: str | None = None
    moved: bool = True

    def possible(self) -> frozenset[str]:
        if self.last is None:
            return frozenset(STATES)
        return followers(self.last) if self.moved else frozenset({self.last})

    def broken(self) -> str:
        """The clause that forbids the states that are not possible."""
        if not self.moved:
            return "STATUS-12"
        return "FLOW-03" if self.last in TERMINAL else "FLOW-01"


@dataclass(slots=True)
class Model:
    """What state each request can be in; `frozen`: time passes only when the run waits, so reads in between must agree."""

    frozen: bool = False
    _requests: dict[str, _Request] = field(default_factory=dict[str, _Request])

    def pass_time(self) -> None:
        """Note that any request may be in a later state from now on."""
        for request in self._requests.values():
            request.moved = True

    def possible(self, request_id: str) -> frozenset[str]:
        """The states that a read of this request may show now."""
        return self._requests[request_id].possible()

    def running(self) -> list[str]:
        """The requests whose terminal state was not read yet."""
        return [request_id for request_id, request in self._requests.items() if request.last not in TERMINAL]

    def observe(self, exchanges: Sequence[Exchange]) -> Iterator[Objection]:
        """Note requests that were under way at the same time; yield an objection to each response that cannot be right."""
        by_id: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            if exchange.accepted_id is not None:
                self._requests.setdefault(exchange.accepted_id, _Request())
        for exchange in exchanges:
            if exchange.state in RANK and exchange.request_id in self._requests:
                by_id.setdefault(exchange.request_id, []).append(exchange)
        for request_id, reads in by_id.items():
            yield from self._read(self._requests[request_id], reads)

    def _read(self, request: _Request, reads: Iterable[Exchange]) -> Iterator[Objection]:
        possible = request.possible()
        for read in reads:
            if read.state not in possible:
                expected = " or ".join(state for state in STATES if state in possible)
                yield Objection(request.broken(), read, f"{expected}, after {request.last}", str(read.state))
        # Simultaneous reads have no order: the latest state that one of them shows is the last one.
        request.last = max((str(read.state) for read in reads), key=lambda state: RANK[state])
        request.moved = not self.frozen
