"""What an app did in a test that will hurt on the real gateway: the rules by name, and their findings in a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pixazo_simulator.spec import nearest
from pytest_pixazo.reports.calls import Scene
from pytest_pixazo.world import Record

from .checks import (
    Remark,
    acts_twice,
    ignores_retry_after,
    is_charged_twice,
    leaks_key,
    misses_end,
    polls_after_end,
    polls_too_fast,
    repeats_refusal,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One mistake: its name, what it is, why it hurts and who says so, what to do instead, and how it is recognised."""

    name: str
    says: str
    hurts: str
    source: str
    remedy: str
    remarks: Callable[[Scene], Iterator[Remark]]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake in one test: the rule's name, the generation concerned, exchange numbers, and what happened."""

    rule: str
    nodeid: str
    request_id: str
    exchanges: tuple[int, ...]
    says: str

    def __str__(self) -> str:
        """The finding as one line: what happened to which generation, in which exchanges of the journal."""
        about = f" ({self.request_id})" if self.request_id else ""
        where = f": {_numbers(self.exchanges)}" if self.exchanges else ""
        return f"{self.says}{about}{where}"


RULES: tuple[Rule, ...] = (
    Rule(
        "poll-too-fast",
        "A generation was polled faster than every 5 s.",
        "Each poll counts against the key's rate; a faster loop is throttled (429) and learns nothing sooner.",
        'page, Typical Workflow: "Poll every 5-10 seconds"; policy rate_limit',
        "wait 5 to 10 s after each answer, or ask for a callback with X-Webhook-URL",
        polls_too_fast,
    ),
    Rule(
        "retry-after-ignored",
        "A route was called again before its Retry-After was over.",
        "The gateway refuses again, and may go on refusing for as long as the caller goes on asking.",
        "page, Response Handling: 429; policies throttled and rate_limit; RFC 9110, section 10.2.3",
        "wait as many seconds as Retry-After says, in a 429 as in any other answer",
        ignores_retry_after,
    ),
    Rule(
        "refusal-repeated",
        "A request that was refused with 400 or 402 was sent again unchanged.",
        "The answer is about the request or the wallet: it stays the same, and every call counts against the key's rate.",
        "page, Response Handling: 400, 402; page, Queue System Errors",
        "tell the user, and send it again only when the request or the balance has changed",
        repeats_refusal,
    ),
    Rule(
        "charged-twice",
        "A submit was sent again after its answer was lost, and both were accepted.",
        "Every accepted submit is paid for; the gateway documents no idempotency key that would tell the two apart.",
        "page, by its silence; policy repeated_submit",
        "repeat a submit only after a connect error or a 429; after a lost answer or a 5xx let a person decide",
        is_charged_twice,
    ),
    Rule(
        "stopped-early",
        "A generation ended, and the app never learnt it.",
        "The video was paid for and nobody has it; callbacks may be lost, so that waiting for one alone is not enough.",
        "page, Status Flow and Typical Workflow; policy webhook_retries",
        "poll until COMPLETED, FAILED or ERROR, also when a callback is awaited and does not come",
        misses_end,
    ),
    Rule(
        "polled-after-end",
        "A generation was polled on after a terminal answer, as if ERROR or another end were still running.",
        "A terminal state never changes: the loop ends at its time-out only, and the user waits for nothing.",
        'page, Status Values: "ERROR: System error - not charged"; page, Status Flow',
        "stop at COMPLETED, FAILED and ERROR alike; submit again after ERROR, which is not charged",
        polls_after_end,
    ),
    Rule(
        "key-given-away",
        "The key was sent to the media host, or stands in a webhook URL.",
        "Media are on a host of their own that needs no key, and webhook URLs end up in logs: whoever reads it can spend.",
        "page, Response Fields: media_url (R2 CDN); page, Authentication",
        "download with a client that has no key in its default headers; put a secret of your own in webhook URLs",
        leaks_key,
    ),
    Rule(
        "duplicate-acted-on",
        "A callback came more than once, and its consequence happened more than once.",
        "Callbacks are repeated when an answer is late or lost: what is done twice may be paid for or delivered twice.",
        "policy webhook_retries",
        "remember the request_id of what was dealt with, and answer a repeated callback 2xx without doing anything",
        acts_twice,
    ),
)
"""Every mistake that is looked for, in the order of a report."""


def judge(record: Record, allowed: Iterable[str] = ()) -> list[Finding]:
    """Every mistake in what one test did, but those of the rules that are `allowed`.

    Raises ValueError that names an allowed rule that does not exist, and the nearest one.
    """
    left_out, scene = known_rules(allowed), Scene.of(record)
    return [
        Finding(rule.name, record.nodeid, request_id or "", tuple(call.number for call in concerned), says)
        for rule in RULES
        if rule.name not in left_out
        for request_id, concerned, says in rule.remarks(scene)
    ]


def report(findings: Iterable[Finding], *, most: int | None = None) -> Iterator[str]:
    """The findings rule by rule: what is wrong, why it hurts, what to do instead, and where; of each rule at most so many."""
    known = sorted(set(findings))
    for rule in RULES:
        found = [each for each in known if each.rule == rule.name]
        if not found:
            continue
        yield f"{rule.name}: {rule.says}"
        yield f"  why it hurts: {rule.hurts} [{rule.source}]"
        yield f"  instead: {rule.remedy}"
        yield from (f"  {each.nodeid}: {each}" for each in found[:most])
        if len(found) > len(found[:most]):
            yield f"  and {len(found) - len(found[:most])} more: run with -v to see all"


def misconduct(findings: Iterable[Finding]) -> str:
    """The findings of one test as the text of its failure, with what relaxes it."""
    known = sorted(set(findings))
    remedies = {rule.name: rule.remedy for rule in RULES}
    lines = [f"{each.rule}: {each}; instead: {remedies[each.rule]}" for each in known]
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(each.rule for each in known))
    return "\n".join([*lines, f"Meant so in this test? @pytest.mark.pixazo(allow_conduct=[{names}])"])


def known_rules(names: Iterable[str]) -> frozenset[str]:
    """The names as a set. Raises ValueError with the nearest name for one that no rule has."""
    known = tuple(rule.name for rule in RULES)
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in known:
            near = nearest(name, known)
            raise ValueError(f"conduct rule {name!r} does not exist{near}: known are {', '.join(known)}")
    return frozenset(given)


def _numbers(exchanges: tuple[int, ...]) -> str:
    """Numbers as ranges: `exchange 3`, `exchanges 2-9, 12`."""
    ranges: list[list[int]] = []
    for number in sorted(set(exchanges)):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], number]
        else:
            ranges.append([number])
    return f"exchange{'s' if len(set(exchanges)) > 1 else ''} {', '.join('-'.join(map(str, each)) for each in ranges)}"
