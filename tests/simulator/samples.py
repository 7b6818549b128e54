"""Worlds, calls and images whose details do not matter to the test that uses them."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from pixazo_simulator import state
from pixazo_simulator.gateway import Gateway
from pixazo_simulator.server.responder import Responder
from pixazo_simulator.spec.errors import Refusal
from pixazo_simulator.spec.parameters import OPERATIONS
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.spec.redaction import Redactor
from pixazo_simulator.spec.responses import Answer
from pixazo_simulator.webhooks import Dispatcher, Sender
from pixazo_simulator.world.account import Account, Ledger
from pixazo_simulator.world.admission import Submission
from pixazo_simulator.world.clock import Begun, Clock
from pixazo_simulator.world.commands import Generation, SubmitGeneration
from pixazo_simulator.world.generations import Bounds
from pixazo_simulator.world.registry import Settings, Worlds
from pixazo_simulator.world.world import World

__all__ = [
    "KEY",
    "START",
    "accepted",
    "account",
    "call",
    "data_url",
    "jpeg",
    "png",
    "scratch",
    "submit",
    "webp",
    "world",
]

KEY = "canary-5f1d-4c3b"
START = 1_774_951_200_000
"""2026-03-31T10:00:00.000Z, where a manual clock starts."""


def call(prompt: object = "A bear", *, operation: str = "generate", **more: Any) -> Submission:
    """A POST of a JSON body; `members` are put into it, anything else replaces a part of the call, `body` the bytes of the body."""
    members: Mapping[str, object] = more.pop("members", {})
    parts: dict[str, Any] = {
        "operation": OPERATIONS[operation],
        "key": KEY,
        "body": json.dumps({"prompt": prompt, **members}).encode(),
        "content_type": "application/json",
        "origin": "http://gateway.test",
    }
    return Submission(**parts | more)


def account(balance: int = 100_000_000, **switches: Any) -> Account:
    """An account in good standing, but for the switches."""
    made = Account(Ledger.opened(balance, START))
    for name, value in switches.items():
        setattr(made, name, value)
    return made


def world(*, seed: int = 0, balance: int = 100_000_000, bounds: Bounds | None = None, **policy: object) -> World:
    """A world on a manual clock with some fields of its policy set."""
    changed = PROFILES["documented"].changed(policy)
    return World(
        key=KEY,
        policy=changed,
        clock=Clock.manual(),
        account=account(balance),
        seed=seed,
        operations=OPERATIONS,
        redactor=Redactor((KEY,)),
        bounds=bounds or Bounds(),
    )


def submit(where: World, sent: Submission) -> Generation | Refusal | Answer:
    """What becomes of a submission now, without headers that rules could match."""
    return where.apply(SubmitGeneration(where.clock.now(), [], "", sent)).result


def accepted(where: World, prompt: str = "A bear", **more: Any) -> Generation:
    """A generation of a submission that must be accepted."""
    result = submit(where, call(prompt, **more))
    assert isinstance(result, Generation), result
    return result


def png(width: int, height: int) -> bytes:
    """A whole PNG of one colour, built chunk by chunk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (height * (width + 1)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The frame of a JPEG: SOI, APP0, SOF0, EOI."""
    app0 = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    sof0 = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + app0 + sof0 + b"\xff\xd9"


def webp(width: int, height: int) -> bytes:
    """The frame of an extended WebP: RIFF, VP8X."""
    frame = b"\x00" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def data_url(image: bytes, kind: str = "png") -> str:
    """A Base64 data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def scratch(begun: Begun) -> tuple[Worlds, state.Answering]:
    """Worlds to try something on, as a server makes them."""
    worlds = Worlds(Settings(), begun=begun)
    return worlds, Responder(Gateway(worlds), worlds, Dispatcher(worlds, Sender().send)).carry_out
