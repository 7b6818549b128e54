"""Responses: every status code, header, member name and sentence that the gateway sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from . import errors
from .endpoints import KEY_HEADER, STATUS_PATH, Header
from .lifecycle import Status, StatusSpan
from .operations import MEDIA_KINDS
from .policy import Policy
from .text import SECOND, dollars

__all__ = [
    "BODILESS", "DEFAULT_ERRORS", "NOT_PROCESSED", "PHRASES", "Answer", "accepted_answer", "html_answer", "http_date",
    "is_success", "media_path", "media_type", "media_url", "queue_error", "refusal_answer", "refused_agent", "sentence",
    "status_body", "synchronous_answer", "timestamp", "upstream_body", "upstream_challenge",
]  # fmt: skip

PHRASES = {code.value: code.phrase for code in HTTPStatus}
"""What each status code is called."""

JSON: tuple[Header, ...] = ((b"content-type", b"application/json"),)
HTML: tuple[Header, ...] = ((b"content-type", b"text/html; charset=utf-8"),)

MEDIA_ORIGIN = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"  # page, Response (Completed)
DEFAULT_ERRORS = {
    Status.FAILED: "The model could not generate a video for this request.",
    Status.ERROR: "Description of the error",
}
"""The member `error` where no rule or prompt chose one; that of ERROR is printed (page, Error via Status/Webhook)."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP response before it is sent; `reason` is for the journal, which keeps no byte of an `opaque` body, such as a video.

    `decided_by` names the points of the policy that decided how it is worded.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = JSON
    reason: str = ""
    opaque: bool = False
    decided_by: tuple[str, ...] = ()


BODILESS = (204, 304)
"""Status codes of responses without a body, whatever a fault puts into it (RFC 9110, 6.4.1)."""


def is_success(status: int | None) -> bool:
    """Whether a status code is 2xx; None, that of no response, is not."""
    return status is not None and 200 <= status < 300


@lru_cache(maxsize=1024)
def timestamp(instant: int) -> str:
    """RFC 3339 in UTC with three digits and Z, as printed (page, Response (Completed); TIME-01)."""
    return f"{datetime.fromtimestamp(instant // SECOND, UTC).isoformat()[:19]}.{instant % SECOND:03d}Z"


