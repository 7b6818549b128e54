"""What one test did in its world."""

from __future__ import annotations

from typing import Any

import msgspec

from pixazo_simulator.control import ClockState, Delivery, Exchange, Generation, ScriptRule, from_json, to_json
from pixazo_simulator.spec import Redactor


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One test's world at its end, without the key; lists are in the order in which things happened.

    `nodeid` names the test, `seed` repeats its world. `exchanges` are the world's journal, of which the oldest `dropped` are no
    longer kept; `unmatched` are the requests during this test that reached no world. `deliveries` are webhooks with their
    attempts, `generations` what was accepted, `rules` the script with how often each step was used, `unfinished` the rules that
    were begun and never given a verb, `clock` the time, and when the next webhook is due.
    """

    nodeid: str
    seed: int
    exchanges: list[Exchange] = []
    deliveries: list[Delivery] = []
    generations: list[Generation] = []
    rules: list[ScriptRule] = []
    unmatched: list[Exchange] = []
    unfinished: list[str] = []
    clock: ClockState | None = None
    dropped: int = 0

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object, for another process such as an xdist worker; `from_json` reads it."""
        record: dict[str, Any] = to_json(self)
        return record

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Record:
        """The record that `to_json` wrote. Raises ValueError for anything else."""
        return from_json(value, cls)


SECRETS = Redactor()
"""The keys of the tests that run, and of those before them: whatever is shown or written of a test is redacted with it."""
