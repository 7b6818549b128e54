"""What a trace means for each clause, and which failures explain others: those on records that the others depend on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from itertools import islice
from typing import Final, cast

from pixazo_contracts.clauses import Clause, Evidence, Observation, Strength, Unseen, Violation
from pixazo_contracts.trace import Callback, Exchange, Profile, Trace

#: The most kinds of findings that are kept for one clause, and the most records that are named for each.
MOST_FINDINGS: Final = 20
MOST_EXAMPLES: Final = 3
#: The most probes that the reason for missing evidence names.
MOST_NAMED: Final = 3

#: A request id, a UUID, or another machine-made word: long, with a digit in it.
TOKEN: Final = re.compile(r"minimax-hailuo-ai_[\w-]+|\b(?=[\w-]*\d)[\w-]{16,}")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
#: A span of time, a number of bytes, the number of a record.
AMOUNT: Final = re.compile(r"(?<![\d.])-?\d+(\.\d+)?( s| bytes)\b|(?<=exchange )\d+|(?<=callback )\d+")


class Outcome(Enum):
    """What a run says about a clause.

    `PASS`, `FAIL`: the gateway does what the page says, or does not. `DRIFT`: only an example of the page shows
    otherwise, or a baseline observed something else. `OBSERVED`: the page is silent, and what the gateway does is
    recorded. `BLOCKED`: the failure of another clause explains it. `INCONCLUSIVE`: nothing in the trace is relevant to it.
    `SKIPPED`: the target lacks what it needs. `UNFUNDED`: the budget did not reach it. `ERROR`: the suite itself failed.
    """

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    DRIFT = "DRIFT"
    OBSERVED = "OBSERVED"
    BLOCKED = "BLOCKED"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    UNFUNDED = "UNFUNDED"
    ERROR = "ERROR"


#: Outcomes based on evidence: that everything is as it should be, and that something is not.
GOOD: Final = frozenset({Outcome.PASS, Outcome.OBSERVED})
BAD: Final = frozenset({Outcome.FAIL, Outcome.DRIFT})
JUDGED: Final = GOOD | BAD
#: Outcomes that the failure of another clause may explain.
EXPLICABLE: Final = BAD | {Outcome.INCONCLUSIVE}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: where, what was expected, what was found, and in which records of the trace.

    `count` records differ only in ids and times: `exchange` or `callback` is the first, `examples` are the first three.
    """

    expected: str
    got: str
    where: str = ""
    exchange: int | None = None
    callback: int | None = None
    curl: str | None = None
    count: int = 1
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """What must be equal to compare two verdicts: digest of the requirement, settings that were read, probes carried out."""

    requirement: str
    settings: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one clause, with how many things it checked, what it observed, and what it depends on."""

    clause: str
    outcome: Outcome
    judged: int = 0
    observation: str | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    basis: Basis | None = None


#: Records that a finding depends on: of each whether it is a callback, and its number in the trace.
Records = frozenset[tuple[bool, int]]


def _records(sources: Iterable[Exchange | Callback]) -> Records:
    return frozenset((isinstance(source, Callback), source.number) for source in sources)


@dataclass(frozen=True, slots=True)
class _Ruling:
    """A verdict that no other has explained yet: what each finding depends on, and the records on which the clause failed."""

    verdict: Verdict
    observations: tuple[Observation, ...] = ()
    finding_records: tuple[Records, ...] = ()
    spoiled: Records = frozenset()


class _NotedProfile:
    """A profile that notes which of its settings are read; the address of a target is not a setting."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.read.add({"has": "capabilities", "lacks": "capabilities"}.get(name, name))
        return getattr(self._profile, name)


def carried_out(trace: Trace) -> dict[str, str]:
    """The state of each probe that was carried out: `done`, or an error.

    A probe that sent nothing, in a run whose budget did not cover another probe, was waiting for what that one would have sent.
    """
    return {name: state for name, state in _states(trace).items() if state not in {"skipped", "unfunded"}}


def _states(trace: Trace) -> dict[str, str]:
    sent = {exchange.probe for exchange in trace.exchanges}
    states = dict.fromkeys(sent, "done") if trace.footer is None else trace.footer.probes
    idle = "unfunded" if "unfunded" in states.values() else "done"
    return {name: idle if state == "done" and name not in sent else state for name, state in states.items()}


def neutral(text: str) -> str:
    """A text in which ids, instants, spans of time and numbers of records are placeholders."""
    ids: dict[str, str] = {}

    def reference(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], f"<id:{len(ids) + 1}>")

    return TOKEN.sub(reference, AMOUNT.sub("<number>", INSTANT.sub("<instant>", text)))


