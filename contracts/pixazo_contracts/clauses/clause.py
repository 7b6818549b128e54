"""A clause: one requirement of the page with its pure judgement of a trace.

A clause with a judgement of its own is a function, whose docstring is the requirement:

    @STATUS.clause("STATUS-07", DOCUMENTED, SHARED,
        section='Response Fields: "polling_url | string | Status URL (initial response only)"')
    def status_07(trace: Trace) -> Remarks:
        \"\"\"`polling_url` does not appear in status answers.\"\"\"
        for read in trace.envelopes:
            yield check_member(read, "polling_url", is_absent, "absent")

A clause that only delegates to a check which others share (`checks`) is a row:

    AUTH.row("AUTH-03", IMPLIED, FREE, partial(answered, code=401), section='Response Handling: "401 | Unauthorized"',
        demands="An unknown key is refused with 401.")

Both give first the identity of the clause (id, strength, cost, dependencies), then where the page says so, then what it
requires. `section` names headings of the page, separated by `; `, each with its words there, word for word in quotation
marks and the cells of a table row separated by ` | `; a heading alone stands for the sample printed under it (`SAMPLES`).
It is `silence` where the page says nothing, or another reason of our own.

A judgement is a generator of remarks (`remarks`) and does no I/O; whatever it needs to know about the target is in
`trace.profile`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import Enum
from typing import Final, Required, TypedDict, Unpack

from pixazo_contracts.trace import Profile, Trace

from .remarks import Remarks

#: The page that is quoted: its `Source:`.
PAGE_URL: Final = "https://www.pixazo.ai/models/hailuo"
#: The headings under which the page prints payloads, with the names of those samples.
SAMPLES: Final = {
    "Request Code (Image to Video)": ("image_to_video",),
    "Request Code (Text to Video)": ("text_to_video",),
    "Output": ("accepted",),
    "Response (Completed)": ("completed",),
    "Queue System Errors": ("insufficient_balance", "model_not_found"),
    "Error via Status/Webhook": ("error",),
}
#: One reference in a section: a heading, and the quotation from there.
REFERENCE: Final = re.compile(r'(?P<heading>[^"]+?)(?:: "(?P<words>.*?)")?(?:; |$)')


class Strength(Enum):
    """What the page says about a requirement, which decides what a violation means (`judge.verdict`).

    `DOCUMENTED`: the page says it. `IMPLIED`: it follows from what the page says. `EXAMPLE`: only an example shows it.
    `SILENT`: the page leaves it open, so the behaviour is recorded and only a change is reported.
    """

    DOCUMENTED = "D"
    IMPLIED = "I"
    EXAMPLE = "E"
    SILENT = "S"


class Cost(Enum):
    """What it costs to check a clause on a gateway that charges.

    `FREE`: nothing. `FREE_IF_REFUSED`: nothing, unless the gateway accepts what it should refuse. `SHARED`: a
    generation that many clauses share. `FURTHER`: one more generation. `RECEIVER`: a shared generation and a receiver for
    callbacks. `ACCOUNT`: an account of a certain kind. `ACCOUNT_RECEIVER`: both. `NOT_OUTSIDE`: it can only be
    checked on a gateway that we run ourselves.
    """

    FREE = "F"
    FREE_IF_REFUSED = "F!"
    SHARED = "G"
    FURTHER = "G+"
    RECEIVER = "GW"
    ACCOUNT = "A"
    ACCOUNT_RECEIVER = "AW"
    NOT_OUTSIDE = "N"


DOCUMENTED, IMPLIED, EXAMPLE, SILENT = Strength
FREE, FREE_IF_REFUSED, SHARED, FURTHER, RECEIVER, ACCOUNT, ACCOUNT_RECEIVER, NOT_OUTSIDE = Cost


@dataclass(frozen=True, slots=True)
class Quote:
    """What the page says under a heading: its words there, or the name of a sample."""

    heading: str
    words: str = ""
    sample: str = ""


Judgement = Callable[[Trace], Remarks]
#: A judgement that several clauses share: it also takes the id of the clause.
SharedCheck = Callable[[Trace, str], Remarks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One requirement: its identity, its basis on the page, and its judgement.

    `needs`: the capabilities of a target without which it is SKIPPED. `depends_on`: the clauses whose failure explains its own.
    `core`: part of a first release. `drift_fails`: an example fixes a shape that clients must parse, so a violation is FAIL.
    """

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

    @property
    def group(self) -> str:
        """The first part of the id, such as `STATUS`."""
        return self.id.partition("-")[0]

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """What the page says about it; empty if it says nothing."""
        found: list[Quote] = []
        for heading, words in REFERENCE.findall(self.section):
            found += [Quote(heading, words)] if words else [Quote(heading, sample=s) for s in SAMPLES.get(heading, ())]
        return tuple(found)

    @property
    def digest(self) -> str:
        """A digest of what is required, which two verdicts must share to be compared."""
        said = f"{self.id} {self.strength.value} {self.drift_fails} {self.requirement}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def is_planned(self, fed: Container[str], profile: Profile) -> bool:
        """Whether a run judges the clause if its probes feed the clauses `fed`."""
        return self.id in fed and profile.has(self.needs)


class Standing(TypedDict, total=False):
    """What a clause says about itself beyond its strength and cost; ids and capabilities are separated by spaces."""

    section: Required[str]
    depends_on: str
    needs: str
    core: bool
    drift_fails: bool


class Group:
    """The clauses of one part of the page, in order; `depends_on` and `needs` apply to each that does not name its own."""

    def __init__(self, *, depends_on: str = "", needs: str = "") -> None:
        self._depends_on = depends_on
        self._needs = needs
        self.clauses: list[Clause] = []

    def clause(
        self, clause_id: str, strength: Strength, cost: Cost, **standing: Unpack[Standing]
    ) -> Callable[[Judgement], None]:
        """Turn a judgement into the clause `clause_id` of this group; its docstring is the requirement."""

        def decorate(judge: Judgement) -> None:
            if not judge.__doc__:
                raise TypeError(f"clause {clause_id} has no requirement: give its function a docstring")
            self.row(clause_id, strength, cost, lambda trace, _: judge(trace), demands=judge.__doc__, **standing)

        return decorate

    def row(
        self,
        clause_id: str,
        strength: Strength,
        cost: Cost,
        check: SharedCheck,
        *,
        demands: str,
        **standing: Unpack[Standing],
    ) -> None:
        """Add the clause `clause_id`, which demands what a shared check judges."""
        clause = Clause(
            id=clause_id,
            requirement=demands,
            section=standing["section"],
            strength=strength,
            cost=cost,
            judge=lambda trace: check(trace, clause_id),
            needs=frozenset(standing.get("needs", self._needs).split()),
            depends_on=tuple(standing.get("depends_on", self._depends_on).split()),
            core=standing.get("core", False),
            drift_fails=standing.get("drift_fails", False),
        )
        self.clauses.append(clause)
