"""Fault injection: how a step of a script changes a response, a webhook, and the way they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, TypeVar

import msgspec

from pixazo_simulator import spec

from .effects import Close, Discard, Ending, Noise, Respond, Send, Transmission, Wait
from .faults import Bandwidth, Fault, GarbageBeforeHead, WrongContentType
from .rule import Reply, Step

__all__ = ["corrupted", "edited", "fault_of", "inject", "replacement", "wait"]

LONGEST_WAIT = 3600.0
"""The greatest delay of one response or webhook by all its faults together, in seconds."""
NO_RESPONSE = spec.Answer(0, b"", (), "nothing was done and no response was sent")
"""Replaces a response where the connection ends before anything was done; no HTTP status is 0."""
DEFAULT_WAIT = 1
"""Seconds of a `Retry-After` that no rule chose."""
_NO_HTTP = b"\xff"
"""A byte that begins no status line."""
_PLAIN: tuple[spec.Header, ...] = ((b"content-type", b"text/plain; charset=utf-8"),)
_FIRST_ERROR = 400
_PIECES_PER_SECOND, _MOST_PIECES = 20, 1000
"""How often a paced body is continued, and in how many pieces at most."""

F = TypeVar("F", bound=Fault)
E = TypeVar("E", bound=msgspec.Struct)


def fault_of(faults: Iterable[Fault], kind: type[F]) -> F | None:
    return next((fault for fault in faults if isinstance(fault, kind)), None)


def _effects(faults: Iterable[Fault], kind: type[E]) -> Iterator[E]:
    return (each for fault in faults for each in fault.effects if isinstance(each, kind))


def wait(faults: Iterable[Fault], random: Random) -> float:
    """The seconds by which the faults delay something together."""
    return min(LONGEST_WAIT, sum(fault.wait(random) for fault in faults))


def transmission(faults: Iterable[Fault], random: Random, length: int = 0) -> Transmission:
    """How a response with a body of `length` bytes is sent: delays, what precedes it, what is left of the body, the ending."""
    faults = tuple(faults)
    done: list[Wait | Noise | Send | Ending] = [Wait(seconds)] if (seconds := wait(faults, random)) else []
    ending, kept = _ending(faults), Send()
    # Where the connection ends before anything was done, there is no response to truncate.
    if not any(Discard() in fault.effects and _ending([fault]) for fault in faults):
        kept = next((each for each in _effects(faults, Send) if each.share < 1 or each.length(length) < length), kept)
        if garbage := fault_of(faults, GarbageBeforeHead):
            done.append(Noise(_NO_HTTP + random.randbytes(garbage.length - 1)))
        if kept != Send() or garbage:
            ending = ending or Close()
    if kept != Send() or ending is None or any(isinstance(each, Noise) for each in done):
        pieces, paced = _spread(faults, kept.length(length))
        done.append(msgspec.structs.replace(kept, pieces=pieces, seconds=paced))
    if ending:
        done.append(ending)
    return () if done == [Send()] else tuple(done)


def _spread(faults: Iterable[Fault], length: int) -> tuple[int, float]:
    """In how many pieces a body of `length` bytes is sent, and over how many seconds."""
    if pace := fault_of(faults, Bandwidth):
        seconds = min(LONGEST_WAIT, length / pace.bytes_per_second)
        return max(1, min(_MOST_PIECES, round(seconds * _PIECES_PER_SECOND))), seconds
    drip = next((each for each in _effects(faults, Send) if each.pieces > 1), Send())
    return drip.pieces, drip.seconds


def _ending(faults: Iterable[Fault]) -> Ending | None:
    """A truncated body ends in a close, unless another fault resets the connection or keeps it open."""
    endings = [each for fault in faults for each in fault.effects if isinstance(each, Ending)]
    return next((each for each in endings if not isinstance(each, Close)), endings[0] if endings else None)


def edited(body: bytes, faults: Iterable[Fault]) -> bytes:
    """A status response, or the body of a webhook, as changed by the faults; anything but a JSON object is left as it is."""
    editing = [fault for fault in faults if type(fault).edit is not Fault.edit]
    if not editing:
        return body
    try:
        members = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
    for fault in editing:
        members = fault.edit(members)
    return msgspec.json.encode(members)


def corrupted(body: bytes, faults: Iterable[Fault], random: Random) -> bytes:
    """What arrives of a body, regardless of its signature."""
    for fault in faults if body else ():
        body = fault.corrupt(body, random)
    return body


def inject(answer: spec.Answer, faults: Iterable[Fault], seed: int) -> tuple[spec.Answer, Transmission]:
    """A response as changed by the faults, and how it is sent; draws come from the seed, which the world gives."""
    faults, random = tuple(faults), Random(seed)  # noqa: S311 - reproducible by design, guards nothing
    if declared := fault_of(faults, WrongContentType):
        rest = tuple(header for header in answer.headers if header[0] != b"content-type")
        headers = ((b"content-type", declared.content_type.encode()), *rest)
        answer = msgspec.structs.replace(answer, headers=headers)
    body = b"" if answer.status in spec.BODILESS else corrupted(edited(answer.body, faults), faults, random)
    changed = answer if body == answer.body else msgspec.structs.replace(answer, body=body)
    return changed, transmission(faults, random, len(changed.body))


def replacement(step: Step, operation: str, policy: spec.Policy, url: str) -> spec.Answer | None:
    """The response instead of the gateway's own, None when the gateway itself responds; `url` is the URL that was called."""
    if step.reply:
        return _replied(step.reply, operation, policy, url)
    if wanted := next(_effects(step.faults, Respond), None):
        if wanted.html:
            return spec.html_answer(wanted.status)
        return _error(wanted.status, operation, policy, url, DEFAULT_WAIT)
    return None if step.commits else NO_RESPONSE


