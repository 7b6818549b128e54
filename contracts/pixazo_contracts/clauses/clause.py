"""A clause: one requirement of the page with its pure judgement of a trace.

A clause with a judgement of its own is a function, whose docstring is the requirement:

    @STATUS.clause("STATUS-07", DOCUMENTED, SHARED,
        section='Response Fields: "polling_url | string | Status URL (initial response only)"')
    def status_07(trace: Trace) -> Remarks:
        \"\"\"`polling_url` does not appear in status answers.\"\"\"
        for read in trace.envelopes:
            yield check_member(read, "polling_url", is_absent, "absent")

A clause that only delegates to a check which others share (`checks`) is a row:

    AUTH.row("AUTH-03", IMPLIED, FREE, answered(401), section='Response Handling: "401 | Unauthorized"',
        demands="An unknown key is refused with 401.")

Both give first the identity of the clause (id, strength, cost, dependencies), then where the page says so, then what that
demands. `section` names headings of the page, separated by `; `, each with its words there, word for word in quotation
marks and the cells of a table row separated by ` | `; a heading alone stands for the sample printed under it (`SAMPLES`).
It is `silence` where the page says nothing, or another reason of ours.

A judgement is a generator of remarks and does no I/O; whatever it needs to know about the target is in `trace.profile`.
In a remark a value that came from outside is JSON (`show`; a name may be `plain`), so that `"null"` is not null and no value
can be taken for words of ours, which stand as they are. It may yield

- `Evidence`: something was looked at and found in order;
- `Violation`: something was looked at and found wrong (`check` yields one of these two);
- `Observation`: what the gateway does where the page is silent, as a short text that is the same in every run;
- `Unseen`: why something could not be looked at.

A clause that yields nothing judged nothing, and its verdict is never PASS.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Final, Required, TypedDict, Unpack

from pixazo_contracts.trace import MISSING, Callback, Exchange, Profile, Trace, visible

from .standing import EXAMPLE, Cost, Strength

#: The longest rendering of a value in a finding, in characters: the trace has the whole value.
LONGEST_SHOWN: Final = 240

#: A name that needs no quotation marks among words of ours.
PLAIN: Final = re.compile(r"(?!(none|nothing|absent|null|true|false)$)[A-Za-z0-9_.*/+-]+")


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

#: One reference in a section: a heading, and what is quoted from there.
REFERENCE: Final = re.compile(r'(?P<heading>[^"]+?)(?:: "(?P<words>.*?)")?(?:; |$)')


@dataclass(frozen=True, slots=True)
class Quote:
    """What the page says under a heading: its words there, or the name of a sample."""

    heading: str
    words: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a clause looked at and found in order."""

    source: Exchange | Callback


@dataclass(frozen=True, slots=True)
class Violation:
    """Something a clause looked at and found wrong: where, what the page says, what came instead.

    Both texts are words of ours, with each value as `show` writes it. `related` are further records that the judgement rests
    on: whoever spoiled one of them explains the violation. `drifts`: a client that parses the page is not hurt, so it is
    DRIFT even where the clause would fail.
    """

    source: Exchange | Callback
    where: str
    expected: str
    got: str
    related: tuple[Exchange | Callback, ...] = ()
    drifts: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What the gateway does where the page is silent; equal behaviour must give equal text in every run.

    It rests on its `source` and on the `related` records.
    """

    text: str
    source: Exchange | Callback | None = None
    related: tuple[Exchange | Callback, ...] = ()


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why something that the clause is about could not be looked at, with the remedy: the reason, if nothing else was.

    With `skips` the gateway may keep the page all the same, and the clause is SKIPPED, as where the target lacks something.
    """

    reason: str
    skips: bool = False


