"""The record of one test in its world: what a failure shows, complaints that fail a strict test, warnings of what was left running."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple, NoReturn

import msgspec
import pytest
from msgspec.structs import replace

from pixazo_simulator.control import Bill, ClockState, Delivery, Exchange, Generation, ScriptRule, curl
from pixazo_simulator.spec import Redactor

from .history import MOST_LINES, REQUEST_ID, delivery_table, exchange_table, folded, outlook


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One test's world at its end, without the key; lists are in the order in which things happened.

    `nodeid` names the test; `seed` and `start`, when its clock began (None: when the world was made), repeat its world. The oldest `dropped`
    exchanges are no longer kept; `unmatched` requests reached no world, `late` ones were for a world that has ended. `unfinished` are rules
    without a verb, and weather without a block; `bill` is what the generations would have cost, if any was accepted; `inbox_problems` are
    callbacks that an inbox refused or an app could not answer. `undone` are the records of the `with pixazo.snapshot():` blocks, as they
    were before the world was restored, each with the bill of what was accepted in it alone.
    """

    nodeid: str
    seed: int
    start: str | None = None
    exchanges: list[Exchange] = []
    deliveries: list[Delivery] = []
    generations: list[Generation] = []
    rules: list[ScriptRule] = []
    unmatched: list[Exchange] = []
    late: list[Exchange] = []
    unfinished: list[str] = []
    clock: ClockState | None = None
    bill: Bill | None = None
    dropped: int = 0
    inbox_problems: list[str] = []
    undone: list[Record] = []

    @property
    def branches(self) -> list[Record]:
        """The records of the blocks that were undone, and this one."""
        return [*self.undone, self]


SECRETS = Redactor()
"""The keys of the tests that run, and of those before them: everything that is shown or written about a test is redacted with them."""

LATE = "end the thread, task or process that sends them before the test ends; make an app that keeps its key or its request ids, such as one that read the key when it was imported, anew for each test"
"""The remedy for requests for an ended world."""
MOST_LISTED = 20
"""The most complaints in one report."""


def report(found: Sequence[str]) -> str:
    """The complaints as one text, which names the setting that relaxes them."""
    listed = [*found[:MOST_LISTED]] + ([f"and {len(found) - MOST_LISTED} more"] if len(found) > MOST_LISTED else [])
    count = f"{len(found)} thing{'s' if len(found) > 1 else ''}"
    head = f"pixazo: {count} not as expected; @pytest.mark.pixazo(strict=False) lets this pass"
    return "\n".join([head, *(f"- {each}" for each in listed)])


def fail(lines: Iterable[str]) -> NoReturn:
    """Fail the test that runs, with this text alone; in a frame that is not hidden, or pytest adds that all are."""
    pytest.fail("\n".join(lines), pytrace=False)


def complaints(record: Record, *, is_whole: bool = True) -> list[str]:
    """A sentence for each unexpected request, unfinished rule, and step that was never used; none for a clean world.

    If the test did not run to its end, an unused rule counts only if it missed a call: others could still have arrived.
    """
    branches, rules = record.branches, _rules(record.branches)
    unexpected = [each for one in branches for each in one.exchanges if not each.expected and each.rule is None]
    unmatched = [each for each in record.unmatched if not each.expected]
    return [
        *_requests("unexpected", unexpected),
        *_requests("unmatched", unmatched),
        *record.unfinished,
        *(_unused(each) for each in rules if 0 in each.used and _should_have_been_used(each, is_whole=is_whole)),
    ]


def _requests(what: str, exchanges: Iterable[Exchange]) -> Iterator[str]:
    """A sentence for all requests that are alike; one that came before a block that was undone is in several records."""
    alike: dict[str, set[int]] = {}
    for each in exchanges:
        same = f"{each.method} {each.target}, answered {each.status}: {each.hint or each.reason}"
        alike.setdefault(same, set()).add(each.number)
    return (f"{what} request{'s' if len(found) > 1 else ''} {ranges(found)}, {same}" for same, found in alike.items())


def ranges(found: Iterable[int]) -> str:
    """Numbers as `3` or `2-9, 12`."""
    numbers = sorted(set(found))
    starts = [each for each in numbers if each - 1 not in numbers]
    ends = [each for each in numbers if each + 1 not in numbers]
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def _rules(branches: Iterable[Record]) -> list[ScriptRule]:
    """The rules of all records; one that is in several was used as often as in the one where it was used most."""
    found: dict[tuple[int, str, int], ScriptRule] = {}
    for each in (rule for one in branches for rule in one.rules):
        same = each.number, each.label, len(each.used)
        known = found.get(same, each)
        found[same] = replace(each, used=[*map(max, known.used, each.used)], matched=max(known.matched, each.matched))
    return list(found.values())


