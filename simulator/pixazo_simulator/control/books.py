"""The result of one run of an app under incidents: whether each paid video, or its failure, reached the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pixazo_simulator.script.weather import Forecast

from .client import ControlClient
from .schema import responses

_ORPHANS = {
    "unread": "it has ended, but the app never learned how, although it knew of it",
    "running": "the app did not wait for its end",
    "lost": "no complete response to its submission reached the app",
    "told": "it is COMPLETED, but the app never downloaded its video, although it downloaded others",
}
"""By fate, why a generation is an orphan: its end did not reach the app. Of those `told`, only videos left behind are."""
MOST_FAILED = 2
"""Equal submissions that FAILED before another one is a waste: once or twice may be bad luck."""


class Problem(NamedTuple):
    """What breaks an app: its kind, such as `charged twice`, and a sentence."""

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Run:
    """The incidents that struck an app, the `books` afterwards as text with a line for each orphan, and why they do not balance.

    `generations` counts the paid ones; `failure` is what else was wrong, such as its exit code.
    """

    incidents: Forecast
    struck: Forecast
    generations: int
    books: str
    imbalances: tuple[Problem, ...]
    failure: str | None = None

    @property
    def problems(self) -> list[Problem]:
        """Why the app is broken, empty when it is not."""
        return [*([Problem(self.failure, self.failure)] if self.failure else []), *self.imbalances]

    @property
    def kinds(self) -> list[str]:
        """The kinds of its problems: one about money first."""
        return list(dict.fromkeys(each.kind for each in (*self.imbalances, *self.problems)))

    @property
    def summary(self) -> str:
        """The incidents that struck, and the books, a line each."""
        count = len(self.incidents)
        counted = f"weather: {count} incident{'s' * (count != 1)}, of which {len(self.struck)} struck"
        return "\n".join([counted, *(f"  {each}" for each in self.struck), self.books])

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"broken: {each.sentence}" for each in self.problems)])


def run_of(world: ControlClient, incidents: Forecast, failure: str | None = None) -> Run:
    """The result of a run in a world whose script has the rules of these incidents, among others."""
    used = {rule.rule.get("name") for rule in world.script().rules if any(rule.used)}
    struck = tuple(each for each in incidents if str(each) in used)
    bill = world.bill()
    return Run(incidents, struck, bill.total, *_balanced(bill), failure)


def _balanced(bill: responses.Bill) -> tuple[str, tuple[Problem, ...]]:
    """The books that a bill shows, and why they do not balance; an orphan of which the app could not know is no problem."""
    fates = [each.fate for each in bill.generations]
    shown = (fate for fate in dict.fromkeys(("delivered", "told", *_ORPHANS)) if fate in fates)
    counts = ", ".join(f"{fates.count(fate)} {fate}" for fate in shown)
    lines = [
        f"books: {bill.total} generation{'s' * (bill.total != 1)}, {bill.spent} USD spent, {bill.refunded} refunded, {bill.wasted} wasted{counts and f': {counts}'}"
    ]
    problems: dict[str, list[str]] = {"charged twice": [], "failed again": [], "never read": [], "never downloaded": []}
    for number, each in enumerate(bill.generations, bill.total - len(bill.generations) + 1):
        name = f"generation {number}, {each.request_id},"
        # An app that downloads nothing may pass the URLs on.
        is_left = each.fate == "told" and each.state == "COMPLETED" and "delivered" in fates
        if is_left or each.fate in ("unread", "running", "lost"):
            command = f": {each.curl}" if each.curl else ""
            lines.append(f"  orphan {number}, {each.request_id}, {_ORPHANS[each.fate]}{command}")
        if each.waste == "charged twice":
            problems["charged twice"].append(f"{name} was charged twice")
        if each.failed_before >= MOST_FAILED and each.state == "FAILED":
            count = each.failed_before + 1
            problems["failed again"].append(
                f"{name} is equal submission number {count} to FAIL, although each failure was reported to the app"
            )
        if each.fate in ("unread", "running"):
            problems["never read"].append(f"{name} was never read to its end")
        if is_left:
            problems["never downloaded"].append(f"{name} was never downloaded")
    return "\n".join(lines), tuple(Problem(kind, each) for kind, sentences in problems.items() for each in sentences)
