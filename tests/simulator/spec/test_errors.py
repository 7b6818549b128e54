"""Reasons to refuse a call, as the journal tells them."""

from __future__ import annotations

import pytest

from pixazo_simulator.spec.errors import (
    BodyTooLarge,
    Broken,
    InsufficientFunds,
    InvalidBody,
    InvalidKey,
    InvalidParameters,
    KeySuspended,
    MissingKey,
    ModelNotFound,
    Problem,
    Refusal,
    Throttled,
    TooManyPending,
    UnknownRequest,
    UnknownRoute,
    UnsupportedMediaType,
    Violation,
)
from pixazo_simulator.spec.policy import Policy
from pixazo_simulator.spec.responses import refusal_answer


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (UnknownRoute(), "no route of the gateway"),
        (UnknownRoute("GET"), "this path takes only GET"),
        (MissingKey(), "no API key"),
        (InvalidKey(), "the API key opens no world"),
        (KeySuspended(), "the API key is suspended"),
        (Throttled(7), "over the rate limit, retry after 7 s"),
        (Broken(), "the key makes the gateway fail"),
        (TooManyPending(3), "3 webhook deliveries wait already (bound pending)"),
        (BodyTooLarge(99), "the body is larger than 99 bytes"),
        (UnsupportedMediaType(None), "Content-Type is missing: send application/json"),
        (UnsupportedMediaType("text/plain"), "Content-Type is 'text/plain': send application/json"),
        (InvalidBody("empty"), "the body is empty: a JSON object is expected"),
        (InvalidBody("malformed", "why"), "the body is not valid JSON: why"),
        (InvalidBody("nested"), "the body is nested too deeply"),
        (InvalidBody("object", "null"), "the body must be a JSON object, not null"),
        (ModelNotFound("other-ai"), "model other-ai is unknown or disabled"),
        (InsufficientFunds(350_000), "the wallet holds less than $0.35"),
        (UnknownRequest("a_1"), "request a_1 is unknown"),
        (UnknownRequest("a_1", foreign=True), "request a_1 belongs to another key"),
        (
            InvalidParameters(
                (Problem("duration", Violation.WANTED, ("6 or 10", 7)), Problem("prompt", Violation.BLANK))
            ),
            "duration must be 6 or 10, not 7; prompt must not be blank",
        ),
    ],
)
def test_every_refusal_is_described_in_words(refusal: Refusal, expected: str) -> None:
    """The phrase has the value and, where there is one, the remedy."""
    assert refusal_answer(refusal, Policy(), "http://localhost/").reason == f"refused: {expected}"
