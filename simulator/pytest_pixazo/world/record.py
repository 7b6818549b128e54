"""What one test did in its world, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pixazo_simulator.spec import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One test's world at its end, as /_sim tells it: JSON values in the order of their happening, without the key.

    `nodeid` names the test, `seed` repeats its world. `exchanges` are the world's journal, of which the oldest `dropped` gave way
    to a bound; `lobby` are the calls during this test that reached no world. `deliveries` are callbacks with their attempts,
    `generations` what was accepted, `rules` the script with how often each step was used, `unsaid` what was begun of it and never
    finished, `clock` the time, and when the next callback is due.
    """

    nodeid: str
    seed: int
    exchanges: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    deliveries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    generations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rules: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lobby: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    unsaid: list[str] = field(default_factory=list[str])
    clock: dict[str, Any] = field(default_factory=dict[str, Any])
    dropped: int = 0

    def told(self) -> dict[str, Any]:
        """The record as one JSON object, for a process that sends it on, such as an xdist worker; `Record(**told)` reads it."""
        return asdict(self)


SECRETS = Redactor()
"""Knows the keys of the tests that run, and of those before them: what is shown or written of a test goes through it."""
