"""Hypothesis strategies for requests: bodies that keep every rule of the page, bodies that break one, and arbitrary bytes.

For your own tests of your own gateway::

    from hypothesis import given
    from pixazo_contracts.stateful import strategies

    @given(strategies.bodies("imageToVideo"))
    def test_accepts_every_valid_body(body): ...

    @given(strategies.breaches("generate"))
    def test_refuses_every_violated_rule(breach):
        assert post(breach.operation, breach.body).status_code == 400, breach.clause

Neither kind of body contains what the page leaves open (a blank prompt, a fractional text-to-video duration, 1080P for 10 s).
"""

from __future__ import annotations

from .bodies import Frame, Operation, bodies, frames, prompts, proves
from .breaches import Breach, breaches, clauses_broken
from .requests import (
    json_documents,
    json_headers,
    letter_cases,
    malformed_documents,
    malformed_ids,
    near_bodies,
    not_objects,
    raw_bodies,
    receiver_urls,
    unknown_ids,
    valid_submits,
)

__all__ = [
    "Breach", "Frame", "Operation", "bodies", "breaches", "clauses_broken", "frames", "json_documents", "json_headers",
    "letter_cases", "malformed_documents", "malformed_ids", "near_bodies", "not_objects", "prompts", "proves", "raw_bodies",
    "receiver_urls", "unknown_ids", "valid_submits",
]  # fmt: skip
