"""The spend guard: every request passes this layer, and every possible generation is paid for here before it is sent.

The layer knows nothing of probes or clauses. A request is free if it can only read: a GET or HEAD of a status, of a medium,
or of another origin. Any other request might begin a generation on a gateway that is wrong enough, so it reserves one first.
The response settles: if the request was meant to be refused, a clear refusal (see `refusal`) gives the reservation back;
anything else spends it. Evidence that a reservation should not have been given back (see `releases`) ends the run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import Ceilings, only_reads

from .ledger import CeilingReachedError, Ledger, LedgerError
from .refusal import is_clear_refusal
from .releases import Releases
from .transport import Reply, Transport


class BudgetExhaustedError(Exception):
    """A request was not sent because no generation is left to reserve for it."""


class SpendStoppedError(BudgetExhaustedError):
    """A request was not sent because the run has ended: a reservation was wrongly given back, or the ledger failed."""


def remaining(*limits: int | None) -> int | None:
    """The least of several limits; None if none of them is set."""
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


@dataclass(eq=False)
class SpendGuard:
    """Reserves a generation for each request that might begin one. A `budget` of None counts but never refuses.

    `stopped` says why nothing more is sent at all; None while the run goes on. `ceiling` is the ceiling of the ledger that
    kept a request from being sent.
    """

    _inner: Transport
    _origin: str
    _budget: int | None
    _ledger: Ledger
    _ceilings: Ceilings = field(default_factory=Ceilings)
    _releases: Releases = field(default_factory=Releases)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _reserved: int = field(init=False, default=0)
    _number: int = field(init=False, default=0)
    spent: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    ceiling: str | None = field(init=False, default=None)
    stopped: str | None = field(init=False, default=None)

    @property
    def released(self) -> int:
        """How many reservations were given back."""
        return self._releases.count

    def send(self, request: Send) -> Reply:
        """Send a request that is free or paid for; the reply to what counts as a generation says so.

        Raises `BudgetExhaustedError` instead of sending any other, `SpendStoppedError` once the run has ended.
        """
        if self.stopped is not None:
            raise SpendStoppedError(self.stopped)
        if only_reads(request.method, request.url, self._origin, media=request.operation == "media"):
            reply = self._inner.send(request)
            if self._budget is not None:
                self._releases.read(request, reply)
                self._watch()
            return reply
        number = self._reserve(request)
        try:
            reply = self._inner.send(request)
        except BaseException:
            # Nobody knows how far the request came: that spends.
            self._settle(number, request, None, released=False)
            raise
        # A request that may be accepted spends even if the gateway says that it was not: only its word is against that.
        meant = self._budget is None or request.intent == "refuse"
        released = self._settle(number, request, reply, released=meant and is_clear_refusal(request, reply))
        return reply if released or self._budget is None else replace(reply, spent=True)

    def callback_received(self, method: str, target: str, body: bytes) -> None:
        """A request reached our receiver: it may show that a reservation should not have been given back."""
        if self._budget is not None:
            self._releases.called(method, target, body)
            self._watch()

    def _reserve(self, request: Send) -> int:
        if self._budget is None:
            return 0
        with self._lock:
            if self.spent + self._reserved >= self._budget:
                self.refused += 1
                raise BudgetExhaustedError(
                    f"{request.method} {request.case!r} was not sent: all {self._budget} generations of the budget are "
                    "spent or reserved; raise --max-generations"
                )
            try:
                self._ledger.reserve(self._number + 1, self._ceilings)
            except CeilingReachedError as error:
                self.refused += 1
                self.ceiling = str(error)
                raise BudgetExhaustedError(f"{request.method} {request.case!r} was not sent: {error}") from None
            except LedgerError as error:
                self.stopped = str(error)
                raise SpendStoppedError(self.stopped) from None
            self._reserved += 1
            self._number += 1
            self._releases.began()
            return self._number

    def _settle(self, number: int, request: Send, reply: Reply | None, *, released: bool) -> bool:
        """Give a reservation back or spend it; returns whether it was given back."""
        with self._lock:
            most = self._ceilings.refused
            released = released and (most is None or self.released < most)
            self.spent += not released
            if self._budget is None:
                return released
            self._reserved -= 1
            self._releases.settled(request, reply, released=released)
            try:
                self._ledger.settle(number, released=released)
            except LedgerError as error:
                # In the ledger the reservation stands, which spends it. The reply is kept, and nothing more is sent.
                self.stopped = str(error)
        self._watch()
        return released

    def _watch(self) -> None:
        """End the run if a reservation should not have been given back, and count that generation after all."""
        wrong = self._releases.wrong()
        with self._lock:
            if wrong is None or self.stopped is not None:
                return
            self.stopped = wrong
            self.spent += 1
            self._number += 1
            try:
                self._ledger.reserve(self._number)
            except LedgerError as error:
                self.stopped = f"{wrong}; {error}"
