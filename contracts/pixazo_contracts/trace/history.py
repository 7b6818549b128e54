"""Each generation as observed: its submit, its reads, its callbacks, its downloads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from .exchange import Callback, Exchange

#: Response Fields: "QUEUED, PROCESSING, COMPLETED, FAILED, or ERROR"; and those of them that end a generation.
STATES: Final = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")
TERMINAL: Final = frozenset(STATES[2:])

#: Position of each state along the page's Status Flow; the three ends share one.
RANK: Final = {"QUEUED": 0, "PROCESSING": 1, "COMPLETED": 2, "FAILED": 2, "ERROR": 2}


@dataclass(frozen=True)
class Generation:
    """One accepted submit; `reads` are all reads of its status by the account that submitted it, by the time they began."""

    request_id: str
    submit: Exchange
    reads: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    downloads: tuple[Exchange, ...] = ()

    @cached_property
    def seen(self) -> tuple[Exchange, ...]:
        """The reads that showed one of the five states."""
        return tuple(read for read in self.reads if read.state in RANK)

    @property
    def ends(self) -> tuple[Exchange, ...]:
        """The reads that showed a terminal state."""
        return tuple(read for read in self.seen if read.state in TERMINAL)

    @property
    def outcome(self) -> str | None:
        """The first terminal state that was read, or None."""
        return self.ends[0].state if self.ends else None

    def ordered(self) -> Iterator[tuple[Exchange, Exchange]]:
        """Neighbouring reads of which the first had ended before the second began: only those have an order."""
        return ((a, b) for a, b in pairwise(self.seen) if a.finished <= b.started)

    def readers(self) -> dict[str, tuple[Exchange, ...]]:
        """The reads by the reader that made them."""
        names = dict.fromkeys(read.reader for read in self.seen)
        return {name: tuple(read for read in self.seen if read.reader == name) for name in names}

    @property
    def webhook_urls(self) -> dict[str, str]:
        """The URLs that the submit gave, by channel: `header`, `member`."""
        return _webhook_urls(self.submit)


def _webhook_urls(submit: Exchange) -> dict[str, str]:
    urls = {"header": submit.request_header("X-Webhook-URL"), "member": submit.sent.get("callback_url")}
    return {name: url for name, url in urls.items() if isinstance(url, str) and url.startswith(("http://", "https://"))}


def _token(url: str) -> str:
    """The last segment of a receiver URL's path, which the receiver makes unique to one submit."""
    return urlsplit(url).path.rpartition("/")[2]


def _is_read(exchange: Exchange) -> bool:
    """Whether a request reads the status of its id: a `polling_url` that is fetched as given may name another."""
    names_it = urlsplit(exchange.url).path.endswith(f"/{exchange.request_id}")
    return exchange.operation == "status" and exchange.method == "GET" and names_it


class History:
    """All generations of a run, found by what their submits were answered."""

    def __init__(self, exchanges: tuple[Exchange, ...], callbacks: tuple[Callback, ...]) -> None:
        submits: dict[str, Exchange] = {}
        reads: dict[tuple[str, str], list[Exchange]] = {}
        downloads: dict[str, list[Exchange]] = {}
        for exchange in sorted(exchanges, key=lambda exchange: (exchange.started, exchange.number)):
            if (accepted := exchange.accepted_id) is not None:
                submits.setdefault(accepted, exchange)
            if exchange.request_id is not None and _is_read(exchange):
                reads.setdefault((exchange.request_id, exchange.account), []).append(exchange)
            if exchange.operation == "media" and exchange.request_id is not None:
                downloads.setdefault(exchange.request_id, []).append(exchange)
        called = self._sort(submits, callbacks)
        self.generations = tuple(
            Generation(
                request_id,
                submit,
                tuple(reads.get((request_id, submit.account), ())),
                tuple(called[request_id]),
                tuple(downloads.get(request_id, ())),
            )
            for request_id, submit in submits.items()
        )
        self.by_id = {generation.request_id: generation for generation in self.generations}

    @staticmethod
    def _sort(submits: dict[str, Exchange], callbacks: tuple[Callback, ...]) -> dict[str, list[Callback]]:
        """The callbacks by generation: by the URL called, unless the body names a generation that gave no URL."""
        owner: dict[str, str] = {}
        for request_id, submit in submits.items():
            for url in _webhook_urls(submit).values():
                owner.setdefault(_token(url), request_id)
        called: dict[str, list[Callback]] = {request_id: [] for request_id in submits}
        for callback in callbacks:
            named: object = callback.members.get("request_id")
            stray = isinstance(named, str) and named in submits and named not in owner.values()
            owned = named if stray else owner.get(_token(callback.target), named)
            if isinstance(owned, str) and owned in called:
                called[owned].append(callback)
        return called