def _should_have_been_used(rule: ScriptRule, *, is_whole: bool) -> bool:
    lost_its_draws = "probability" in rule.rule and rule.matched > rule.rule.get("after", 0)
    return not lost_its_draws and (is_whole or (bool(rule.missed) and not rule.used[0]))


def _unused(rule: ScriptRule) -> str:
    used, step = rule.used, rule.used.index(0)
    if step:
        times = "once" if used[step - 1] == 1 else f"{used[step - 1]} times"
        return f"{rule.label}: step {step + 1} of {len(used)} never used, step {step} {times}"
    why = "no such call arrived" if rule.missed is None else f"nearest was a call where {', and '.join(rule.missed)}"
    return f"{rule.label}: never used, {why}"


def sections(record: Record) -> list[tuple[str, str]]:
    """Titles and texts below a failure, each with what it has: from late requests to the seed.

    A world that received nothing has nothing to do with the failure, unless rules were waiting for a request.
    """
    requests = [*_requests("late", record.late)][-MOST_LISTED:]
    late = [("pixazo requests for ended worlds", "\n".join([*requests, LATE]))] if requests else []
    if not record.exchanges and not record.unmatched:
        return late + ([("pixazo journal", "no request arrived, so no rule was used")] if record.rules else [])
    dropped = f"\n({record.dropped} older exchanges are no longer kept)" if record.dropped else ""
    script = [
        f"{rule.label}: used {' + '.join(map(str, rule.used))} time{'' if sum(rule.used) == 1 else 's'}"
        for rule in record.rules
    ]
    commands = [*_commands(record.exchanges, curl), *_commands(record.unmatched, partial(curl, reached_world=False))]
    same_start = f', start="{record.start}"' if record.start else ""
    found = [
        *late,
        ("pixazo journal", exchange_table(record.exchanges) + dropped),
        ("pixazo clock", (record.clock and outlook(record.clock, record.generations, record.exchanges)) or ""),
        ("pixazo unmatched requests", exchange_table(record.unmatched) if record.unmatched else ""),
        ("pixazo script", "\n".join(script)),
        ("pixazo webhooks", delivery_table(record.deliveries) if record.deliveries else ""),
        ("pixazo inbox", "\n".join(record.inbox_problems)),
        ("pixazo requests as commands", "\n".join(commands[-MOST_LINES:])),
        ("pixazo seed", f"{record.seed} (to repeat it anywhere: @pytest.mark.pixazo(seed={record.seed}{same_start}))"),
    ]
    return [(title, text) for title, text in found if text]


def _commands(exchanges: Sequence[Exchange], command: Callable[[Exchange], str]) -> Iterator[str]:
    """The commands of these exchanges; of many that differ only in id or body, such as polls, the first and the last."""
    alike: dict[tuple[str, str, int], list[Exchange]] = {}
    for each in exchanges:
        alike.setdefault((each.method, REQUEST_ID.sub("", each.target), each.status), []).append(each)
    for same in alike.values():
        last = f"# {{}} more like this one, and the last, exchange {same[-1].number}:"
        yield from folded([*map(command, same)], last.format)


class LeftRunningWarning(pytest.PytestWarning):
    """A thread or process that a test left running used the gateway after the end of the test."""


class Place(NamedTuple):
    """A test, or a module or class whose fixture opened a world, and where its source is; `line` is 0 if it is not known."""

    nodeid: str
    path: str
    line: int

    @classmethod
    def of(cls, node: pytest.Item | pytest.Collector) -> Place:
        if not isinstance(node, pytest.Item):
            return cls(node.nodeid, str(node.path), 0)
        file, line, _ = node.location
        return cls(node.nodeid, str(node.config.rootpath / file), 0 if line is None else line + 1)

    def warn(self, config: pytest.Config, text: str) -> None:
        """Show a warning under a test, past or present. Filters do not turn it into an error, since that would fail the running test."""
        message = warnings.WarningMessage(LeftRunningWarning(text), LeftRunningWarning, self.path, self.line or 1)
        details = {"warning_message": message, "when": "runtest", "nodeid": self.nodeid, "location": None}
        config.hook.pytest_warning_recorded.call_historic(kwargs=details)


def billed_besides(bill: Bill | None, known: Container[str]) -> Bill | None:
    """A bill without the generations that are known."""
    if bill is None:
        return None
    made = [each for each in bill.generations if each.request_id not in known]
    wasted = [each.price - each.refunded for each in made if each.waste]
    return replace(
        bill, total=len(made), spent=sum((each.price for each in made), Decimal()),
        refunded=sum((each.refunded for each in made), Decimal()), wasted=sum(wasted, Decimal()), wasted_generations=len(wasted),
        generations=made,
    )  # fmt: skip
