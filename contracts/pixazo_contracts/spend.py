"""The spend guard: the layer that no request can go round, which pays for every possible generation before it is sent.

It knows nothing of probes or clauses. A request is free if it can only read: a GET or HEAD of a status, or of another origin.
Any other request to the target might begin a generation on a gateway that is wrong enough, so it reserves one first. The
answer settles: a 4xx without a `request_id` gives the reservation back, everything else (2xx, 3xx, 5xx, no answer) spends it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixazo_contracts.target import STATUS_BASE, Ceilings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pixazo_contracts.conversation import Send
    from pixazo_contracts.transport import Reply, Transport

__all__ = ["BudgetExhaustedError", "Ledger", "LedgerEntry", "SpendGuard", "remaining"]


class BudgetExhaustedError(Exception):
    """A request was not sent because no generation is left to reserve for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of the ledger: a reservation, what became of it, or a generation that finished."""

    at: str
    run: str
    event: str
    number: int = 0
    request_id: str | None = None
    media_url: str | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """An append-only file of reservations and their fates; without a path it lives in memory only.

    A reservation without a fate is of a run that died: it counts as spent.
    """

    def __init__(self, path: Path | None, run: str, now: Callable[[], datetime] = _now) -> None:
        self._path = path
        self._run = run
        self._now = now
        self._entries: list[LedgerEntry] = [] if path is None or not path.exists() else list(_read(path))

    def write(
        self, event: str, *, number: int = 0, request_id: str | None = None, media_url: str | None = None
    ) -> None:
        """Append one entry and have it on the disk before returning."""
        at = self._now().isoformat(timespec="milliseconds")
        entry = LedgerEntry(
            at=at, run=self._run, event=event, number=number, request_id=request_id, media_url=media_url
        )
        self._entries.append(entry)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({name: getattr(entry, name) for name in entry.__slots__}) + "\n")

    def spent(self, since: str = "") -> int:
        """Reservations of all runs since a day or month (`2026-03-31`, `2026-03`) that were not given back."""
        fates = {(e.run, e.number): e for e in self._entries if e.event in {"spend", "release"}}
        return sum(
            entry.event == "reserve"
            and entry.at >= since
            and getattr(fates.get((entry.run, entry.number)), "event", "spend") == "spend"
            for entry in self._entries
        )

    def room(self, ceilings: Ceilings) -> int | None:
        """Generations left under the ceilings of this day and this month; None if there is neither."""
        today = self._now().strftime("%Y-%m-%d")
        limits = ((ceilings.day, today), (ceilings.month, today[:7]))
        left = [ceiling - self.spent(since) for ceiling, since in limits if ceiling is not None]
        return max(0, min(left)) if left else None

    def finished(self) -> tuple[tuple[str, str | None], ...]:
        """Ids and media URLs of the generations that earlier runs saw finish."""
        return tuple(
            (entry.request_id, entry.media_url)
            for entry in self._entries
            if entry.event == "finished" and entry.request_id is not None and entry.run != self._run
        )


def _read(path: Path) -> Iterable[LedgerEntry]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield LedgerEntry(**json.loads(line))


def remaining(*limits: int | None) -> int | None:
    """The least of several limits; None if none of them is set."""
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _may_begin_generation(request: Send, origin: str) -> bool:
    """Whether a request could begin a generation on a gateway that is wrong enough."""
    parts, target = urlsplit(request.url), urlsplit(origin)
    elsewhere = (parts.hostname, parts.port) != (target.hostname, target.port)
    reads = request.method in {"GET", "HEAD"} and (request.operation == "media" or parts.path.startswith(STATUS_BASE))
    return not reads and not (elsewhere and request.method in {"GET", "HEAD"})


class SpendGuard:
    """Reserves a generation for each request that might begin one. A `budget` of None counts but never refuses."""

    def __init__(self, inner: Transport, origin: str, budget: int | None, ledger: Ledger) -> None:
        self._inner = inner
        self._origin = origin
        self._budget = budget
        self._ledger = ledger
        self._lock = threading.Lock()
        self._reserved = 0
        self._number = 0
        self.spent = 0
        self.refused = 0

    def send(self, request: Send) -> Reply:
        """Send a request that is free or paid for. Raises `BudgetExhaustedError` instead of sending any other."""
        if not _may_begin_generation(request, self._origin):
            return self._inner.send(request)
        number = self._reserve(request)
        try:
            reply = self._inner.send(request)
        except BaseException:
            # The fate of the request is unknown: that spends.
            self._settle(number, released=False)
            raise
        self._settle(number, released=_refused(reply))
        return reply

    def _reserve(self, request: Send) -> int:
        with self._lock:
            if self._budget is not None and self.spent + self._reserved >= self._budget:
                self.refused += 1
                raise BudgetExhaustedError(
                    f"{request.method} {request.case!r} was not sent: all {self._budget} generations of the budget are "
                    "spent or reserved; raise --max-generations"
                )
            self._reserved += 1
            self._number += 1
            if self._budget is not None:
                self._ledger.write("reserve", number=self._number)
            return self._number

    def _settle(self, number: int, *, released: bool) -> None:
        with self._lock:
            self._reserved -= 1
            self.spent += not released
            if self._budget is not None:
                self._ledger.write("release" if released else "spend", number=number)


def _refused(reply: Reply) -> bool:
    """Whether an answer makes sure that nothing was begun."""
    return reply.status is not None and 400 <= reply.status < 500 and b'"request_id"' not in reply.body
