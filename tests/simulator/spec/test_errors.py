"""Reasons to refuse a call, as the journal tells them."""

from __future__ import annotations

import pytest

from pixazo_simulator import spec


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (spec.UnknownRoute(), "no route of the gateway"),
        (spec.UnknownRoute("GET"), "this path takes only GET"),
        (spec.MissingKey(), "no API key"),
        (spec.InvalidKey(), "the API key opens no world"),
        (spec.KeySuspended(), "the API key is suspended"),
        (spec.Throttled(7), "over the rate limit, retry after 7 s"),
        (spec.TooManyUnfinished(7, 1), "1 generation has not ended (policy concurrency), retry after 7 s"),
        (spec.TooManyUnfinished(7, 2), "2 generations have not ended (policy concurrency), retry after 7 s"),
        (spec.Broken(), "the key makes the gateway fail"),
        (spec.TooManyPending(3), "3 webhook deliveries wait already (bound pending)"),
        (spec.BodyTooLarge(99), "the body is larger than 99 bytes"),
        (spec.UnsupportedMediaType(None), "Content-Type is missing: send application/json"),
        (spec.UnsupportedMediaType("text/plain"), "Content-Type is 'text/plain': send application/json"),
        (spec.InvalidBody("empty"), "the body is empty: a JSON object is expected"),
        (spec.InvalidBody("malformed", "why"), "the body is not valid JSON: why"),
        (spec.InvalidBody("nested"), "the body is nested too deeply"),
        (spec.InvalidBody("object", "null"), "the body must be a JSON object, not null"),
        (spec.ModelNotFound("other-ai"), "model other-ai is unknown or disabled"),
        (spec.InsufficientFunds(350_000), "the wallet has less than $0.35"),
        (spec.InsufficientFunds(1_234_567_000_000), "the wallet has less than $1234567.00"),
        (spec.UnknownRequest("a_1"), "request a_1 is unknown"),
        (spec.UnknownRequest("a_1", foreign=True), "request a_1 belongs to another key"),
        (
            spec.InvalidParameters(
                (
                    spec.Problem("duration", spec.Violation.WANTED, ("6 or 10", 7)),
                    spec.Problem("prompt", spec.Violation.BLANK),
                )
            ),
            "duration must be 6 or 10, not 7; prompt must not be blank",
        ),
    ],
)
def test_every_refusal_is_described_in_words(refusal: spec.Refusal, expected: str) -> None:
    """The phrase has the value and, where there is one, the remedy."""
    assert spec.refusal_answer(refusal, spec.Policy(), "http://localhost/").reason == f"refused: {expected}"
