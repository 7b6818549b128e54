"""An exchange that did not succeed, as the exception to raise."""

from __future__ import annotations

import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from ._errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    InsufficientBalanceError,
    InternalServerError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from ._models import object_from
from ._pacing import retry_after
from ._redact import shorten
from ._steps import Lost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._errors import APIError
    from ._gateway import Gateway
    from ._steps import Answer, Reply, Send


MAYBE_CHARGED = "the work may exist and be charged: look at the account before submitting again"

CLEAR_REFUSALS = {400, 401, 402, 403, 404, 405, 413, 415, 422, 429}
"""The answers to a submission after which nothing can have been made of it."""

_KINDS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def failure(gateway: Gateway, send: Send, answer: Answer, request_id: str | None) -> APIError:
    """The exception for an answer that is no success; what it quotes has no secrets."""
    if isinstance(answer, Lost):
        return _lost(gateway, send, answer, request_id)
    return _refused(gateway, send, answer, request_id)


def invalid(gateway: Gateway, send: Send, reply: Reply, problem: str, request_id: str | None) -> APIError:
    """The exception for a success whose body cannot be one."""
    shown = _shown(reply, _clean(gateway, reply.text))
    told = f"{_name(gateway, send)} answered {reply.status} with a body that {shorten(gateway.hide(problem))}: {shown}"
    return APIResponseValidationError(
        _line(told, MAYBE_CHARGED if send.method == "POST" else ""), request_id=request_id
    )


def _lost(gateway: Gateway, send: Send, lost: Lost, request_id: str | None) -> APIError:
    kind = APITimeoutError if lost.timed_out else APIConnectionError
    remedy = MAYBE_CHARGED if send.method == "POST" and lost.sent else "check base_url and the network, or call again"
    told = f"{_name(gateway, send)} got no answer: {shorten(gateway.hide(lost.reason))}"
    error = kind(_line(told, remedy), request_id=request_id, sent=lost.sent)
    error.__cause__ = lost.cause
    return error


def _refused(gateway: Gateway, send: Send, reply: Reply, request_id: str | None) -> APIError:
    text = _clean(gateway, reply.text)
    body = _members(text)
    kind = _kind(reply)
    asked = retry_after(reply.headers, reply.received)
    flaw = f" (a body that {reply.problem})" if reply.problem else ""
    told = f"{_name(gateway, send)} answered {_code(reply.status)}: {_said(body) or _shown(reply, text)}{flaw}"
    return kind(
        _line(told, _remedy(gateway, send, reply, kind, asked)),
        status_code=reply.status,
        body=body,
        request_id=request_id,
        retry_after=asked,
    )


def _kind(reply: Reply) -> type[APIStatusError]:
    if 500 <= reply.status < 600:
        return InternalServerError
    if reply.status == 400 and (_members(reply.text) or {}).get("error") == "Model not found":
        return ModelNotFoundError
    return _KINDS.get(reply.status, APIStatusError)


def _remedy(gateway: Gateway, send: Send, reply: Reply, kind: type[APIStatusError], asked: float | None) -> str:
    charged = MAYBE_CHARGED if send.method == "POST" and reply.status not in CLEAR_REFUSALS else ""
    if 300 <= reply.status < 400:
        location = shorten(gateway.hide(reply.headers.get("Location", "nowhere")))
        return _line(f"it redirects to {location}, where the key is not sent: correct base_url", charged)
    if charged:
        return charged
    if kind is RateLimitError and asked is not None:
        return f"call again in {asked:g} s"
    return kind.remedy


def _clean(gateway: Gateway, text: str) -> str:
    """The text without secrets; JSON is written anew, lest an escape such as `\\/` hides one."""
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return gateway.hide(text)


def _members(text: str) -> Mapping[str, object] | None:
    try:
        return object_from(text)
    except ValueError:
        return None


def _said(body: Mapping[str, object] | None) -> str:
    """The sentences of an error body (Queue System Errors)."""
    said = [part for name in ("error", "message") if isinstance(part := (body or {}).get(name), str) and part]
    return shorten(": ".join(said))


def _shown(reply: Reply, text: str) -> str:
    """The beginning of a body that is no error body."""
    return shorten(text) or ("no readable text" if reply.problem or reply.body.strip() else "an empty body")


def _code(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _name(gateway: Gateway, send: Send) -> str:
    return f"{send.method} {gateway.hide(send.url)}"


def _line(told: str, remedy: str) -> str:
    return f"{told.rstrip('.')}; {remedy}" if remedy else told