def _replied(reply: Reply, operation: str, policy: spec.Policy, url: str) -> spec.Answer:
    seconds = DEFAULT_WAIT if reply.retry_after is None else reply.retry_after
    if reply.json is not msgspec.UNSET:
        answer = spec.Answer(reply.status, msgspec.json.encode(reply.json))
    elif reply.text is not None:
        answer = spec.Answer(reply.status, reply.text.encode(), _PLAIN)
    elif reply.status < _FIRST_ERROR:
        answer = spec.Answer(reply.status, b"", ())
    else:
        answer = _error(reply.status, operation, policy, url, seconds)
    given = {name.lower().encode(): value.encode() for name, value in reply.headers.items()}
    if reply.retry_after is not None:
        given.setdefault(b"retry-after", str(seconds).encode())
    kept = tuple(header for header in answer.headers if header[0] not in given)
    return msgspec.structs.replace(answer, headers=(*kept, *given.items()))


def _error(status: int, operation: str, policy: spec.Policy, url: str, seconds: int) -> spec.Answer:
    """An error as the gateway words it; one for media in plain text, as the media host does."""
    if operation == "media":
        return spec.Answer(status, spec.PHRASES.get(status, "Error").encode(), _PLAIN)
    known: dict[int, spec.Refusal] = {
        401: spec.InvalidKey(),
        402: spec.InsufficientFunds(
            policy.price.of(spec.TEXT_TO_VIDEO.name, spec.DEFAULT_DURATION, spec.DEFAULT_RESOLUTION)
        ),
        403: spec.KeySuspended(),
        404: spec.UnknownRequest("") if operation == "status" else spec.UnknownRoute(),
        413: spec.BodyTooLarge(policy.body_limit),
        429: spec.Throttled(seconds),
        500: spec.Broken(),
    }
    if status in known:
        return spec.refusal_answer(known[status], policy, url)
    if status == 502:  # seen in public code: what the queue says when the provider behind it fails
        return spec.Answer(status, msgspec.json.encode({"error": "Failed to reach upstream API", "status": status}))
    return spec.queue_error(status, spec.PHRASES.get(status, "Error"), spec.NOT_PROCESSED)
