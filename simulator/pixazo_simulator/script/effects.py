"""What faults make of what is said: edited as the gateway could say it, garbled on its way, or late."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec

from .faults import (
    LONGEST,
    CompletedWithoutMedia,
    Delay,
    Fault,
    GarbledBody,
    LognormalDelay,
    UniformDelay,
    UnknownStatus,
    WrongContentType,
)

NO_TEXT = b"\xff"
"""A byte that begins neither JSON nor any UTF-8 text."""


def edited(body: bytes, faults: Iterable[Fault]) -> bytes:
    """A status answer as the faults have it; anything but a JSON object is left as it is."""
    editing = [fault for fault in faults if isinstance(fault, CompletedWithoutMedia | UnknownStatus)]
    if not editing:
        return body
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
    for fault in editing:
        told = _edited(told, fault)
    return msgspec.json.encode(told)


def _edited(told: dict[str, Any], fault: CompletedWithoutMedia | UnknownStatus) -> dict[str, Any]:
    if isinstance(fault, UnknownStatus):
        return told | {"status": fault.word} if "status" in told else told
    if told.get("status") != "COMPLETED":
        return told
    if fault.output == "absent":
        return {name: value for name, value in told.items() if name != "output"}
    return told | {"output": None if fault.output == "null" else {**told["output"], "media_url": []}}


def garbled(body: bytes, faults: Iterable[Fault], random: Random) -> bytes:
    """Random bytes in the place of the body, as many, and never JSON; the body itself without such a fault."""
    if not body or not any(isinstance(fault, GarbledBody) for fault in faults):
        return body
    return NO_TEXT + random.randbytes(len(body) - 1)


def content_type(faults: Iterable[Fault]) -> str | None:
    """The Content-Type that the faults put in the place of the right one, None when they leave it."""
    return next((fault.content_type for fault in faults if isinstance(fault, WrongContentType)), None)


def delay(faults: Iterable[Fault], random: Random) -> float:
    """The seconds by which the faults delay something together, at most an hour."""
    return min(LONGEST, sum(_seconds(fault, random) for fault in faults))


def _seconds(fault: Fault, random: Random) -> float:
    if isinstance(fault, Delay):
        return fault.seconds
    if isinstance(fault, UniformDelay):
        return random.uniform(fault.low, fault.high)
    if isinstance(fault, LognormalDelay):
        return fault.median * random.lognormvariate(0, fault.sigma)
    return 0.0
