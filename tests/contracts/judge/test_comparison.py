"""What changed between two results, and what is not compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contracts.judge.test_verdict import trace

from pixazo_contracts.judge import Finding, Outcome, Result, Verdict, build, compare
from pixazo_contracts.judge.verdict import Basis

BASIS = Basis("requirement", ("skew",), ("unknown id",))
SETTINGS = {"skew": "300.0", "pace": "5.0", "limited": "false", "patience": "0.0"}


def verdict(outcome: Outcome, observation: str | None = None, *, basis: Basis | None = BASIS) -> Verdict:
    """A verdict on a documented clause."""
    findings = (Finding("absent", "there"),) if outcome is Outcome.FAIL else ()
    return Verdict(clause="STATUS-07", outcome=outcome, observation=observation, findings=findings, basis=basis)


def result(*verdicts: Verdict, **settings: str) -> Result:
    """A result with these verdicts, made with these settings."""
    made = build(trace(), verdicts, 0)
    return replace(made, meta=replace(made.meta, settings={**SETTINGS, **settings}))


PASS, FAIL, DRIFT, NONE = (verdict(Outcome[name]) for name in ("PASS", "FAIL", "DRIFT", "INCONCLUSIVE"))
WITH_IDS = verdict(Outcome.OBSERVED, "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000000a after 1.5 s")
OTHER_IDS = verdict(Outcome.OBSERVED, "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000000b after 2 s")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (PASS, FAIL, "regressed breaking"),
        (DRIFT, FAIL, "regressed breaking"),
        (PASS, DRIFT, "regressed risky"),
        (FAIL, PASS, "fixed additive"),
        (FAIL, DRIFT, "fixed additive"),
        (PASS, NONE, "vanished risky"),
        (FAIL, verdict(Outcome.BLOCKED), "vanished risky"),
        (NONE, PASS, "new additive"),
        (NONE, FAIL, "new breaking"),
        (NONE, verdict(Outcome.SKIPPED), ""),
        (verdict(Outcome.OBSERVED, "404"), verdict(Outcome.OBSERVED, "405"), "changed observation risky"),
        (WITH_IDS, OTHER_IDS, ""),
        (PASS, PASS, ""),
    ],
)
def test_each_change_has_its_kind_and_severity(before: Verdict, after: Verdict, expected: str) -> None:
    """What was judged and is not has vanished; ids and times are no change."""
    changes = compare(result(before), result(after)).changes
    assert " ".join(f"{change.kind} {change.severity}" for change in changes) == expected


def test_what_the_later_run_did_not_select_has_vanished() -> None:
    """A clause of the earlier result that the later one lacks is named."""
    (change,) = compare(result(PASS), result()).changes
    assert (change.kind, change.after) == ("vanished", "SKIPPED the clause was not selected")


SEEN_404, SEEN_405 = verdict(Outcome.OBSERVED, "404"), verdict(Outcome.OBSERVED, "405")


@pytest.mark.parametrize(
    ("before", "after", "settings", "reason"),
    [
        (PASS, FAIL, {"pace": "9.0"}, None),
        (PASS, FAIL, {"skew": "9.0"}, "judged with other settings (skew)"),
        (PASS, verdict(Outcome.FAIL, basis=replace(BASIS, requirement="another")), {}, "the clause has changed"),
        (PASS, verdict(Outcome.FAIL, basis=replace(BASIS, probes=())), {}, None),
        (SEEN_404, replace(SEEN_404, basis=replace(BASIS, probes=())), {"limited": "true"}, None),
        (SEEN_404, replace(SEEN_405, basis=replace(BASIS, probes=())), {}, "observed by other probes"),
        (SEEN_404, SEEN_405, {"limited": "true"}, "observed with other settings (limited)"),
        (verdict(Outcome.PASS, basis=None), FAIL, {}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_named(
    before: Verdict, after: Verdict, settings: dict[str, str], reason: str | None
) -> None:
    """Clause by clause: another requirement, another setting that its judgement reads; for observations other probes, too."""
    compared = compare(result(before), result(after, **settings))
    assert compared.not_compared == ({} if reason is None else {"STATUS-07": reason})
    assert not (reason and compared.changes)


def test_a_result_of_an_earlier_version_is_compared_as_a_whole() -> None:
    """Without what each verdict rests on, clauses and profile of the two must be the same."""
    old = result(verdict(Outcome.PASS, basis=None))
    other = replace(old, meta=replace(old.meta, profile_hash="another"))
    assert compare(old, result(FAIL)).changes
    assert list(compare(other, result(FAIL)).not_compared) == ["STATUS-07"]


@pytest.mark.parametrize(
    ("classes", "failing"),
    [
        (["regressed"], "regressed"),
        (["vanished"], "vanished"),
        (["risky"], "regressed vanished changed"),
        (["any"], "regressed vanished changed fixed left-out"),
        (["regressed", "vanished"], "regressed vanished"),
    ],
)
def test_classes_of_changes_fail(classes: list[str], failing: str) -> None:
    """A change fails by its kind, by being more than an addition, or by being one at all."""
    pairs = {
        "regressed": (PASS, FAIL),
        "vanished": (PASS, NONE),
        "changed": (SEEN_404, SEEN_405),
        "fixed": (FAIL, PASS),
        "left-out": (PASS, replace(PASS, basis=replace(BASIS, requirement="another"))),
        "equal": (PASS, PASS),
    }
    found = [name for name, (one, other) in pairs.items() if compare(result(one), result(other)).failing(classes)]
    assert found == failing.split()
