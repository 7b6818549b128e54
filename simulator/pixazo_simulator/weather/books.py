"""The books after a run: whether each video that was paid for reached the app, or its failure did."""

from __future__ import annotations

from dataclasses import dataclass

from pixazo_simulator.control import responses

_ORPHANS = {
    "unread": "it has ended, and the app never learned how, although it knew of it",
    "running": "the app did not wait for its end",
    "lost": "no whole reply to its submission reached the app",
    "told": "it is COMPLETED, and the app has never downloaded its video, as it has those of others",
}
"""Why a generation of this fate has neither a delivered video nor a failure that the app was told."""


MOST_FAILED = 2
"""Equal submissions that FAILED before another one is wasted: once or twice may be bad luck."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What breaks an app: its kind, such as `charged twice`, and a sentence."""

    kind: str
    sentence: str

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True)
class Books:
    """What became of the generations that were paid for: a line for each orphan, and the `problems`, which break the app."""

    generations: int
    summary: str
    orphans: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        """The summary, and the orphans below it."""
        return "\n".join([self.summary, *(f"  {each}" for each in self.orphans)])


def books_of(bill: responses.Bill) -> Books:
    """The books that a bill shows.

    A generation of which the app could not know is an orphan, but no problem: without webhooks nothing tells the app of it.
    """
    numbered = list(enumerate(bill.generations, bill.total - len(bill.generations) + 1))
    fates = [each.fate for each in bill.generations]
    counts = ", ".join(
        f"{fates.count(fate)} {fate}" for fate in dict.fromkeys(("delivered", "told", *_ORPHANS)) if fate in fates
    )
    # An app that downloads nothing may hand the URLs on.
    left = [
        pair for pair in numbered if pair[1].fate == "told" and pair[1].state == "COMPLETED" and "delivered" in fates
    ]
    orphans = sorted(
        [*left, *(pair for pair in numbered if pair[1].fate in ("unread", "running", "lost"))], key=lambda pair: pair[0]
    )
    twice = [_named(number, each) for number, each in numbered if each.waste == "charged twice"]
    again = [
        (_named(number, each), each.failed_before + 1)
        for number, each in numbered
        if each.failed_before >= MOST_FAILED and each.state == "FAILED"
    ]
    unread = [_named(number, each) for number, each in numbered if each.fate in ("unread", "running")]
    return Books(
        bill.total,
        f"books: {bill.total} generation{'s' * (bill.total != 1)}, {bill.spent} USD spent, {bill.refunded} refunded, {bill.wasted} wasted{counts and f': {counts}'}",
        tuple(_orphan(number, each) for number, each in orphans),
        (
            *(Problem("charged twice", f"{name} was charged twice") for name in twice),
            *(
                Problem(
                    "failed again",
                    f"{name} is equal submission number {count} to FAIL, although the app was told of each failure",
                )
                for name, count in again
            ),
            *(Problem("never read", f"{name} was never read to its end") for name in unread),
            *(Problem("never downloaded", f"{_named(number, each)} was never downloaded") for number, each in left),
        ),
    )


def _named(number: int, generation: responses.BilledGeneration) -> str:
    return f"generation {number}, {generation.request_id},"


def _orphan(number: int, generation: responses.BilledGeneration) -> str:
    command = f": {generation.curl}" if generation.curl else ""
    return f"orphan {number}, {generation.request_id}, {_ORPHANS[generation.fate]}{command}"
