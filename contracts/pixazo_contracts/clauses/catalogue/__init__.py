"""Every requirement of the vendor's page: one file for each group, collected here in the order of the page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from pixazo_contracts.clauses.clause import Clause

from .auth import AUTH
from .base import BASE
from .errors import ERR
from .failure import FAIL
from .flow import FLOW
from .headers import HDR
from .image_to_video import I2V
from .output import OUT
from .status import STATUS
from .submit import SUBMIT
from .text_to_video import T2V
from .time import TIME
from .wallet import WAL
from .webhook import WEBHOOK

GROUPS = (BASE, AUTH, HDR, SUBMIT, T2V, I2V, STATUS, FLOW, OUT, TIME, FAIL, WAL, ERR, WEBHOOK)

#: All clauses, by group, in the order in which they are written.
CATALOGUE: tuple[Clause, ...] = tuple(clause for group in GROUPS for clause in group.clauses)

#: The same by id.
BY_ID: dict[str, Clause] = {clause.id: clause for clause in CATALOGUE}


#: A digest of what is required, which two results must share to be compared.
CLAUSE_SET: str = hashlib.sha256(
    "\n".join(f"{c.id} {c.strength.value} {c.drift_fails} {c.requirement}" for c in CATALOGUE).encode()
).hexdigest()[:16]


def select(globs: Iterable[str] = (), *, core: bool = False) -> tuple[Clause, ...]:
    """The clauses whose id matches one of the globs (all, if none is given), the core ones only if `core`."""
    patterns = tuple(globs) or ("*",)
    return tuple(
        clause
        for clause in CATALOGUE
        if (clause.core or not core) and any(fnmatchcase(clause.id, pattern) for pattern in patterns)
    )
