"""From remarks to verdicts, and from verdicts to an exit code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.clauses.clause import Clause, Cost, Strength
from pixazo_contracts.clauses.remarks import Evidence, Observation, Remark, Unseen, Violation
from pixazo_contracts.judge import ExitCode, Terms, build
from pixazo_contracts.judge.evaluation import Expectation, exit_code
from pixazo_contracts.judge.verdict import Outcome, Verdict, judge
from pixazo_contracts.trace.exchange import Exchange
from pixazo_contracts.trace.target import Profile
from pixazo_contracts.trace.trace import Footer, Header, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

EXCHANGE = Exchange(
    number=1,
    probe="a probe",
    case="a case",
    operation="status",
    method="GET",
    url="http://127.0.0.1:1/v2/requests/status/x",
    account="default",
    started=0.0,
    finished=0.1,
    status=200,
)
SEEN = Evidence(EXCHANGE)
BROKEN = Violation(EXCHANGE, "status", "QUEUED", "DONE")
FOOTER = Footer(exchanges=1, callbacks=0, seconds=1.0)
TODAY = date(2026, 3, 31)


def trace(**probes: str) -> Trace:
    profile = Profile(origin="http://127.0.0.1:1", capabilities=("receiver",))
    header = Header(suite="0", clause_set="0", profile_hash="0", profile=profile, started_at="2026-03-31T10:00:00.000Z")
    return Trace(header, (EXCHANGE,), (), replace(FOOTER, probes=probes))


def rule(clause_id: str, *remarks: Remark, strength: Strength = Strength.DOCUMENTED, **more: object) -> Clause:
    def remark(_: Trace) -> Iterator[Remark]:
        return iter(remarks)

    made = Clause(
        id=clause_id, requirement="It is so.", section="here", strength=strength, cost=Cost.FREE, judge=remark
    )
    return replace(made, **more)  # type: ignore[arg-type]  # names and types are the clause's own


def outcome(made: Clause, *, feeders: tuple[str, ...] = (), baseline: str | None = None, **probes: str) -> str:
    (verdict,) = judge(trace(**probes), [made], feeders={made.id: feeders}, baseline=lambda _: baseline)
    return verdict.outcome.value


@pytest.mark.parametrize(
    ("strength", "drift_fails", "expected"),
    [
        (Strength.DOCUMENTED, False, "FAIL"),
        (Strength.IMPLIED, False, "FAIL"),
        (Strength.EXAMPLE, False, "DRIFT"),
        (Strength.EXAMPLE, True, "FAIL"),
    ],
)
def test_strength_decides_what_a_violation_means(strength: Strength, drift_fails: bool, expected: str) -> None:
    """Documented and implied clauses fail, example-only ones drift unless the sample fixes a shape."""
    assert outcome(rule("A-01", SEEN, BROKEN, strength=strength, drift_fails=drift_fails)) == expected


def test_only_evidence_passes() -> None:
    """A clause that looked and found nothing wrong passes; one that found nothing, or only observed, is inconclusive."""
    assert outcome(rule("A-01", SEEN, Observation("404"))) == "PASS"
    assert outcome(rule("A-01")) == outcome(rule("A-01", Observation("404"))) == "INCONCLUSIVE"


def test_what_could_not_be_looked_at_is_the_reason() -> None:
    """Without other evidence; where the gateway may keep the page all the same the clause is skipped."""
    (hidden,), (allowed,) = (judge(trace(), [rule("A-01", Unseen("too far", skips=skips))]) for skips in (False, True))
    assert (hidden.outcome, hidden.reason) == (Outcome.INCONCLUSIVE, "too far")
    assert (allowed.outcome, allowed.reason) == (Outcome.SKIPPED, "too far")
    assert outcome(rule("A-01", SEEN, Unseen("too far"))) == "PASS"


def test_a_silent_clause_observes_and_drifts_only_against_a_baseline() -> None:
    """Silence is observed; the same as before is observed again; a change drifts."""
    silent = rule("A-01", Observation("404"), strength=Strength.SILENT)
    assert outcome(silent) == "OBSERVED"
    assert outcome(silent, baseline="404") == "OBSERVED"
    assert outcome(silent, baseline="405") == "DRIFT"


def test_observations_are_reported_once_and_in_one_order() -> None:
    """The order in which answers came does not change the text."""
    silent = rule("A-01", Observation("b: 1"), Observation("a: 2"), Observation("b: 1"), strength=Strength.SILENT)
    (verdict,) = judge(trace(), [silent])
    assert verdict.observation == "a: 2; b: 1"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"one": "done"}, "INCONCLUSIVE"),
        ({"one": "skipped"}, "SKIPPED"),
        ({"one": "unfunded", "two": "skipped"}, "UNFUNDED"),
        ({"one": "unfunded", "a probe": "done"}, "INCONCLUSIVE"),
        ({"one": "unfunded", "sent nothing": "done"}, "UNFUNDED"),
        ({"one": "error: boom", "a probe": "done"}, "ERROR"),
    ],
)
def test_the_probes_explain_missing_evidence(states: dict[str, str], expected: str) -> None:
    """What became of the probes that feed a clause explains why it was not judged."""
    assert outcome(rule("A-01"), feeders=tuple(states), **states) == expected


def test_a_missing_capability_skips() -> None:
    """A clause that needs what the target lacks is skipped, and the reason names it."""
    (verdict,) = judge(trace(), [rule("A-01", needs=frozenset({"tls", "receiver"}))])
    assert (verdict.outcome, verdict.reason) == (Outcome.SKIPPED, "the target has no tls")


def test_a_fault_in_a_clause_costs_one_verdict() -> None:
    """A clause that raises is an error of the suite; its neighbours are judged."""

    def boom(_: Trace) -> Iterator[Remark]:
        raise ZeroDivisionError

    faulty = replace(rule("A-01"), judge=boom)
    assert [v.outcome.value for v in judge(trace(), [faulty, rule("A-02", SEEN)])] == ["ERROR", "PASS"]


def broken(number: int, *related: int, got: str = "DONE", drifts: bool = False) -> Violation:
    """A violation on one exchange that rests on others as well."""
    records = tuple(replace(EXCHANGE, number=each) for each in related)
    return replace(BROKEN, source=replace(EXCHANGE, number=number), got=got, related=records, drifts=drifts)


ROOT, EXAMPLE_ROOT = rule("A-01", broken(1)), rule("A-01", broken(1), strength=Strength.EXAMPLE)


@pytest.mark.parametrize(
    ("root", "remarks", "expected"),
    [
        pytest.param(ROOT, [broken(1)], "BLOCKED", id="on the exchange that it spoiled"),
        pytest.param(ROOT, [broken(2)], "FAIL", id="on another"),
        pytest.param(ROOT, [broken(2, 1)], "BLOCKED", id="compared with it"),
        pytest.param(ROOT, [broken(1), broken(2)], "FAIL", id="on it and another"),
        pytest.param(ROOT, [], "BLOCKED", id="no evidence"),
        pytest.param(ROOT, [SEEN], "PASS", id="passes by itself"),
        pytest.param(EXAMPLE_ROOT, [broken(1)], "FAIL", id="root drifts"),
        pytest.param(EXAMPLE_ROOT, [], "INCONCLUSIVE", id="root drifts, no evidence"),
        pytest.param(rule("A-01", broken(1, drifts=True), broken(2)), [broken(1)], "FAIL", id="root drifts there"),
        pytest.param(rule("A-01", SEEN), [broken(1)], "FAIL", id="root passes"),
    ],
)
def test_a_failed_root_explains_what_it_spoiled(root: Clause, remarks: list[Remark], expected: str) -> None:
    """Only a failure, only what rests on the exchanges on which it failed, through other clauses too; the findings are kept."""
    between = rule("A-02", SEEN, depends_on=("A-01",))
    *_, last = judge(trace(), [root, between, rule("A-03", *remarks, depends_on=("A-02",))])
    assert last.outcome.value == expected
    assert len(last.findings) == bool([remark for remark in remarks if isinstance(remark, Violation)])
    assert (last.reason or "").startswith("A-01 failed") == (expected == "BLOCKED")


def test_what_is_excused_blocks_nothing_and_is_not_blocked() -> None:
    """A known failure explains no other one."""
    clauses = [ROOT, rule("A-02", broken(1), depends_on=("A-01",)), rule("A-03", depends_on=("A-01",))]
    verdicts = judge(trace(), clauses, excused=lambda verdict: verdict.clause == "A-01")
    assert [v.outcome.value for v in verdicts] == ["FAIL", "FAIL", "INCONCLUSIVE"]
    verdicts = judge(trace(), clauses, excused=lambda verdict: verdict.clause == "A-02")
    assert [v.outcome.value for v in verdicts] == ["FAIL", "FAIL", "BLOCKED"]


@pytest.mark.parametrize(
    ("spoiled", "now", "expected"), [(2, "500", "BLOCKED"), (1, "500", "DRIFT"), (1, None, "BLOCKED")]
)
def test_a_changed_observation_rests_on_what_is_new(spoiled: int, now: str | None, expected: str) -> None:
    """DRIFT against a baseline is explained by a failure on the records of its new parts; if there is none, by any failure."""
    new = [] if now is None else [Observation(f"b: {now}", replace(EXCHANGE, number=2))]
    silent = rule("A-02", Observation("a: 400", EXCHANGE), *new, strength=Strength.SILENT, depends_on=("A-01",))
    verdicts = judge(trace(), [rule("A-01", broken(spoiled)), silent], baseline=lambda _: "a: 400; b: 404")
    assert verdicts[1].outcome.value == expected


def test_a_violation_may_drift_by_itself() -> None:
    """Where it is the only kind the clause drifts; where it is not, the others are named first."""
    assert outcome(rule("A-01", broken(1, drifts=True))) == "DRIFT"
    (failed,) = judge(trace(), [rule("A-01", broken(1, got="six digits", drifts=True), broken(2, got="no zone"))])
    assert (failed.outcome, [finding.got for finding in failed.findings]) == (Outcome.FAIL, ["no zone", "six digits"])


def test_like_findings_are_one() -> None:
    """What differs in ids, instants and spans only is one finding with its number and three examples; all of it counts for blocking."""
    got = "minimax-hailuo-ai_019d4355-f500-7000-8000-0000000000{0:02} at 2026-03-31T10:00:{0:02}.000Z, after {0}.5 s"
    alike = [broken(number, got=got.format(number)) for number in range(1, 21)]
    (verdict,) = judge(trace(), [rule("A-01", *alike, broken(30, got="another thing"))])
    first, other = verdict.findings
    assert (first.count, first.exchange, first.examples, first.got) == (20, 1, (1, 2, 3), got.format(1))
    assert (other.count, other.examples) == (1, (30,))
    kinds = [broken(number, got="x" * number) for number in range(1, 41)]
    clauses = [rule("A-01", *kinds), rule("A-02", broken(40), depends_on=("A-01",))]
    assert [(len(v.findings), v.outcome.value) for v in judge(trace(), clauses)] == [(20, "FAIL"), (1, "BLOCKED")]


def test_missing_evidence_is_explained_by_what_came() -> None:
    """The reason names the probes, what they sent, and what that got."""
    throttled = [replace(EXCHANGE, number=n, aims=("A-01",), status=429) for n in (1, 2)]
    seen = replace(
        trace(**{"a probe": "done"}),
        exchanges=(*throttled, replace(EXCHANGE, number=3, aims=("A-01",), status=None, error="timeout")),
    )
    (verdict,) = judge(seen, [rule("A-01")], feeders={"A-01": ("a probe",)})
    assert verdict.reason == "its probe (a probe) sent 3 request(s) for it: 429 (2), timeout"


PASSED, FAILED, DRIFTED, FAULTY, SKIPPED = (
    Verdict(clause=clause, outcome=outcome)
    for clause, outcome in zip(
        BY_ID, (Outcome.PASS, Outcome.FAIL, Outcome.DRIFT, Outcome.ERROR, Outcome.SKIPPED), strict=False
    )
)


def code(
    *verdicts: Verdict, footer: Footer | None = FOOTER, excused: str = "", stale: str = "", **terms: Any
) -> ExitCode:
    """The exit code of a run with these verdicts."""
    result = build(trace(), verdicts, 0, excused=frozenset(excused.split()), stale=tuple(stale.split()))
    return exit_code(result, footer, Terms(today=TODAY, **terms))


def test_each_reason_has_its_code() -> None:
    """Each reason alone gives the code that docs/how-to/contracts.md lists."""
    assert code(PASSED) is ExitCode.CLEAN
    assert code(FAILED) is ExitCode.FAILED
    assert code(DRIFTED) is ExitCode.CLEAN
    assert code(DRIFTED, strict_drift=True) is ExitCode.FAILED
    assert code(FAULTY) is ExitCode.SUITE
    assert code(PASSED, footer=None) is ExitCode.SUITE
    assert code(PASSED, footer=replace(FOOTER, unusable="dead")) is ExitCode.UNUSABLE
    assert code(PASSED, footer=replace(FOOTER, spend_stopped="spent")) is ExitCode.SPEND
    assert code(PASSED, stale="old") is ExitCode.EXPECTATIONS
    assert code(PASSED, SKIPPED, floor=51.0) is ExitCode.UNJUDGED
    assert code(SKIPPED) is ExitCode.UNJUDGED
    assert code(FAILED, excused=FAILED.clause) is ExitCode.CLEAN


def test_the_strongest_reason_wins() -> None:
    """With everything wrong at once the codes come in the order 3, 10, 11, 1, 12, 13 as reasons fall away."""
    dead = replace(FOOTER, unusable="dead", spend_stopped="spent")
    codes = [
        code(FAULTY, FAILED, SKIPPED, footer=dead, stale="old", floor=100.0),
        code(FAILED, SKIPPED, footer=dead, stale="old", floor=100.0),
        code(FAILED, SKIPPED, footer=replace(dead, unusable=None), stale="old", floor=100.0),
        code(FAILED, SKIPPED, stale="old", floor=100.0),
        code(SKIPPED, stale="old", floor=100.0),
        code(SKIPPED, floor=100.0),
    ]
    assert [int(each) for each in codes] == [3, 10, 11, 1, 12, 13]


@pytest.mark.parametrize(
    ("verdict", "until", "excused", "stale"),
    [
        (FAILED, date(2026, 12, 31), True, None),
        (DRIFTED, date(2026, 12, 31), False, None),
        (PASSED, date(2026, 12, 31), False, "is fixed, the clause is now PASS: delete it"),
        (FAILED, date(2026, 1, 1), False, "expired on 2026-01-01: renew it or fix the gateway"),
    ],
)
def test_an_expectation_excuses_its_failure_only(
    verdict: Verdict, until: date, excused: bool, stale: str | None
) -> None:
    """A known failure is excused; one that is fixed or expired is reported."""
    known = Expectation(clause=verdict.clause, outcome="FAIL", reason="known", expires=until)
    assert known.excuses(verdict, TODAY) == excused
    assert known.stale(verdict, TODAY) == (stale and f"expectation of FAIL for {verdict.clause} {stale}")
