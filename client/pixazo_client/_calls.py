"""What a client does, and when. Each call is one coroutine for both kinds of client (see _transport)."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn, TypeGuard, TypeVar, cast
from urllib.parse import quote

from ._body import Download, shown_url
from ._errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    DownloadError,
    GenerationFailedError,
    GenerationSystemError,
    PixazoError,
    WaitTimeoutError,
)
from ._exchange import NoResponse, Outcome, Request, Response, arrived, beginning, failure, invalid, maybe_charged
from ._gateway import Gateway, is_id, shorten
from ._generation import ERROR, KNOWN, Generation
from ._models import generation_from
from ._transport import Transport

T = TypeVar("T")

LAST_READ = 10.0
"""Seconds that a read may take even if the deadline of its wait is nearer."""

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
LONGEST_RETRY_AFTER = 60.0
LONGEST_PAUSE = 3600.0
"""Seconds; the last one between two reads of a wait, whatever the gateway asks for."""

_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))  # NaN and Infinity are not JSON (RFC 8259, 6)

logger = logging.getLogger("pixazo_client")


@dataclass(frozen=True, slots=True)
class Polling:
    """The interval between two reads of a wait: 5 to 10 seconds, as the page advises (Typical Workflow, step 3).

    Attributes:
        shortest: seconds between two reads, at least.
        longest: seconds between two reads, at most.
        random: returns a number in [0, 1), which places each read within that range. It also spreads the backoffs, so
            that clients that failed together do not return together.

    Raises:
        ValueError: not 0 <= shortest <= longest.
    """

    shortest: float = 5.0
    longest: float = 10.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest:
            raise ValueError(f"Polling from {self.shortest} to {self.longest} s: give 0 <= shortest <= longest")

    def interval(self) -> float:
        """Seconds until the next read."""
        return self.shortest + (self.longest - self.shortest) * self.random()


def retry_pause(method: str, outcome: Outcome, attempt: int, limit: int, jitter: Callable[[], float]) -> float | None:
    """The seconds to wait before the repetition numbered `attempt` (from 0); None if the call is not repeated.

    A call is repeated at most `limit` times; `jitter` returns a number in [0, 1).
    """
    if attempt >= limit or not _is_repeatable(method, outcome):
        return None
    asked = outcome.retry_after if isinstance(outcome, Response) else None
    if asked is None:
        ceiling = min(FIRST_BACKOFF * 2.0 ** min(attempt, 10), LONGEST_BACKOFF)
        return ceiling * (1 - jitter() / 2)
    # A longer wait is the caller's decision: the error carries retry_after.
    return asked if asked <= LONGEST_RETRY_AFTER else None


def is_transient(outcome: Outcome) -> bool:
    """Whether the same read might succeed later: there was no response, or it was 408, 429 or 5xx."""
    return not isinstance(outcome, Response) or outcome.status in {408, 429} or outcome.status >= 500


def _is_repeatable(method: str, outcome: Outcome) -> bool:
    if method == "GET":
        return is_transient(outcome)
    # The gateway documents no idempotency key. A submission may have been accepted and charged unless it was never
    # sent, or was refused for its rate.
    return outcome.status == 429 if isinstance(outcome, Response) else not outcome.sent


@dataclass(frozen=True, slots=True)
class Session:
    """What the calls of one client share."""

    gateway: Gateway
    transport: Transport
    polling: Polling
    max_retries: int
    monotonic: Callable[[], float]

    def __post_init__(self) -> None:
        polling, retries = cast("tuple[object, object]", (self.polling, self.max_retries))
        if not isinstance(polling, Polling):  # its first use is after a submission
            raise ValueError(f"polling is {polling!r}: give a Polling")  # noqa: TRY004 - as for every setting
        if not isinstance(retries, int) or retries < 0:
            raise ValueError(f"max_retries is {retries!r}: give a whole number, 0 or more")

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied, with the key and open connections."""
        raise TypeError(
            "a client cannot be pickled or copied: make one in each process, and get_handle(request_id) there"
        )


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted submission: its id, and the URL to read its status with the key."""

    request_id: str
    status_url: str


async def submit(
    session: Session,
    path: str,
    body: Mapping[str, object],
    webhook_url: str | None,
    extra_headers: Mapping[str, str] | None,
) -> Submission:
    """POST the body; repeated only if it cannot have been accepted."""
    gateway = session.gateway
    webhook = {} if webhook_url is None else {"X-Webhook-URL": webhook_url}  # Webhook (Optional)
    try:
        content = _JSON.encode(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PixazoError(f"the body is not JSON, nothing was sent: {shorten(gateway.hide(str(error)))}") from error
    headers = gateway.headers(webhook, _mapping("extra_headers", extra_headers))
    request = Request("POST", gateway.url(path), headers, content)

    async def attempt() -> Submission | Outcome:
        try:
            outcome = await session.transport.send(request)
            return _accepted(gateway, request, outcome) if _is_success(outcome) else outcome
        except PixazoError:
            raise  # nothing was sent, or it says what may have been charged
        except BaseException:  # a cancellation or an interrupt, even after the whole response has arrived
            text, found = arrived(gateway, request)
            url, began = gateway.hide(request.url), f"; its response began {beginning(text)}" if text else ""
            logger.warning("POST %s: ended before its id was returned%s; %s", url, began, maybe_charged(found))
            raise

    found = await _repeat(session, "POST", request.url, attempt)
    if isinstance(found, Outcome):
        raise failure(gateway, request, found, None)
    return found


def _accepted(gateway: Gateway, request: Request, response: Response) -> Submission:
    try:
        members = response.members()
    except ValueError as error:
        raise invalid(gateway, request, response, str(error), None) from None
    request_id, url = members.get("request_id"), members.get("polling_url")
    if not isinstance(request_id, str) or not is_id(request_id):
        raise invalid(gateway, request, response, "has no 'request_id'", None)
    with suppress(Exception):  # of a filter of the user's: the id must not be lost
        logger.info("accepted %r", request_id)
    status_url = gateway.status_url(request_id)
    # The status is read with the key, which must not go to another origin, whatever polling_url says.
    if isinstance(url, str) and url != status_url and gateway.owns(url):
        status_url = url
    return Submission(request_id, status_url)


async def read(session: Session, request_id: str, url: str) -> Generation:
    """GET the status once; repeated after transient failures."""
    request = Request("GET", url, session.gateway.headers())
    outcome = await _repeat(session, "GET", url, lambda: session.transport.send(request))
    return _generation(session.gateway, request, outcome, request_id)


async def download(
    session: Session,
    source: Any,
    dest: str | PathLike[str],
    index: int,
    on_progress: Callable[[int, int | None], object] | None,
    max_bytes: int | None,
) -> Path:
    """Download one file to dest; started again after transient failures."""
    if not isinstance(source, str | Generation):
        raise DownloadError(f"{type(source).__name__} cannot be downloaded: give a Generation or a URL")
    url, name = (source, None) if isinstance(source, str) else _media(source, index)
    if not url.lower().startswith(("http://", "https://")):
        raise DownloadError(f"{shown_url(url)!r} is not an http(s) URL: give a Generation or a URL", url=url)

    def fetch() -> Awaitable[Path | Outcome]:
        return session.transport.fetch(url, Download(url, dest, name, on_progress, max_bytes))

    found = await _repeat(session, "GET", shown_url(url), fetch)
    if isinstance(found, Outcome):
        raise _not_downloaded(session.gateway, url, found)
    return found


class Watch(AsyncIterator[Generation]):
    """Reads one generation at the pace of `Polling` until it is terminal, or until the deadline.

    No pause ends after the deadline. One read is made at the deadline, and may take LAST_READ seconds. It is not an
    asynchronous generator, which a caller who leaves it early would have to close, at least on trio.
    """

    def __init__(self, session: Session, submission: Submission, timeout: Any) -> None:
        if not isinstance(timeout, int | float) or not timeout >= 0:
            raise ValueError(f"timeout is {timeout!r}: give seconds, 0 or more")
        self._session = session
        self._submission = submission
        self._started = session.monotonic()
        self._deadline = self._started + timeout
        self._last: Generation | None = None
        self._failure: APIError | None = None
        self._reported: set[str] = set()
        self._begun = False
        self._at_deadline = False

    @property
    def is_over(self) -> bool:
        """Whether a terminal state was read."""
        return self._last is not None and self._last.is_terminal

    async def __anext__(self) -> Generation:
        """The next state that differs from the one before; the terminal one is the last.

        Raises WaitTimeoutError when the deadline passes first, APIError for a failure that a later read cannot mend.
        """
        while not self.is_over:
            if self._begun:
                seconds, is_last = self._pause()
                await self._session.transport.io.pause(seconds)
                self._at_deadline = is_last  # unless the pause was cancelled
            self._begun = True
            generation = await self._poll()
            if generation is not None and generation != self._last:
                self._last = generation
                if generation.status not in KNOWN | self._reported:
                    self._reported.add(generation.status)
                    name, status = generation.request_id, generation.status
                    logger.warning("request %r has the unknown status %r: taken as not ended", name, status)
                return generation
        raise StopAsyncIteration

    async def end(self, on_update: Callable[[Generation], object] | None, *, raise_on_failure: bool) -> Generation:
        """The terminal state; on_update is called with every update. Raises a GenerationError for FAILED and ERROR."""
        while True:
            generation = await anext(self)
            if on_update is not None:
                await self._session.transport.io.notify(on_update, generation)
            if generation.is_terminal:
                break
        if generation.succeeded or not raise_on_failure:
            return generation
        reason = shorten(generation.error or "no reason given")
        ended = f"request {generation.request_id!r} ended {generation.status}: {reason}"
        if generation.status == ERROR:  # "System error — not charged" (Status Values)
            raise GenerationSystemError(f"{ended}; a system error is not charged: submit it again", generation)
        raise GenerationFailedError(f"{ended}; change what you ask for before submitting again", generation)

    def _pause(self) -> tuple[float, bool]:
        """Seconds until the next read, and whether that is the one at the deadline."""
        now = self._session.monotonic()
        remaining = self._deadline - now
        if self._at_deadline or remaining <= 0:
            raise WaitTimeoutError(self._submission.request_id, self._last, now - self._started) from self._failure
        asked = self._failure.retry_after if isinstance(self._failure, APIStatusError) else None
        interval = max(self._session.polling.interval(), min(asked or 0, LONGEST_PAUSE))
        return min(interval, remaining), interval >= remaining

    async def _poll(self) -> Generation | None:
        gateway = self._session.gateway
        within = max(self._deadline - self._session.monotonic(), LAST_READ)
        request = Request("GET", self._submission.status_url, gateway.headers(), within=within)
        outcome = await self._session.transport.send(request)
        try:
            generation = _generation(gateway, request, outcome, self._submission.request_id)
        except APIError as error:
            # A garbled response says nothing about the generation; the next one may be whole.
            if not is_transient(outcome) and not isinstance(error, APIResponseValidationError):
                raise
            logger.info("%s; reading again", error)
            self._failure = error
            return None
        self._failure = None
        return generation


async def _repeat(session: Session, method: str, url: str, call: Callable[[], Awaitable[T]]) -> T:
    attempt = 0
    while isinstance(found := await call(), Outcome):
        delay = retry_pause(method, found, attempt, session.max_retries, session.polling.random)
        if delay is None:
            break
        logger.info("%s %s: repeated in %.1f s", method, session.gateway.hide(url), delay)
        await session.transport.io.pause(delay)
        attempt += 1
    return found


def video_body(prompt: str, extra: Mapping[str, object] | None, **optional: object) -> dict[str, object]:
    """The body of a submission: what was given, without what is None; extra members unchanged."""
    given = {name: value for name, value in optional.items() if value is not None}
    return {"prompt": prompt, **given, **_mapping("extra_body", extra)}


def _mapping(name: str, given: Any) -> Mapping[Any, Any]:
    if given is not None and not hasattr(given, "items"):  # its value is not shown: it may hold secrets
        raise PixazoError(f"{name} is of type {type(given).__name__}, nothing was sent: give a dict")
    return given or {}


def _is_success(outcome: Outcome) -> TypeGuard[Response]:
    return isinstance(outcome, Response) and 200 <= outcome.status < 300


def _generation(gateway: Gateway, request: Request, outcome: Outcome, request_id: str) -> Generation:
    if not _is_success(outcome):
        raise failure(gateway, request, outcome, request_id)
    try:
        generation = generation_from(outcome.members(), gateway.hide)
    except ValueError as error:
        raise invalid(gateway, request, outcome, str(error), request_id) from None
    if generation.request_id != request_id:
        problem = f"is about another request, {generation.request_id!r}"
        raise invalid(gateway, request, outcome, problem, request_id)
    return generation


def _media(generation: Generation, index: int) -> tuple[str, str]:
    """The URL of a result, and a file name without suffix: the URLs of all generations may end alike."""
    name = f"request {generation.request_id!r}"
    if not generation.succeeded:
        remedy = "look at its error" if generation.is_terminal else "wait until it is COMPLETED"
        raise DownloadError(f"{name} is {generation.status}: {remedy}")
    if not 0 <= index < len(generation.media_urls):
        raise DownloadError(f"{name} has {len(generation.media_urls)} media, none at index {index}: look at media_urls")
    return generation.media_urls[index], quote(generation.request_id, safe="") + (f"-{index}" if index else "")


def _not_downloaded(gateway: Gateway, url: str, outcome: Outcome) -> DownloadError:
    shown = gateway.hide(shown_url(url))
    if isinstance(outcome, NoResponse):
        error = DownloadError(f"{shown} did not arrive: {gateway.hide(outcome.reason)}: download it again", url=url)
        error.__cause__ = outcome.cause
        return error
    problem = ": the link may have expired: retrieve the generation for a fresh one"
    if outcome.status < 400 or is_transient(outcome):
        problem = ", not with the whole file: download it again"
    return DownloadError(f"{shown} answered {outcome.status}{problem}", url=url, status_code=outcome.status)
