"""The expectation file: known deviations of a gateway, each with a reason and the day on which it expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.trace import ConfigurationError, check_known, check_names, is_array, is_object, read_settings

from .verdict import GOOD, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A deviation that its owner knows about: which FAIL is excused or DRIFT accepted, why, and until when."""

    clause: str
    outcome: Literal["FAIL", "DRIFT"]
    reason: str
    expires: date

    def excuses(self, verdict: Verdict, today: date) -> bool:
        """Whether this is the deviation that was expected, on the day `today`."""
        known = (self.clause, self.outcome) == (verdict.clause, verdict.outcome.value)
        return known and today <= self.expires

    def stale(self, verdict: Verdict | None, today: date) -> str | None:
        """Why the expectation is out of date on the day `today`; None if it is not."""
        name = f"expectation of {self.outcome} for {self.clause}"
        if self.expires < today:
            return f"{name} expired on {self.expires}: renew it or fix the gateway"
        if verdict is not None and verdict.outcome in GOOD:
            return f"{name} is fixed, the clause is now {verdict.outcome.value}: delete it"
        return None


@dataclass(frozen=True, slots=True)
class _ExpectationFile:
    expect: tuple[Expectation, ...] = ()


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read a file of `[[expect]]` tables, in TOML, JSON or YAML. Raises `ConfigurationError` naming file, key and the nearest known one."""
    name = f"expectation file {path}"
    settings = read_settings("expectation file", path)
    check_names(name, settings, _ExpectationFile)
    tables = settings.get("expect")
    for table in tables if is_array(tables) else ():
        if is_object(table):
            check_names(name, table, Expectation, "[[expect]] ")
            check_known(f"{name}: no clause", [str(table.get("clause", next(iter(BY_ID))))], BY_ID)
    try:
        return msgspec.convert(settings, _ExpectationFile).expect
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{name}: {error}") from None
