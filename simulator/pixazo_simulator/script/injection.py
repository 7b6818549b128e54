"""Answers in the place of the real one, as a step of a script wants them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pixazo_simulator.spec import (
    DEFAULT_DURATION,
    DEFAULT_RESOLUTION,
    JSON,
    PHRASES,
    Answer,
    BodyTooLarge,
    Broken,
    Header,
    InsufficientFunds,
    InvalidKey,
    KeySuspended,
    Policy,
    Refusal,
    Throttled,
    UnknownRequest,
    UnknownRoute,
    html_answer,
    refusal_answer,
)

from .faults import Fault, HtmlPage, MediaGone, NotFoundWindow, StatusCode
from .rule import Reply, Step

NOTHING_SAID = Answer(0, b"", (), "nothing was done and nothing is answered")
"""What stands for an answer where the connection ends before anything was done; no HTTP status is 0."""
DEFAULT_WAIT = 1
"""Seconds of a `Retry-After` that nobody chose."""
_PLAIN: tuple[Header, ...] = ((b"content-type", b"text/plain; charset=utf-8"),)
_FIRST_ERROR = 400


def canned_answer(step: Step, operation: str, policy: Policy, realm: str) -> Answer | None:
    """What is answered instead of asking the gateway, None when it is to be asked; `realm` is the URL that was called."""
    if step.reply:
        return _replied(step.reply, operation, policy, realm)
    found = _faulty(step.faults, operation, policy, realm)
    return found if found or step.commits else NOTHING_SAID


def _faulty(faults: Iterable[Fault], operation: str, policy: Policy, realm: str) -> Answer | None:
    for fault in faults:
        if isinstance(fault, HtmlPage):
            return html_answer(fault.status)
        if isinstance(fault, StatusCode | MediaGone):
            return _error(fault.status, operation, policy, realm, DEFAULT_WAIT)
        if isinstance(fault, NotFoundWindow):
            return _error(404, operation, policy, realm, DEFAULT_WAIT)
    return None


def _replied(reply: Reply, operation: str, policy: Policy, realm: str) -> Answer:
    wait = DEFAULT_WAIT if reply.retry_after is None else reply.retry_after
    answer = _bare(reply) or _error(reply.status, operation, policy, realm, wait)
    given = {name.lower().encode(): value.encode() for name, value in reply.headers.items()}
    if reply.retry_after is not None:
        given.setdefault(b"retry-after", str(wait).encode())
    kept = tuple(header for header in answer.headers if header[0] not in given)
    return msgspec.structs.replace(answer, headers=(*kept, *given.items()))


def _bare(reply: Reply) -> Answer | None:
    """The body that the reply itself has; a code that is no error needs none."""
    if reply.json is not msgspec.UNSET:
        return Answer(reply.status, msgspec.json.encode(reply.json))
    if reply.text is not None:
        return Answer(reply.status, reply.text.encode(), _PLAIN)
    return Answer(reply.status, b"", ()) if reply.status < _FIRST_ERROR else None


def _error(status: int, operation: str, policy: Policy, realm: str, wait: int) -> Answer:
    """An error as the gateway words it; of media as the host of media does, in plain text."""
    if operation == "media":
        return Answer(status, PHRASES.get(status, "Error").encode(), _PLAIN)
    refusal = _refusal(status, operation, policy, wait)
    if refusal:
        return refusal_answer(refusal, policy, realm)
    if status == 502:
        return Answer(status, msgspec.json.encode({"error": "Failed to reach upstream API", "status": status}))
    said = {"error": PHRASES.get(status, "Error"), "message": "The request could not be processed."}
    return Answer(status, msgspec.json.encode(said), JSON)


def _refusal(status: int, operation: str, policy: Policy, wait: int) -> Refusal | None:
    """The refusal that has this code, None when the gateway has none."""
    price = policy.price.of("generate", DEFAULT_DURATION, DEFAULT_RESOLUTION)
    known: dict[int, Refusal] = {
        401: InvalidKey(),
        402: InsufficientFunds(price),
        403: KeySuspended(),
        404: UnknownRequest("") if operation == "status" else UnknownRoute(),
        413: BodyTooLarge(policy.body_limit),
        429: Throttled(wait),
        500: Broken(),
    }
    return known.get(status)