def _alike(violations: Iterable[Violation]) -> tuple[Finding, ...]:
    kinds: dict[tuple[object, ...], list[Violation]] = {}
    for violation in violations:
        texts = map(neutral, (violation.where, violation.expected, violation.got))
        kinds.setdefault((isinstance(violation.source, Callback), *texts), []).append(violation)
    findings: list[Finding] = []
    for (called, *_), same in islice(kinds.items(), MOST_FINDINGS):
        first, numbers = same[0], tuple(dict.fromkeys(violation.source.number for violation in same))
        exchange, callback = (None, numbers[0]) if called else (numbers[0], None)
        finding = Finding(first.expected, first.got, first.where, exchange, callback, count=len(same))
        findings.append(replace(finding, examples=numbers[:MOST_EXAMPLES]))
    return tuple(findings)


def _what_came(clause: Clause, trace: Trace, probes: Sequence[str]) -> str:
    """What was sent for a clause without evidence, and what responses it got."""
    aimed = [exchange for exchange in trace.exchanges if clause.id in exchange.aims]
    sent = aimed or [exchange for exchange in trace.exchanges if exchange.probe in probes]
    names = list(dict.fromkeys(exchange.probe for exchange in sent)) or probes
    if not names:
        return "nothing in the trace is relevant to it"
    shown = ", ".join([*names[:MOST_NAMED], *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])])
    counts = Counter(str(exchange.status or exchange.error) for exchange in sent)
    got = ", ".join(f"{word} ({number})" if number > 1 else word for word, number in counts.most_common())
    came = f"; {len(trace.callbacks)} callbacks arrived" if "receiver" in clause.needs else ""
    who = f"its probe{'s' if len(names) > 1 else ''} ({shown})"
    return f"{who} sent {len(sent)} request(s){' for it' if aimed else ''}{': ' if got else ''}{got}{came}"


def _unjudged(clause: Clause, trace: Trace, states: Mapping[str, str]) -> tuple[Outcome, str]:
    """Why a clause has no evidence, from the states of the probes that feed it."""
    if lack := trace.profile.lacks(clause.needs):
        return Outcome.SKIPPED, lack
    if errors := [state for state in states.values() if state.startswith("error")]:
        return Outcome.ERROR, errors[0]
    if not states or "done" in states.values():
        return Outcome.INCONCLUSIVE, _what_came(clause, trace, [name for name in states if states[name] == "done"])
    if "unfunded" in states.values():
        return Outcome.UNFUNDED, "the budget did not cover it: raise --max-generations"
    return Outcome.SKIPPED, "the probes that feed it need what the target does not have"


def _rule(clause: Clause, trace: Trace, states: Mapping[str, str]) -> _Ruling:
    try:
        remarks = list(clause.judge(trace))
    except Exception as error:  # noqa: BLE001 - a bug of ours must cost one verdict, not all
        reason = f"the clause raised {error!r}: report it"
        return _Ruling(Verdict(clause=clause.id, outcome=Outcome.ERROR, reason=reason))
    # An example may show only one of several forms; `drift_fails` marks the examples that clients must parse.
    may_fail = clause.strength is not Strength.EXAMPLE or clause.drift_fails
    violations = [remark for remark in remarks if isinstance(remark, Violation)]
    failing = [violation for violation in violations if may_fail and not violation.drifts]
    observations = tuple(remark for remark in remarks if isinstance(remark, Observation))
    evidence = sum(isinstance(remark, Evidence) for remark in remarks)
    # Sorted, so that it does not depend on the order of responses.
    observation = "; ".join(sorted({remark.text for remark in observations})) or None
    silent = clause.strength is Strength.SILENT
    if not (observation if silent else evidence or violations):
        outcome, reason = _unjudged(clause, trace, states)
        unseen = next((remark for remark in remarks if isinstance(remark, Unseen)), None)
        if outcome is Outcome.INCONCLUSIVE and unseen is not None:
            outcome, reason = Outcome.SKIPPED if unseen.skips else outcome, unseen.reason
        return _Ruling(Verdict(clause=clause.id, outcome=outcome, observation=observation, reason=reason))
    good = Outcome.OBSERVED if silent else Outcome.PASS
    verdict = Verdict(
        clause=clause.id,
        outcome=Outcome.FAIL if failing else Outcome.DRIFT if violations else good,
        judged=evidence + len(violations) + (observation is not None),
        observation=observation,
        findings=_alike(sorted(violations, key=lambda violation: violation.drifts)),
    )
    finding_records = tuple(_records((violation.source, *violation.related)) for violation in violations)
    return _Ruling(verdict, observations, finding_records, _records(violation.source for violation in failing))


