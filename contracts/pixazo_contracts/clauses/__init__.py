"""What the vendor's page requires: a catalogue of clauses, each a pure judgement of a trace."""

from .catalogue import BY_ID, CATALOGUE, CLAUSE_SET, STATEMENTS, select
from .clause import PAGE_URL, Clause, Quote, Strength
from .remarks import Evidence, Observation, Remark, Unseen, Violation, show

__all__ = [
    "BY_ID", "CATALOGUE", "CLAUSE_SET", "PAGE_URL", "STATEMENTS", "Clause", "Evidence", "Observation", "Quote", "Remark", "Strength", "Unseen", "Violation",
    "select", "show",
]  # fmt: skip