def http_date(instant: int) -> bytes:
    """The value of a Date header."""
    return format_datetime(datetime.fromtimestamp(instant // SECOND, UTC), usegmt=True).encode("ascii")


def media_path(request_id: str, policy: Policy, output: str) -> str:
    """Where the media of a generation is, of which `output` is the extension (OUT-05)."""
    return f"/v1/{request_id}/output.{output if policy.media == 'mp4' else 'ext'}"


def media_type(policy: Policy, output: str) -> str:
    """What the media of a generation says it is (OUT-06)."""
    return MEDIA_KINDS[output] if policy.media == "mp4" else "application/octet-stream"


def media_url(request_id: str, output: str, origin: str, policy: Policy) -> str:
    """The URL of the media of a generation for a caller of `origin`."""
    media_origin = {"same": origin, "page": MEDIA_ORIGIN}.get(policy.media_origin, policy.media_origin)
    return f"{media_origin}{media_path(request_id, policy, output)}"


def synchronous_answer(template: Any, request_id: str, url: str, now: int) -> Answer:
    """The 200 of an operation that is not queued: its template, filled in."""
    body = _ENCODER.encode(template)
    for name, value in (("request_id", request_id), ("media_url", url), ("now", timestamp(now))):
        body = body.replace(f"{{{name}}}".encode(), _ENCODER.encode(value)[1:-1])  # as within a JSON string
    return Answer(200, body, reason=f"made {request_id} immediately")


class _Accepted(msgspec.Struct, gc=False):
    request_id: str
    status: str
    polling_url: str


_ENCODER = msgspec.json.Encoder()


def accepted_answer(request_id: str, origin: str, policy: Policy) -> Answer:
    """The 202 as printed (page, Output)."""
    body = _ENCODER.encode(_Accepted(request_id, "QUEUED", f"{origin}{STATUS_PATH}{request_id}"))
    shaped = policy.changed_among("submit_code", "request_id", "public_origin")
    return Answer(int(policy.submit_code), body, JSON, f"accepted {request_id}", False, shaped)  # noqa: FBT003


def status_body(
    request_id: str,
    model_id: str,
    media: str,
    accepted: int,
    seen: StatusSpan,
    error: str | None,
    origin: str,
    policy: Policy,
) -> bytes:
    """The status response (page, Response (Completed), Error via Status/Webhook); `media` is the extension of its media."""
    terminal, output = seen.until is None, None
    if seen.status is Status.COMPLETED:
        url = media_url(request_id, media, origin, policy)
        output = {"media_url": [url], "media_type": media_type(policy, media)}
    envelope: dict[str, Any] = {
        "request_id": request_id,
        "status": seen.status,
        "model_id": model_id,
        "error": error if terminal else None,
        "output": output,
    }
    if policy.status_members == "all" or not terminal or seen.status is Status.COMPLETED:
        since = timestamp(seen.since)
        if policy.timestamps == "mixed":  # as seen in public code: UTC, a space, no zone
            since = f"{since[:10]} {since[11:19]}"
        envelope["created_at"] = timestamp(accepted)
        envelope["updated_at"] = since
        envelope["completed_at"] = since if terminal else None
    return msgspec.json.encode(envelope)


def upstream_challenge(nonce: str) -> bytes:
    """MiniMax's own first callback: a value to be echoed (policy `callback_url`, value `challenge`)."""
    return msgspec.json.encode({"challenge": nonce})


def upstream_body(request_id: str, status: Status, error: str | None) -> bytes:
    """MiniMax's own form of a callback about the state of a generation (policy `callback_url`, value `challenge`)."""
    word = {Status.COMPLETED: "success", Status.PROCESSING: "processing"}.get(status, "failed")
    base = {"status_code": 0, "status_msg": "success"} if error is None else {"status_code": 1027, "status_msg": error}
    return msgspec.json.encode({"task_id": request_id, "status": word, "base_resp": base})


def sentence(problems: Iterable[errors.Problem]) -> str:
    """What is wrong, in one sentence that names the member of each problem."""
    return f"{'; '.join(map(str, problems))}."


NOT_PROCESSED = "The request could not be processed."
"""The sentence of an error that has none of its own."""


def queue_error(status: int, title: str, message: str, *more: Header) -> Answer:
    """A queue system error (page, Queue System Errors; ERR-ENV-01)."""
    return Answer(status, msgspec.json.encode({"error": title, "message": message}), (*JSON, *more))


def _apim(status: int, message: str, *more: Header) -> Answer:
    """An error of Azure API Management, by default (the name of the key header shows that the gateway uses it)."""
    return Answer(status, msgspec.json.encode({"statusCode": status, "message": message}), (*JSON, *more))


def html_answer(status: int) -> Answer:
    """The page of a proxy in front, as seen on status reads even with a valid key."""
    title = f"{status} {PHRASES.get(status, 'Error')}"
    page = f"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), HTML)


def refused_agent(headers: Iterable[Header], policy: Policy) -> Answer | None:
    """The 403 of the media host for a caller that it does not serve, None for any other (policy `media_user_agents`)."""
    agent = next((value.decode("latin-1") for name, value in headers if name == b"user-agent"), "")
    found = next((each for each in policy.media_user_agents if agent.lower().startswith(each.lower())), None)
    if found is None:
        return None
    plain = ((b"content-type", b"text/plain; charset=UTF-8"),)  # as a host behind Cloudflare words it
    reason = f"refused: the media host does not serve {found}: send another User-Agent"
    return Answer(403, b"error code: 1010", plain, reason, decided_by=("media_user_agents",))


def _unauthorized(refusal: errors.MissingKey | errors.InvalidKey, policy: Policy, url: str) -> Answer:
    # The messages of this function and the next two are defaults of API Management.
    if isinstance(refusal, errors.MissingKey):
        shape, problem = policy.missing_key, "missing"
        remedy = "Make sure to include subscription key when making requests to an API."
    else:
        shape, problem = policy.unknown_key, "invalid"
        remedy = "Make sure to provide a valid key for an active subscription."
    message = f"Access denied due to {problem} subscription key. {remedy}"
    if shape == "queue":
        return queue_error(401, "Unauthorized", message)
    value = f'AzureApiManagementKey realm="{url}",name="{KEY_HEADER}",type="header"'
    return _apim(401, message, (b"www-authenticate", value.encode("latin-1", "replace")))


def _key_suspended(_: errors.KeySuspended, policy: Policy, url: str) -> Answer:
    if policy.forbidden == "apim_quota":
        return _apim(403, "Out of call volume quota. Quota will be replenished in 01:00:00.", (b"retry-after", b"3600"))
    if policy.forbidden == "html_reads" and STATUS_PATH in url:
        return html_answer(403)
    return queue_error(403, "Forbidden", "Your subscription key is suspended or not subscribed to this product.")


def _throttled(refusal: errors.Throttled, policy: Policy, _: str) -> Answer:
    retry_after = (b"retry-after", str(refusal.retry_after).encode())
    message = f"Rate limit is exceeded. Try again in {refusal.retry_after} seconds."
    if policy.throttled == "queue":
        return queue_error(429, "Too Many Requests", message, retry_after)
    return _apim(429, message) if policy.throttled == "apim_bare" else _apim(429, message, retry_after)


def _invalid(
    refusal: errors.UnsupportedMediaType | errors.InvalidBody | errors.InvalidParameters, policy: Policy, _: str
) -> Answer:
    """A model validation error, which the page announces and does not show (page, Error Responses; ERR-ENV-02)."""
    status = 400
    match refusal:
        case errors.UnsupportedMediaType():
            status = int(policy.content_type)
            message = f"Content-Type must be application/json, it is {refusal.given}."
        case errors.InvalidBody(fault, detail):
            message = f"The request body {errors.MISSHAPEN[fault].format(detail)}."
        case errors.InvalidParameters(problems):
            message = sentence(problems)
    if policy.validation_body == "sentence_status":
        return Answer(status, msgspec.json.encode({"error": message, "status": status}))
    return queue_error(status, "Unsupported Media Type" if status == 415 else "Invalid request", message)


def _insufficient(refusal: errors.InsufficientFunds, policy: Policy, _: str) -> Answer:
    more = f" Required: ${dollars(refusal.required)}" if policy.insufficient_balance == "required" else ""
    message = f"Your wallet does not have enough balance.{more}"  # page, Queue System Errors
    return queue_error(402, "Insufficient Balance", message)


def _unknown_request(refusal: errors.UnknownRequest, policy: Policy, _: str) -> Answer:
    if refusal.foreign and policy.unknown_id == "403_foreign":
        return queue_error(403, "Forbidden", "This request belongs to another account.")
    return queue_error(404, "Request not found", "No request with this id was found.")


def _unknown_route(refusal: errors.UnknownRoute, policy: Policy, _: str) -> Answer:
    if refusal.allow and policy.unknown_route == "405":
        return _apim(405, "Method not allowed", (b"allow", refusal.allow.encode()))
    return _apim(404, "Resource not found")


_FIXED: dict[type[errors.Refusal], tuple[int, str, str, tuple[Header, ...]]] = {
    errors.Broken: (500, "Internal Server Error", NOT_PROCESSED, ()),
    errors.ModelNotFound: (  # page, Queue System Errors
        400, "Model not found", "Model '{0.model_id}' not found or is disabled", (),
    ),
    errors.BodyTooLarge: (
        413, "Payload Too Large", "The request body is larger than {0.limit} bytes.", ((b"connection", b"close"),),
    ),
    errors.TooManyPending: (
        500, "Internal Server Error",
        "The simulator has {0.limit} pending webhook deliveries (bound `pending`): advance the clock or delete the world.", (),
    ),
    errors.TooManyBodies: (
        503, "Service Unavailable", "The request bodies in progress exceed {0.limit} bytes: retry later.",
        ((b"retry-after", b"1"), (b"connection", b"close")),
    ),
}  # fmt: skip
"""Refusals that no field of the policy changes: status code, `error`, `message` with placeholders for members, further headers."""

_BY_POLICY: dict[type[errors.Refusal], tuple[Callable[[Any, Policy, str], Answer], str]] = {
    errors.KeySuspended: (_key_suspended, "forbidden"),
    **dict.fromkeys((errors.Throttled, errors.TooManyUnfinished), (_throttled, "throttled")),
    errors.InsufficientFunds: (_insufficient, "insufficient_balance"),
    errors.UnknownRequest: (_unknown_request, "unknown_id"),
    errors.UnknownRoute: (_unknown_route, "unknown_route"),
    errors.MissingKey: (_unauthorized, "missing_key"),
    errors.InvalidKey: (_unauthorized, "unknown_key"),
    **dict.fromkeys(
        (errors.UnsupportedMediaType, errors.InvalidBody, errors.InvalidParameters), (_invalid, "validation_body")
    ),
}
"""Refusals whose wording a field of the policy decides: the function, and the field."""


def refusal_answer(refusal: errors.Refusal, policy: Policy, url: str) -> Answer:
    """The response to a request that is refused, as the policy has it; `url` is the URL that was called."""
    decided_by: tuple[str, ...] = ()
    if worded := _BY_POLICY.get(type(refusal)):
        word, field = worded
        answer, decided_by = word(refusal, policy, url), (field,)
    else:
        status, title, message, headers = _FIXED[type(refusal)]
        answer = queue_error(status, title, message.format(refusal), *headers)
    return msgspec.structs.replace(answer, reason=f"refused: {refusal}", decided_by=decided_by)
