"""What crossed the wire, in order, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
from msgspec.structs import force_setattr, replace

from pixazo_simulator.spec import HIDDEN, Header, PolicyDecision, classify, is_secret

from .part import Part

__all__ = ["Exchange", "Journal"]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a journal: exchanges kept, bytes kept of one body, bytes kept of the headers of one request."""

    exchanges: int = 4096
    body: int = 16 * 1024
    headers: int = 8 * 1024


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One request and its response on the wire `at` an instant (UTC milliseconds), `elapsed` real ms after the clock was made.

    `reason` says why the simulator gave this response. `request_id` names the generation concerned, `rule` and `faults` what a script did,
    `cut` what of the response the caller did not get, `hint` what to send instead where no route or known key matched,
    `former` the name of the deleted world whose key was sent. A status of 0 means that there was no response. `decided_by` are the points
    of the policy where another value would have given another response. `submitted` is the operation of a model file that was called.

    The journal gives the `number` and applies its bounds: longer bodies are cut, their lengths are kept; `headers_left_out`
    counts the request headers beyond the bound. Headers that contain secrets are kept first; where not even those fit, neither
    target, bodies nor reason are kept, since the secrets in them could not be redacted.
    """

    number: int
    at: int
    method: str
    target: str
    request_headers: Sequence[Header]
    request_body: bytes
    request_length: int
    status: int
    response_body: bytes
    reason: str
    response_headers: Sequence[Header] = ()
    response_length: int = 0
    request_id: str | None = None
    rule: str | None = None
    faults: tuple[str, ...] = ()
    cut: str | None = None
    hint: str | None = None
    headers_left_out: int = 0
    former: str | None = None
    elapsed: int = 0
    decided_by: tuple[PolicyDecision, ...] = ()
    submitted: str | None = None

    @property
    def operation(self) -> str | None:
        """The name in rules of the operation of the gateway that it was for, None where it was for none."""
        return self.submitted or classify(self.method, self.target.partition("?")[0]).name

    @property
    def expected(self) -> bool:
        """Whether a route and a known key of the gateway matched, or a rule answered; else `hint` says what did not match."""
        return self.hint is None


class Journal(Part):
    """The latest exchanges of a world; when it is full the oldest is dropped, and `dropped` counts those."""

    _limits: Limits = Limits()
    _exchanges: deque[Exchange] = msgspec.field(default_factory=deque[Exchange])
    total: int = 0
    """How many exchanges there were."""

    def __post_init__(self) -> None:
        self._exchanges = deque(maxlen=self._limits.exchanges)

    @property
    def dropped(self) -> int:
        return self.total - len(self._exchanges)

    def record(self, exchange: Exchange, header_bytes: int | None = None) -> None:
        """Enter an exchange; `header_bytes` is the size of its request headers at most, where the caller knows it."""
        self.total += 1
        limits = self._limits
        force_setattr(exchange, "number", self.total)  # it is new, and nothing else refers to it yet
        if len(exchange.request_body) > limits.body or len(exchange.response_body) > limits.body:
            bodies = exchange.request_body[: limits.body], exchange.response_body[: limits.body]
            exchange = replace(exchange, request_body=bodies[0], response_body=bodies[1])
        if header_bytes is None or header_bytes > limits.headers:
            headers, beyond = self._bounded(exchange.request_headers)
            exchange = replace(exchange, request_headers=headers, headers_left_out=len(beyond))
            if beyond and _is_secret(beyond[0]):
                exchange = replace(exchange, target=HIDDEN, request_body=b"", response_body=b"", reason=HIDDEN)
        self._exchanges.append(exchange)

    def cut(self, number: int, instant: int, cut: str) -> None:
        """Say what the caller did not get of a response, unless that is known, or another exchange has its number by now."""
        place = number - self.dropped - 1
        if 0 <= place < len(self) and (found := self._exchanges[place]).at == instant and found.cut is None:
            self._exchanges[place] = replace(found, cut=cut)

    def _bounded(self, headers: Sequence[Header]) -> tuple[Sequence[Header], Sequence[Header]]:
        """The headers that fit into the bound and those that do not, secrets first where some do not."""
        left = self._limits.headers
        if sum(len(name) + len(value) for name, value in headers) > left:
            headers = sorted(headers, key=_is_secret, reverse=True)
        for number, (name, value) in enumerate(headers):
            left -= len(name) + len(value)
            if left < 0:
                return headers[:number], headers[number:]
        return headers, ()

    def beyond(self, number: int) -> list[Exchange]:
        """The exchanges with a higher number, oldest first, in time proportional to their count."""
        new = max(0, min(self.total - number, len(self._exchanges)))
        return [*islice(reversed(self._exchanges), new)][::-1]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)


def _is_secret(header: Header) -> bool:
    return is_secret(header[0].decode("latin-1"))
