"""The adopter's expectation file: which FAIL is excused and which DRIFT accepted, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec

from pixazo_contracts.trace import ConfigurationError, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One deviation that its owner knows of."""

    clause: str
    outcome: Literal["FAIL", "DRIFT"]
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class Excuses:
    """The clauses whose deviation is excused today, and one line for each expectation that is out of date."""

    clauses: frozenset[str] = frozenset()
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    expect: tuple[Expectation, ...] = ()


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read a TOML file of `[[expect]]` tables. Raises `ConfigurationError`."""
    settings = read_toml("expectation file", path)
    try:
        return msgspec.convert(settings, _File).expect
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"expectation file {path}: {error}") from None


def _stale(expectation: Expectation, verdict: Verdict | None, today: date) -> str | None:
    name = f"expectation of {expectation.outcome} for {expectation.clause}"
    if verdict is None:
        return f"{name} matches no clause: delete it"
    if expectation.expires < today:
        return f"{name} expired on {expectation.expires}: renew it or mend the gateway"
    if verdict.outcome.value in {"PASS", "OBSERVED"}:
        return f"{name} is fixed, the clause is now {verdict.outcome.value}: delete it"
    return None


def apply_expectations(expectations: Iterable[Expectation], verdicts: Sequence[Verdict], today: date) -> Excuses:
    """Which verdicts are excused on the day `today`, and which expectations no longer fit."""
    by_id = {verdict.clause: verdict for verdict in verdicts}
    excused: set[str] = set()
    stale: list[str] = []
    for expectation in expectations:
        verdict = by_id.get(expectation.clause)
        complaint = _stale(expectation, verdict, today)
        if complaint is not None:
            stale.append(complaint)
        elif verdict is not None and verdict.outcome.value == expectation.outcome:
            excused.add(expectation.clause)
    return Excuses(frozenset(excused), tuple(stale))
