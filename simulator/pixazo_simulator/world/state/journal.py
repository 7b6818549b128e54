"""What was said on the wire, in order, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

import msgspec

from pixazo_simulator.spec import HIDDEN, is_secret

from .notifier import Bell

Header = tuple[bytes, bytes]


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a journal: exchanges kept, bytes kept of one body, bytes kept of the headers of one request."""

    exchanges: int = 4096
    body: int = 16 * 1024
    headers: int = 8 * 1024


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One request and its answer: number, instant (UTC milliseconds), and both sides as they crossed the wire.

    `reason` tells why the simulator answered so; bodies longer than the limit are cut, their length is kept; of headers beyond
    the limit `headers_left_out` says how many: those that hold secrets are kept first, and where not even they fit neither target,
    bodies nor reason are kept. `request_id` names the generation concerned, `rule` and `faults` what struck,
    `cut` what of the answer the caller did not get, `hint` what to send instead where no route or known key stood behind it.
    A status of 0 means that nothing was answered.
    """

    number: int
    instant: int
    method: str
    target: str
    request_headers: list[Header]
    request_body: bytes
    request_length: int
    status: int
    response_body: bytes
    reason: str
    response_headers: list[Header] = []
    response_length: int = 0
    request_id: str | None = None
    rule: str | None = None
    faults: tuple[str, ...] = ()
    cut: str | None = None
    hint: str | None = None
    headers_left_out: int = 0

    @property
    def expected(self) -> bool:
        """Whether a route and a known key of the gateway stood behind it, or a rule answered it."""
        return self.hint is None


class Journal:
    """The latest exchanges of a world; when it is full the oldest gives way, and `dropped` says how many did.

    `bell` rings at each new one.
    """

    __slots__ = ("_bell", "_exchanges", "_limits", "_total")

    def __init__(self, limits: Limits, bell: Bell | None = None) -> None:
        self._bell = bell or Bell()
        self._limits = limits
        self._exchanges: deque[Exchange] = deque(maxlen=limits.exchanges)
        self._total = 0

    @property
    def total(self) -> int:
        """How many exchanges there were."""
        return self._total

    @property
    def dropped(self) -> int:
        """How many exchanges had to give way."""
        return self._total - len(self._exchanges)

    def twin(self) -> Journal:
        """One with the same exchanges, that goes its own way unheard."""
        other = Journal(self._limits)
        other._exchanges, other._total = self._exchanges.copy(), self._total
        return other

    def record(
        self,
        instant: int,
        method: str,
        target: str,
        headers: list[Header],
        body: bytes,
        status: int,
        answer: bytes,
        reason: str,
        response_headers: list[Header] | None = None,
        request_id: str | None = None,
        hint: str | None = None,
        rule: str | None = None,
        faults: tuple[str, ...] = (),
        cut: str | None = None,
        *,
        opaque: bool = False,
        head: int | None = None,
        length: int | None = None,
    ) -> None:
        """Enter one exchange, before its answer leaves.

        Of an `opaque` answer only the length is kept; `head` says how many bytes the request's headers have at most, if known,
        `length` how many bytes its body has, of which `body` may be only the beginning.
        """
        self._total += 1
        limits, left_out = self._limits, 0
        length = len(body) if length is None else length
        if head is None or head > limits.headers:
            headers, beyond = self._bounded(headers)
            left_out = len(beyond)
            if beyond and _is_secret(beyond[0]):  # so nobody could take it out of the rest
                target, body, reason, opaque = HIDDEN, b"", HIDDEN, True
        self._exchanges.append(
            Exchange(
                self._total, instant, method, target, headers, body[: limits.body],
                length, status,
                b"" if opaque else answer[: limits.body], reason, response_headers or [], len(answer),
                request_id, rule, faults, cut, hint, left_out,
            )
        )  # fmt: skip
        self._bell.ring()

    def _bounded(self, headers: list[Header]) -> tuple[list[Header], list[Header]]:
        """The first headers that fit into the bound, and those that do not; where some do not, secrets are the first."""
        left = self._limits.headers
        if sum(len(name) + len(value) for name, value in headers) > left:
            headers = sorted(headers, key=_is_secret, reverse=True)
        for number, (name, value) in enumerate(headers):
            left -= len(name) + len(value)
            if left < 0:
                return headers[:number], headers[number:]
        return headers, []

    def amend(self, status: int, headers: list[Header], answer: bytes, reason: str) -> None:
        """Correct the answer of the latest exchange, which was changed on its way out; the reason is added to."""
        if self._exchanges:
            latest = self._exchanges[-1]
            self._exchanges[-1] = msgspec.structs.replace(
                latest,
                status=status,
                response_headers=headers,
                response_body=b"" if latest.target == HIDDEN else answer[: self._limits.body],
                response_length=len(answer),
                reason=f"{latest.reason}; {reason}",
            )

    def beyond(self, number: int) -> list[Exchange]:
        """Those with a higher number, oldest first; it takes time in proportion to them only."""
        new = max(0, min(self._total - number, len(self._exchanges)))
        return [*islice(reversed(self._exchanges), new)][::-1]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)


def _is_secret(header: Header) -> bool:
    return is_secret(header[0].decode("latin-1"))