Remark = Evidence | Violation | Observation | Unseen
Remarks = Iterator[Remark]
Judgement = Callable[[Trace], Remarks]
#: A judgement that several clauses share: it takes the id of the clause as well.
SharedCheck = Callable[[Trace, str], Remarks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One requirement: its identity, its standing on the page, and its judgement.

    `needs`: the capabilities of a target without which the clause is SKIPPED. `depends_on`: the clauses whose failure
    explains a failure of this one. `core`: part of the cut for a first release. `drift_fails`: an example fixes a shape
    that clients must parse, so a violation is FAIL and not DRIFT.
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
        """What the page says of it; none where it says nothing."""
        found: list[Quote] = []
        for heading, words in REFERENCE.findall(self.section):
            found += [Quote(heading, words)] if words else [Quote(heading, sample=s) for s in SAMPLES.get(heading, ())]
        return tuple(found)

    @property
    def digest(self) -> str:
        """A digest of what is required, which two verdicts must share to be compared."""
        return hashlib.sha256(
            f"{self.id} {self.strength.value} {self.drift_fails} {self.requirement}".encode()
        ).hexdigest()[:16]

    def is_planned(self, fed: Container[str], profile: Profile) -> bool:
        """Whether a run judges the clause that carries out probes which feed the clauses `fed`."""
        return self.id in fed and profile.has(self.needs)


class Standing(TypedDict, total=False):
    """What a clause says about itself beyond its strength and cost; ids and capabilities are separated by spaces."""

    section: Required[str]
    depends_on: str
    needs: str
    core: bool
    drift_fails: bool


class Group:
    """The clauses of one part of the page, in the order in which they are written.

    `depends_on` and `needs` hold for each clause that does not name its own.
    """

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
        drift_fails = standing.get("drift_fails", False)
        if drift_fails and strength is not EXAMPLE:
            raise TypeError(f"clause {clause_id} has drift_fails but not strength EXAMPLE: drop one of the two")
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
            drift_fails=drift_fails,
        )
        self.clauses.append(clause)


def show(value: object) -> str:
    """A value as a reader of a finding sees it: JSON in one line, shortened; `absent` for a missing member."""
    text = repr(value) if value is MISSING else visible(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def plain(name: str) -> str:
    """A name or another short text that came from outside, in a list: as it is if it is one plain word, else as JSON."""
    return name if PLAIN.fullmatch(name) else show(name)


def header_word(value: str | None) -> str:
    """A header in a remark: its value, or `absent`."""
    return show(MISSING if value is None else value)


def code_shown(exchange: Exchange) -> str:
    """A response in a finding: its status code, or why there was none."""
    return f"no response ({exchange.error})" if exchange.status is None else str(exchange.status)


def code_word(exchange: Exchange) -> str:
    """A response in an observation: `accepted`, or else as in a finding."""
    return "accepted" if exchange.succeeded else code_shown(exchange)


def body_word(exchange: Exchange) -> str:
    """Whether a response has members, in an observation."""
    return "JSON" if exchange.members else "not a JSON object"


def member_names(exchange: Exchange) -> str:
    """The names of the members of a response, sorted, as an observation lists them."""
    return ", ".join(map(plain, sorted(exchange.members))) or "none"


def check(
    holds: bool,  # noqa: FBT001 - reads as a sentence: check(condition, source, where, expected, got)
    source: Exchange | Callback,
    where: str,
    expected: str,
    got: object = MISSING,
    *,
    words: str | None = None,
    related: tuple[Exchange | Callback, ...] = (),
    drifts: bool = False,
) -> Evidence | Violation:
    """`Evidence` if it holds, else the `Violation` that says what stood `where` instead of `expected`.

    That is the value `got`, or what our own `words` say of it; `related` and `drifts` are the violation's.
    """
    if holds:
        return Evidence(source)
    return Violation(source, where, expected, show(got) if words is None else words, related, drifts)


def check_member(
    source: Exchange | Callback,
    name: str,
    holds: Callable[[object], bool],
    expected: str,
    *,
    related: tuple[Exchange | Callback, ...] = (),
    drifts: bool = False,
) -> Evidence | Violation:
    """`check` a member of the body; `holds` gets its value, `MISSING` if the body has none of that name."""
    value = source.member(name)
    return check(holds(value), source, name, expected, value, related=related, drifts=drifts)
