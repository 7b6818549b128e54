"""The books after a run: whether each paid video, or its failure, reached the app."""

from __future__ import annotations

from dataclasses import dataclass

from pixazo_simulator.control import responses

_ORPHANS = {
    "unread": "it has ended, but the app never learned how, although it knew of it",
    "running": "the app did not wait for its end",
    "lost": "no complete response to its submission reached the app",
    "told": "it is COMPLETED, but the app never downloaded its video, although it downloaded others",
}
"""Why a generation with this fate has neither a delivered video nor a failure that was reported to the app."""


MOST_FAILED = 2
"""Equal submissions that FAILED before another one is a waste: once or twice may be bad luck."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What breaks an app: its kind, such as `charged twice`, and a sentence."""

    kind: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Books:
    """What became of the paid generations: a line for each orphan, and the `problems`, which break the app."""

    generations: int
    summary: str
    orphans: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {each}" for each in self.orphans)])


def books_of(bill: responses.Bill) -> Books:
    """The books that a bill shows.

    A generation that the app could not know of is an orphan, but not a problem: without webhooks nothing tells the app about it.
    """
    fates = [each.fate for each in bill.generations]
    shown = (fate for fate in dict.fromkeys(("delivered", "told", *_ORPHANS)) if fate in fates)
    counts = ", ".join(f"{fates.count(fate)} {fate}" for fate in shown)
    orphans: list[str] = []
    problems: dict[str, list[str]] = {"charged twice": [], "failed again": [], "never read": [], "never downloaded": []}
    for number, each in enumerate(bill.generations, bill.total - len(bill.generations) + 1):
        name = f"generation {number}, {each.request_id},"
        # An app that downloads nothing may pass the URLs on.
        is_left = each.fate == "told" and each.state == "COMPLETED" and "delivered" in fates
        if is_left or each.fate in ("unread", "running", "lost"):
            command = f": {each.curl}" if each.curl else ""
            orphans.append(f"orphan {number}, {each.request_id}, {_ORPHANS[each.fate]}{command}")
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
    return Books(
        bill.total,
        f"books: {bill.total} generation{'s' * (bill.total != 1)}, {bill.spent} USD spent, {bill.refunded} refunded, {bill.wasted} wasted{counts and f': {counts}'}",
        tuple(orphans),
        tuple(Problem(kind, each) for kind, sentences in problems.items() for each in sentences),
    )
