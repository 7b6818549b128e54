"""No mutant fails on unusual requests: an exception of an editor would be raised here. What it wrongly accepts ends; a variant differs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, STATUS, Caller
from tests.inprocess import InProcess
from tests.receiver import Receiver
from tests.simulator.samples import data_url, png

from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant

IMAGE_URL = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
ODD_VALUES: tuple[Any, ...] = (
    {}, [], [[1]], ["x"], [None], {"prompt": {"a": 1}}, 10**30, 1e300, -1, "9" * 5000, "\u0663", "\0", "\U0001f43b", "data:",
    "data:image/png;base64,####", "data:image/gif;base64,",
)  # fmt: skip
MEMBERS = ("prompt", "duration", "resolution", "prompt_optimizer", "first_frame_image", "callback_url", "model")
ODD_BODIES = (
    b"[" * 5000, b'{"prompt": ' + b"7" * 5000 + b"}", b'{"prompt": 1e400}', b"\xff", b'{"a": 1, "a": 2}', b" ", b'{"prompt": "\\udfff"}',
)  # fmt: skip
ODD_PATHS = ("%00", "a%2Fb", "%F0%9F%90%BB", "", "x/", "minimax-hailuo-ai_", "AAAA", "a" * 5000)
ODD_HEADERS: tuple[dict[str, str], ...] = (
    {"X-Webhook-URL": "", "Content-Type": ""},
    {"X-Webhook-URL": "http://[", "X-Webhook-Mode": "\xe9"},
    {"Authorization": "Bearer", "Ocp-Apim-Subscription-Key": "\xe9"},
    {"Content-Type": ";;;", "Host": "\xe9", "Content-Length": "x"},
)

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("change", [*MUTANTS, *VARIANTS], ids=lambda change: change.name)
def test_nothing_is_raised(change: Mutant | Variant) -> None:
    """Every odd value of every member gets a response, and each odd body, path, query and header gets two."""
    with InProcess(change=change) as send:
        caller = Caller(send, "sim-key")
        for value in ODD_VALUES:
            caller.call("POST", GENERATE, dict.fromkeys(MEMBERS, value))
            for name in MEMBERS:
                caller.call("POST", IMAGE_TO_VIDEO, {"prompt": "A bear", "first_frame_image": IMAGE_URL, name: value})
        for body in ODD_BODIES * 2:
            caller.call("POST", GENERATE, body)
        for path in ODD_PATHS * 2:
            caller.read(path)
            caller.call("GET", f"/v1/{path}/output.mp4")
        for headers in ODD_HEADERS * 2:
            caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
            caller.call("GET", f"{STATUS}x?subscription-key=%FF", headers=headers)
        caller.call("OPTIONS", GENERATE)
        caller.call("GET", f"{GENERATE}?=&&prompt")


BODIES = [
    (path, {"prompt": "A bear", "first_frame_image": IMAGE_URL, name: value})
    for path in (GENERATE, IMAGE_TO_VIDEO)
    for name in MEMBERS
    for value in (
        None,
        7,
        "6",
        "true",
        "720P",
        " ",
        "b" * 2001,
        [IMAGE_URL],
        data_url(png(300, 400)),
        data_url(png(302, 900)),
    )
]


def ends(change: Mutant | None, known: dict[int, str]) -> dict[int, str]:
    """The last status of each body that is accepted, by its number; none is read of those that are known."""
    with InProcess(change=change) as send:
        caller = Caller(send, "sim-key")
        replies = [caller.call("POST", path, body) for path, body in BODIES]
        caller.advance(60)
        taken = {number: reply for number, reply in enumerate(replies) if reply.status == 202}
        return {
            number: caller.status(reply.json()["request_id"]) for number, reply in taken.items() if number not in known
        }


@pytest.fixture(scope="module")
def faithful() -> dict[int, str]:
    """What the faithful gateway accepts."""
    return ends(None, {})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_is_wrongly_accepted_ends(mutant: Mutant, faithful: dict[int, str]) -> None:
    """The status of a submit that ought to have been refused can be read like any other."""
    assert set(ends(mutant, faithful).values()) <= {"COMPLETED", "FAILED"}


UNSEEN = {"headers-in-title-case", "slower"}
"""Variants that differ in what the server writes, or in time only."""


def said(change: Variant | None, receiver: Receiver) -> list[object]:
    """Some replies, the headers of a callback, and how many had arrived by each instant."""
    receiver.received.clear()
    with InProcess(change=change) as send:
        caller = Caller(send, "sim-key")
        ids = [caller.accepted(webhook=receiver.url), caller.accepted("[[sim:failed]]")]
        replies: list[object] = [
            caller.generate(duration=7),
            caller.read("x"),
            caller.call("PUT", GENERATE),
            send("GET", STATUS, {}, b""),
        ]
        replies += [
            send(*call, {KEY_HEADER: "sim-throttled"}, b"")
            for call in (("GET", STATUS), ("POST", GENERATE))
            for _ in range(4)
        ]
        for seconds in (6, 9, 60):
            caller.advance(seconds)
            replies += [len(receiver.received), *(caller.read(each) for each in ids)]
    return [*replies, *(sorted(each.headers) for each in receiver.received)]


def test_a_variant_is_not_the_faithful_gateway(receiver: Receiver) -> None:
    """A variant that changed nothing would test nothing."""
    faithful = said(None, receiver)
    assert said(None, receiver) == faithful
    assert {each.name for each in VARIANTS if said(each, receiver) == faithful} == UNSEEN
