"""The exit code: one number for what a run came to."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from .verdict import JUDGED, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixazo_contracts.trace import Footer


class ExitCode(IntEnum):
    """What each code of `pixazo-contracts` says."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    SUITE = 3
    UNUSABLE = 10
    SPEND = 11
    EXPECTATIONS = 12
    FLOOR = 13


#: When several apply, the first of these.
PRECEDENCE: Final = (
    ExitCode.SUITE,
    ExitCode.UNUSABLE,
    ExitCode.USAGE,
    ExitCode.SPEND,
    ExitCode.FAILED,
    ExitCode.EXPECTATIONS,
    ExitCode.FLOOR,
)


def strongest(codes: set[ExitCode]) -> ExitCode:
    """The code that goes before the others."""
    return next((code for code in PRECEDENCE if code in codes), ExitCode.CLEAN)


def judged_share(verdicts: Sequence[Verdict]) -> float:
    """Percent of the verdicts that rest on evidence; 100 of none."""
    judged = sum(verdict.outcome in JUDGED for verdict in verdicts)
    return 100.0 * judged / len(verdicts) if verdicts else 100.0


def exit_code(
    verdicts: Sequence[Verdict],
    footer: Footer | None,
    *,
    excused: frozenset[str] = frozenset(),
    stale: bool = False,
    strict_drift: bool = False,
    floor: float = 0.0,
) -> ExitCode:
    """The code of a run: `excused` clauses may fail or drift, `stale` says that an expectation is out of date."""
    counted = {verdict.outcome for verdict in verdicts if verdict.clause not in excused}
    codes: set[ExitCode] = set()
    if footer is None or Outcome.ERROR in counted:
        codes.add(ExitCode.SUITE)
    if footer is not None and footer.unusable is not None:
        codes.add(ExitCode.UNUSABLE)
    if footer is not None and footer.spend_stopped is not None:
        codes.add(ExitCode.SPEND)
    if Outcome.FAIL in counted or (strict_drift and Outcome.DRIFT in counted):
        codes.add(ExitCode.FAILED)
    if stale:
        codes.add(ExitCode.EXPECTATIONS)
    if judged_share(verdicts) < floor:
        codes.add(ExitCode.FLOOR)
    return strongest(codes)
