"""A clause: one requirement of the page with its pure judgement of a trace.

How a clause looks::

    @clause(
        "STATUS-07",
        section="Response Fields (initial response only)",
        strength=Strength.DOCUMENTED,
        cost=Cost.SHARED,
        depends_on=("SUBMIT-03",),
    )
    def status_07(trace: Trace) -> Remarks:
        \"\"\"`polling_url` does not appear in status answers.\"\"\"
        for read in trace.envelopes():
            yield check("polling_url" not in read.members, read, "polling_url", "absent", read.members.get("polling_url"))

The docstring is the requirement. The body is a generator of remarks and does no I/O; whatever it needs to know about the
target is in `trace.profile`. It may yield

- `Evidence`: something was looked at and found in order;
- `Violation`: something was looked at and found wrong (`check` yields one of these two);
- `Observation`: what the gateway does where the page is silent, as a short text that is the same in every run.

A clause that yields nothing judged nothing, and its verdict is never PASS. A clause that no run can judge has an
`untestable` reason and an empty body. `strength` decides what a violation means (see `verdict`), `cost` what a check costs
on a paid target, `needs` the capabilities without which it is SKIPPED, `depends_on` the clauses whose failure explains this
one's, `core` the cut for a first release, `drift_fails` that a sample fixes a shape which clients must parse.

The catalogue of all clauses is `pixazo_contracts.clauses.CATALOGUE`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pixazo_contracts.trace import MISSING, Callback, Exchange

if TYPE_CHECKING:
    from pixazo_contracts.trace import Trace


#: Longest rendering of a value in a finding, in characters.
SHOWN = 240


class Strength(Enum):
    """What the page gives us for a requirement, and so what a violation means."""

    DOCUMENTED = "D"
    IMPLIED = "I"
    EXAMPLE = "E"
    SILENT = "S"


class Cost(Enum):
    """What checking a clause costs against a gateway that charges."""

    FREE = "F"
    FREE_IF_REFUSED = "F!"
    SHARED = "G"
    FURTHER = "G+"
    SHARED_WITH_RECEIVER = "GW"
    ACCOUNT = "A"
    ACCOUNT_WITH_RECEIVER = "AW"
    NOT_OUTSIDE = "N"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a clause looked at and found in order."""

    source: Exchange | Callback


@dataclass(frozen=True, slots=True)
class Violation:
    """Something a clause looked at and found wrong: where, what the page says, what came instead."""

    source: Exchange | Callback
    where: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What the gateway does where the page is silent; equal behaviour must give equal text in every run."""

    text: str
    source: Exchange | Callback | None = None


Remark = Evidence | Violation | Observation
Remarks = Iterator[Remark]
Judgement = Callable[["Trace"], Remarks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One requirement: its identity, its standing on the page, and its judgement."""

    id: str
    requirement: str
    section: str
    strength: Strength
    cost: Cost
    judge: Judgement
    needs: frozenset[str] = frozenset()
    depends_on: tuple[str, ...] = ()
    core: bool = False
    drift_fails: bool = False
    untestable: str | None = None

    @property
    def group(self) -> str:
        """The first part of the id, such as `STATUS`."""
        return self.id.partition("-")[0]


def clause(
    clause_id: str,
    *,
    section: str,
    strength: Strength,
    cost: Cost,
    needs: tuple[str, ...] = (),
    depends_on: tuple[str, ...] = (),
    core: bool = False,
    drift_fails: bool = False,
    untestable: str | None = None,
) -> Callable[[Judgement], Clause]:
    """Turn a judgement into the clause `clause_id`; its docstring, unwrapped, is the requirement."""

    def decorate(judge: Judgement) -> Clause:
        requirement = " ".join((judge.__doc__ or "").split())
        if not requirement:
            raise TypeError(f"clause {clause_id} has no requirement: give its function a docstring")
        if drift_fails and strength is not Strength.EXAMPLE:
            raise TypeError(f"clause {clause_id} says drift_fails but is not of strength EXAMPLE: drop one of the two")
        return Clause(
            id=clause_id,
            requirement=requirement,
            section=section,
            strength=strength,
            cost=cost,
            judge=judge,
            needs=frozenset(needs),
            depends_on=depends_on,
            core=core,
            drift_fails=drift_fails,
            untestable=untestable,
        )

    return decorate


def show(value: object) -> str:
    """A value as a reader of a finding sees it: JSON, shortened; `absent` for a missing member."""
    text = repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def check(
    holds: bool,  # noqa: FBT001 - reads as a sentence: check(condition, source, where, expected, got)
    source: Exchange | Callback,
    where: str,
    expected: str,
    got: object = MISSING,
) -> Evidence | Violation:
    """`Evidence` if it holds, else the `Violation` that says what stood `where` instead of `expected`."""
    return Evidence(source) if holds else Violation(source, where, expected, got if isinstance(got, str) else show(got))
