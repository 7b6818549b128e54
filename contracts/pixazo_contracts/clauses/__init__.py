"""The catalogue: every requirement of the vendor's page, one function each, one file a group."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .checks import UNDECIDED
from .catalogue import (
    auth,
    base,
    errors,
    failure,
    flow,
    headers,
    image_to_video,
    output,
    status,
    submit,
    text_to_video,
    time,
    wallet,
    webhook,
)
from .clause import Clause, Evidence, Observation, Remark, Strength, Violation, show
from .statements import STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BY_ID",
    "CATALOGUE",
    "CLAUSE_SET",
    "STATEMENTS",
    "UNDECIDED",
    "Clause",
    "Evidence",
    "Observation",
    "Remark",
    "Strength",
    "Violation",
    "select",
    "show",
]

_GROUPS = (
    base,
    auth,
    headers,
    submit,
    text_to_video,
    image_to_video,
    status,
    flow,
    output,
    time,
    failure,
    wallet,
    errors,
    webhook,
)

#: All clauses, by group, in the order in which they are written.
CATALOGUE: tuple[Clause, ...] = tuple(
    value for group in _GROUPS for value in vars(group).values() if isinstance(value, Clause)
)

#: The same by id.
BY_ID: dict[str, Clause] = {clause.id: clause for clause in CATALOGUE}


def _digest(clauses: Iterable[Clause]) -> str:
    text = "\n".join(f"{c.id} {c.strength.value} {c.drift_fails} {c.requirement}" for c in clauses)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


#: A digest of what is required, which two results must share to be compared.
CLAUSE_SET: str = _digest(CATALOGUE)


def select(globs: Iterable[str] = (), *, core: bool = False) -> tuple[Clause, ...]:
    """The clauses whose id matches one of the globs (all, if none is given), the core ones only if `core`."""
    patterns = tuple(globs) or ("*",)
    return tuple(
        clause
        for clause in CATALOGUE
        if (clause.core or not core) and any(fnmatchcase(clause.id, pattern) for pattern in patterns)
    )
