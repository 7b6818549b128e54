"""Reports: a result as a terminal matrix, JUnit XML, one HTML page; each a pure function."""

from __future__ import annotations

from .alarm import ContractBrokenError, ContractDriftWarning, Objection, raise_alarm, wrongly_refused
from .terminal import paid, render_changes, render_plan, told

__all__ = [
    "ContractBrokenError", "ContractDriftWarning", "Objection", "paid", "raise_alarm", "render_changes", "render_plan", "told", "wrongly_refused",
]  # fmt: skip
