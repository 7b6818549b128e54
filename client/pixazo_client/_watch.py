"""One wait for a Generation: its deadline, and what it has seen."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._calls import read_request, understand
from ._errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    GenerationFailedError,
    GenerationSystemError,
    WaitTimeoutError,
)
from ._models import ERROR, KNOWN
from ._pacing import is_transient
from ._steps import Pause

if TYPE_CHECKING:
    from ._models import Generation
    from ._session import Session
    from ._steps import Answer, Flow


LAST_READ = 10.0
"""Seconds that a read may take even if the deadline is nearer."""

logger = logging.getLogger("pixazo_client")


class Watch:
    """Reads at the pace of Polling until a terminal answer or the deadline, whatever comes first.

    No pause ends after the deadline, and one read is made at it, for which LAST_READ seconds remain.
    """

    def __init__(self, session: Session, request_id: str, url: str, timeout: Any) -> None:
        if not isinstance(timeout, int | float) or not timeout >= 0:
            raise ValueError(f"timeout is {timeout!r}: give seconds, 0 or more")
        self._session = session
        self._request_id = request_id
        self._url = url
        self._started = session.monotonic()
        self._deadline = self._started + timeout
        self._last: Generation | None = None
        self._failure: APIError | None = None
        self._reported: set[str] = set()
        self._begun = False
        self._at_deadline = False

    @property
    def is_over(self) -> bool:
        """Was a terminal answer seen?"""
        return self._last is not None and self._last.is_terminal

    def next_update(self) -> Flow[Generation]:
        """The next answer that differs from the one before; not to be asked for when it is over.

        Raises:
            WaitTimeoutError: the deadline passed first.
            APIError: a read failed in a way that a later one cannot mend.
        """
        while True:
            if self._begun:
                yield Pause(self._pause())
            self._begun = True
            generation = yield from self._poll()
            if generation is not None and generation != self._last:
                self._last = generation
                self._report_unknown(generation.status)
                return generation

    def _pause(self) -> float:
        now = self._session.monotonic()
        remaining = self._deadline - now
        if self._at_deadline or remaining <= 0:
            raise WaitTimeoutError(self._request_id, self._last, now - self._started) from self._failure
        asked = self._failure.retry_after if isinstance(self._failure, APIStatusError) else None
        interval = max(self._session.polling.interval(), asked or 0)
        self._at_deadline = interval >= remaining
        return min(interval, remaining)

    def _poll(self) -> Flow[Generation | None]:
        gateway = self._session.gateway
        send = read_request(gateway, self._url, max(self._deadline - self._session.monotonic(), LAST_READ))
        answer: Answer = yield send
        try:
            generation = understand(gateway, send, answer, self._request_id)
        except APIError as error:
            # A garbled answer says nothing about the work; the next one may be whole.
            if not is_transient(answer) and not isinstance(error, APIResponseValidationError):
                raise
            logger.info("%s; reading again", error)
            self._failure = error
            return None
        self._failure = None
        return generation

    def _report_unknown(self, status: str) -> None:
        if status not in KNOWN and status not in self._reported:
            self._reported.add(status)
            logger.warning("request %r has the unknown status %r: taken as not ended", self._request_id, status)


def outcome(generation: Generation, *, raise_on_failure: bool) -> Generation:
    """The terminal Generation, or its failure raised.

    Raises:
        GenerationFailedError: it is FAILED.
        GenerationSystemError: it is ERROR.
    """
    if generation.succeeded or not raise_on_failure:
        return generation
    told = f"request {generation.request_id!r} ended {generation.status}: {generation.error or 'no reason given'}"
    if generation.status == ERROR:
        raise GenerationSystemError(f"{told}; a system error is not charged: submit it again", generation)
    raise GenerationFailedError(f"{told}; change what you ask for before submitting again", generation)
