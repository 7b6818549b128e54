"""The effects that values of the policy have, and the words to tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.caller import IMAGE_TO_VIDEO, Caller, Reply

__all__ = [
    "NOT_FOUND",
    "Effect",
    "Effects",
    "animate",
    "balance",
    "completed",
    "ended",
    "failed",
    "invalid",
    "judged",
    "refused",
]

NOT_FOUND = {"error": "Request not found", "message": "No request with this id was found."}

Effect = Callable[..., None]
"""Fails unless the world of a caller, in which one field is set, behaves as the row says."""


class Effects(dict[tuple[str, str], Effect]):
    """Effects by field and value."""

    def shows(self, field: str, value: str, *expected: Any) -> Callable[[Effect], Effect]:
        """Enter the effect of one value of one field: a function of a caller and of what is expected."""

        def enter(effect: Effect) -> Effect:
            assert (field, value) not in self

            def check(caller: Caller) -> None:
                effect(caller, *expected)

            self[field, value] = check
            return effect

        return enter


def refused(reply: Reply, status: int, members: Mapping[str, object]) -> None:
    """The answer is exactly this refusal."""
    assert (reply.status, reply.json()) == (status, members)


def invalid(reply: Reply, message: str) -> None:
    """The answer is a 400 with this message."""
    refused(reply, 400, {"error": "Invalid request", "message": message})


def animate(caller: Caller, image: str = "https://images.test/bear.png", **members: object) -> Reply:
    """Submit an image-to-video request."""
    return caller.call("POST", IMAGE_TO_VIDEO, {"prompt": "A bear", "first_frame_image": image, **members})


def ended(caller: Caller, reply: Reply) -> Any:
    """The status answer of an accepted submit a minute later."""
    assert reply.status == 202, reply.body
    caller.advance(60)
    return caller.read(reply.json()["request_id"]).json()


def failed(caller: Caller, reply: Reply, error: str) -> None:
    """An accepted submit ends FAILED with this error."""
    judged(caller, reply, "FAILED", error)


def completed(caller: Caller, reply: Reply) -> None:
    """An accepted submit ends COMPLETED."""
    judged(caller, reply, "COMPLETED", None)


def judged(caller: Caller, reply: Reply, status: str, error: str | None) -> None:
    """A submit is refused with 400 and this message, or accepted, and ends in this status with this error."""
    if status == "400":
        invalid(reply, error or "")
    else:
        envelope = ended(caller, reply)
        assert (envelope["status"], envelope["error"]) == (status, error)


def balance(caller: Caller) -> str:
    """What is in the wallet, of 100 dollars."""
    text: str = caller.sim("world")["balance"]
    return text
