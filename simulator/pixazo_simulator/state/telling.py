"""The history of one world from the log: a phrase for each command that changed what one can see of it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pixazo_simulator import world
from pixazo_simulator.gateway import Response
from pixazo_simulator.spec import SECOND, Policy, dollars

from .history import Scratch, Step, beginning, steps
from .store import Kept

_WITHOUT_PHRASE = (world.RecordExchange, world.TakeDelivery, world.TakeTransitions, world.TakeTurn, world.EndTurn)
"""Commands that are part of others, which have the phrase."""


class Happened(NamedTuple):
    """A command that concerned a world: its `position` in the log, the world's instant then, and what it did: a phrase, or a request with its answer."""

    position: int
    at: int
    what: str | world.Exchange


def happened(number: int, kept: Kept, scratch: Scratch) -> list[Happened]:
    """What has happened in a world as far as the log reaches back, and first how it was there."""
    fold = beginning(kept, *scratch(kept.head.begun))
    fold.time.command = fold.time.latest
    present = fold.worlds.numbered(number)
    found = [Happened(fold.count, present.clock.now(), "the log begins")] if present else []
    for step in steps(number, kept, fold):
        present = fold.worlds.numbered(number)
        if present and (what := _phrase(step, present.clock.now())):
            found.append(Happened(fold.count, present.clock.now(), what))
    return found


def _phrase(step: Step, now: int) -> str | world.Exchange | None:
    """What a command did to the world; None for one that did not concern it, was refused, or changed nothing."""
    command, outcome = step.command, step.outcome
    if command is None or isinstance(outcome, Exception) or isinstance(command, _WITHOUT_PHRASE):
        return None
    if isinstance(outcome, Response):
        return outcome.exchange()
    before, policy = step.before or (now, None)
    match command:
        case world.AdvanceIdly() | world.AdvanceClock():
            return f"advance {(now - before) / SECOND:.15g} s" if now > before else None
        case world.ChangeWorld():
            return f"set {', '.join(_changes(command, policy))}"
        case world.RecordAttempt(delivery=delivery, attempt=attempt):
            said = attempt.problem if attempt.status is None else attempt.status
            return f"webhook {delivery.number}, attempt {len(delivery.attempts) + 1}: {said}"
        case world.CopyDelivery():
            return f"resend webhook {command.number}"
        case _:
            words = re.sub("(?<=.)([A-Z])", r" \1", type(command).__name__).lower()
            number: Any = getattr(command, "number", outcome)
            return f"{words} {number}" if isinstance(number, int) else words


def _changes(command: world.ChangeWorld, before: Policy | None) -> list[str]:
    found = [] if command.balance is None else [f"balance {dollars(command.balance)}"]
    if command.policy and before:
        found += [f"{name}={text}" for name, text in command.policy.texts.items() if text != before.texts.get(name)]
    given = {name: getattr(command, name) for name in ("suspended", "model_enabled", "broken")}
    found += [f"{name}={str(value).lower()}" for name, value in given.items() if value is not None]
    return found + (["images"] if command.images is not None else []) or ["nothing"]