def _drifted(ruling: _Ruling, before: str | None) -> _Ruling:
    """DRIFT if nothing is wrong but the observation differs from `before`."""
    verdict, now = ruling.verdict, str(ruling.verdict.observation)
    if before is None or verdict.observation is None or verdict.outcome not in GOOD or neutral(now) == neutral(before):
        return ruling
    new = [remark for remark in ruling.observations if neutral(remark.text) not in neutral(before).split("; ")]
    number = next((remark.source.number for remark in new if isinstance(remark.source, Exchange)), None)
    finding = Finding(f"as in the baseline: {before}", now, "observation", exchange=number)
    sources = (source for remark in new for source in (remark.source, *remark.related) if source is not None)
    drifted = replace(verdict, outcome=Outcome.DRIFT, findings=(finding,))
    # If nothing is new, something was not seen again: that is missing evidence.
    return replace(ruling, verdict=drifted, finding_records=(_records(sources),) if new else ())


def _explained(clauses: Sequence[Clause], rulings: Mapping[str, _Ruling]) -> dict[str, tuple[str, ...]]:
    """The clauses whose findings are all explained, each with the failed clauses that explain them.

    A finding is explained if a clause on which its own depends, also through others but not on itself, failed on a record that it
    depends on. Without a finding, any failure of such a clause is the explanation.
    """
    depends_on = {clause.id: clause.depends_on for clause in clauses}
    spoiled = {clause_id: ruling.spoiled for clause_id, ruling in rulings.items() if ruling.spoiled}
    causes: dict[str, list[str]] = {}

    @cache
    def roots(clause_id: str) -> frozenset[str]:
        near = [root for root in depends_on[clause_id] if root in depends_on]
        return frozenset(near).union(*map(roots, near))

    for clause_id, ruling in rulings.items():
        failed = [root for root in spoiled if root in roots(clause_id)]
        guilty = [[root for root in failed if spoiled[root] & records] for records in ruling.finding_records]
        guilty = guilty or [failed]
        if ruling.verdict.outcome in EXPLICABLE and all(guilty):
            causes[clause_id] = [root for root in failed if any(root in each for each in guilty)]

    def ends(clause_id: str) -> set[str]:
        """The causes that nothing else explains."""
        return {end for cause in causes[clause_id] for end in (ends(cause) if cause in causes else {cause})}

    return {i: tuple(clause.id for clause in clauses if clause.id in ends(i)) for i in causes}


def judge(
    trace: Trace,
    clauses: Sequence[Clause],
    *,
    feeders: Mapping[str, Sequence[str]] | None = None,
    baseline: Callable[[Verdict], str | None] = lambda _: None,
    excused: Callable[[Verdict], bool] = lambda _: False,
) -> list[Verdict]:
    """One verdict per clause, in the given order; an `excused` failure does not explain others.

    `feeders` names the probes that feed each clause: they explain missing evidence. `baseline` gives what an earlier run observed
    for a clause, if that may be compared: a change is DRIFT.
    """
    noted, states = _NotedProfile(trace.profile), _states(trace)
    # Only the settings that a clause reads from the profile can change its judgement. Cached values do not read them again.
    seen = replace(trace, header=replace(trace.header, profile=cast("Profile", noted)))
    rulings: list[_Ruling] = []
    for clause in clauses:
        noted.read.clear()
        fed = {name: states[name] for name in (feeders or {}).get(clause.id, ()) if name in states}
        ruling = _rule(clause, seen, fed)
        probes = tuple(name for name, state in fed.items() if state == "done")
        basis = Basis(clause.digest, tuple(sorted(noted.read)), probes)
        ruling = replace(ruling, verdict=replace(ruling.verdict, basis=basis))
        rulings.append(_drifted(ruling, baseline(ruling.verdict)))
    causes = _explained(clauses, {each.verdict.clause: each for each in rulings if not excused(each.verdict)})
    return [_blocked(ruling.verdict, causes.get(ruling.verdict.clause)) for ruling in rulings]


def _blocked(verdict: Verdict, causes: Sequence[str] | None) -> Verdict:
    if causes is None:
        return verdict
    why = " on the same exchanges" if verdict.findings else f"; {verdict.reason}"
    return replace(verdict, outcome=Outcome.BLOCKED, reason=f"{', '.join(causes)} failed{why}")
