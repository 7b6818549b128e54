"""What the vendor's page requires: a catalogue of clauses, each a pure judgement of a trace."""

from __future__ import annotations

from .catalogue import BY_ID, CATALOGUE, CLAUSE_SET, STATEMENTS, select
from .clause import Clause, Evidence, Observation, Remark, Unseen, Violation, show
from .standing import Strength

__all__ = [
    "BY_ID", "CATALOGUE", "CLAUSE_SET", "STATEMENTS", "Clause", "Evidence", "Observation", "Remark", "Strength", "Unseen", "Violation",
    "select", "show",
]  # fmt: skip
