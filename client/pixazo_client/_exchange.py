"""One exchange with the gateway: a request, its outcome, and the exception that an unsuccessful outcome becomes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from traceback import format_exception
from typing import TypeAlias

from ._errors import APIConnectionError, APIError, APIResponseValidationError, APITimeoutError, kind_of
from ._gateway import Gateway, is_id, shorten
from ._models import object_from, object_if_any

_PHRASES = {each.value: each.phrase for each in HTTPStatus}
_ID = re.compile(r'"request_id"\s*+:\s*+"([^"\\]+)"')
MAYBE_CHARGED = "the work may exist and be charged: look at the account before submitting again"

CLEAR_REFUSALS = {400, 401, 402, 403, 404, 405, 413, 415, 422, 429}
"""Status codes with which the gateway says that it did not accept a submission.

No other failure says so: a 502 may come from a proxy after the gateway has accepted.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the gateway; `within` limits the whole exchange, in seconds.

    `arrived` fills with the decoded body, so that what was paid for is known however the exchange ends.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # holds the key
    content: bytes | None = field(default=None, repr=False)
    within: float = math.inf
    arrived: bytearray = field(default_factory=bytearray, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `received` is when it arrived, in seconds since 1970.

    `problem` says why its body is not complete, such as "has more than 4194304 bytes"; None if it is complete.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)  # the gateway may repeat the key
    body: bytes = field(repr=False)
    received: float
    problem: str | None = None

    @property
    def retry_after(self) -> float | None:
        """The most seconds that Retry-After asks for, as numbers or HTTP-dates (RFC 9110, 10.2.3); None if absent or unreadable.

        A date is compared with the response's own Date, because clocks differ; without one, with the time of its arrival.
        """
        # Several headers arrive as one, with commas; a date is one without its weekday, too.
        sent = _http_date(self.headers.get("Date") or "")
        parts = self.headers.get("Retry-After", "").split(",")
        asked = [_seconds(part, self.received if sent is None else sent) for part in parts]
        return max((seconds for seconds in asked if 0 <= seconds < math.inf), default=None)

    def members(self) -> Mapping[str, object]:
        """The members of a body that is a JSON object, whatever its problem. Raises ValueError that says why it is none."""
        try:
            return object_from(self.body.decode("utf-8", "replace"))
        except ValueError as error:
            raise ValueError(self.problem or str(error)) from None


@dataclass(frozen=True, slots=True)
class NoResponse:
    """No response arrived; `sent` is False only if no connection was made."""

    sent: bool
    timed_out: bool
    reason: str = field(repr=False)  # it may repeat what the gateway sent
    cause: Exception = field(repr=False)


Outcome: TypeAlias = Response | NoResponse


def _seconds(value: str, now: float) -> float:
    try:
        return float(value)
    except ValueError:
        until = _http_date(value)
        return math.nan if until is None else max(0.0, until - now)


def _http_date(value: str) -> float | None:
    try:
        instant = parsedate_to_datetime(value)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def failure(gateway: Gateway, request: Request, outcome: Outcome, request_id: str | None) -> APIError:
    """The exception for an outcome that is not a success, with secrets redacted."""
    if isinstance(outcome, Response):
        return _refused(gateway, request, outcome, request_id)
    kind = APITimeoutError if outcome.timed_out else APIConnectionError
    charged = request.method == "POST" and outcome.sent
    text, found = arrived(gateway, request)
    got, began = ("no whole response", f"; it began {beginning(text)}") if text else ("no response", "")
    message = f"{_name(gateway, request)} got {got}: {shorten(gateway.hide(outcome.reason))}{began}"
    remedy = maybe_charged(found) if charged else "check base_url, the proxies and the network, or call again"
    error = kind(_line(message, remedy), request_id=request_id or found, body=text or None, sent=outcome.sent)
    shown = "".join(format_exception(outcome.cause))
    if gateway.hide(shown) == shown:
        error.__cause__ = outcome.cause
    return error


def arrived(gateway: Gateway, request: Request) -> tuple[str, str | None]:
    """What has arrived of a body, with secrets redacted, and the id of a new generation in it; None without one.

    The id of one that was paid for counts in the oddest body.
    """
    text = request.arrived.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):  # JSON is encoded again: an escape such as `\/` could hide a secret
        text = json.dumps(json.loads(text), ensure_ascii=False)
    text = gateway.hide(text)
    found = next(filter(is_id, _ID.findall(text)), None) if request.method == "POST" else None
    return text, found


def beginning(text: str) -> str:
    """The beginning of a body that broke off."""
    return shorten(text) or "with no readable text"


def maybe_charged(request_id: str | None) -> str:
    """Says that a submission may have been accepted, perhaps with this id."""
    return MAYBE_CHARGED if request_id is None else f"it may be request {request_id!r}; {MAYBE_CHARGED}"


def invalid(gateway: Gateway, request: Request, response: Response, problem: str, request_id: str | None) -> APIError:
    """The exception for a successful response whose body is not what it should be."""
    text, found = arrived(gateway, request)
    problem = shorten(gateway.hide(problem))
    message = (
        f"{_name(gateway, request)} answered {response.status} with a body that {problem}: {_excerpt(response, text)}"
    )
    remedy = maybe_charged(found) if request.method == "POST" else ""
    return APIResponseValidationError(_line(message, remedy), request_id=request_id or found, body=text or None)


def _refused(gateway: Gateway, request: Request, response: Response, request_id: str | None) -> APIError:
    text, submitted = arrived(gateway, request)
    if response.status in CLEAR_REFUSALS:
        submitted = None  # such an id is that of the refusal
    body = object_if_any(text)
    kind = kind_of(response.status, (body or {}).get("error"))
    flaw = f" (a body that {shorten(gateway.hide(response.problem))})" if response.problem else ""
    found = [part for name in ("error", "message") if isinstance(part := (body or {}).get(name), str) and part]
    sentences = shorten(": ".join(found)) or _excerpt(response, text)  # Queue System Errors
    code = f"{response.status} {_PHRASES.get(response.status, '')}".rstrip()
    message = f"{_name(gateway, request)} answered {code}: {sentences}{flaw}"
    return kind(
        _line(message, _remedy(gateway, request, response, kind.remedy, submitted)),
        status_code=response.status,
        body=body,
        request_id=request_id or submitted,
        retry_after=response.retry_after,
    )


def _remedy(gateway: Gateway, request: Request, response: Response, usual: str, submitted: str | None) -> str:
    charged = maybe_charged(submitted) if request.method == "POST" and response.status not in CLEAR_REFUSALS else ""
    if 300 <= response.status < 400:
        location = shorten(gateway.hide(response.headers.get("Location", "nowhere")))
        return _line(f"it redirects to {location}, where the key is not sent: correct base_url", charged)
    if response.status == 429 and response.retry_after is not None:
        return f"call again in {response.retry_after:g} s"
    return charged or usual


def _excerpt(response: Response, text: str) -> str:
    return shorten(text) or ("no readable text" if response.problem or response.body.strip() else "an empty body")


def _name(gateway: Gateway, request: Request) -> str:
    return f"{request.method} {gateway.hide(request.url)}"


def _line(message: str, remedy: str) -> str:
    return f"{message.rstrip('.')}; {remedy}" if remedy else message
