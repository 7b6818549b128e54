"""Usage checks, functions of the traffic of one test: conduct of an app that will cause trouble on the real gateway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import cast

from pixazo_simulator.spec import CALLBACK_MEMBER, KEY_HEADER, REDACTED, Operation, nearest, unknown_member
from pytest_pixazo.world import Record, ranges

from .calls import Call, CallbackAttempt, Traffic

SHORTEST_PAUSE = 5.0
"""Least seconds between two polls of a generation (page, Typical Workflow: "Poll every 5-10 seconds")."""
ONE_LOOK = 0.25
"""Seconds within which reads count as one look, as when a wait is resumed, and other requests as sent at the same time; also the tolerance
for a running clock.
"""
LEAST_PAUSE = SHORTEST_PAUSE - ONE_LOOK
SHORT_PAUSES = 2
"""Short pauses that make a finding: a single one may be a last look before a deadline."""
LOOKS_AFTER_END = {"ERROR": 1}
LOOKS_AFTER_OTHERS = 2
"""Looks after the end that make a finding: one after ERROR, which polling loops forget most often; two after any other end."""
REACTION = 5.0
"""Seconds within which an app acts on a callback: what comes later has another cause, such as a viewer."""
LOOP = 60.0
"""The most seconds between two requests of one loop: a later one has another cause, such as a user who looks again, or another user."""
REFUSALS = (400, 402)
REPETITIONS = 2
"""Repetitions of a refused request that make a finding: a single one may be another user's."""
_REDACTED_ANYWAY = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that are redacted whether or not they contained the key."""

Remark = tuple[str | None, Sequence[Call], str]
"""The generation concerned, if there is one, the calls, and what happened."""
_Find = Callable[[Traffic], Iterator[Remark]]


@dataclass(frozen=True, slots=True)
class UsageCheck:
    """One kind of misuse: its name, what it is, why it hurts and the source, the remedy, and the function that finds it."""

    name: str
    description: str
    impact: str
    source: str
    remedy: str
    find: _Find


CHECKS: dict[str, UsageCheck] = {}
"""Every check by its name, in the order of a report, which is that of this file."""


def _check(name: str, *, description: str, impact: str, source: str, remedy: str) -> Callable[[_Find], _Find]:
    def decorate(find: _Find) -> _Find:
        CHECKS[name] = UsageCheck(name, description, impact, source, remedy, find)
        return find

    return decorate


@_check(
    "poll-too-fast",
    description="A generation was polled faster than every 5 s.",
    impact="Each poll counts against the key's rate; a faster loop is throttled (429) and learns nothing sooner.",
    source='page, Typical Workflow: "Poll every 5-10 seconds"; policy rate_limit',
    remedy="wait 5 to 10 s after each response, or ask for a callback with X-Webhook-URL",
)
def _polls_too_fast(traffic: Traffic) -> Iterator[Remark]:
    # More than one pause between two looks at a running generation is too short, and no callback explains it.
    for request_id, reads in traffic.reads().items():
        polls, received = _split(reads)[0], traffic.received(request_id)
        short = 0
        # Reads are grouped at each real pause that is long enough, whatever the world's clock did meanwhile.
        for burst in _grouped(polls, lambda group, read: read.elapsed - group[-1].elapsed < LEAST_PAUSE):
            looks = _looks(burst)
            pauses = [
                after[0].second - before[-1].second
                for before, after in pairwise(looks)
                if not _is_prompted(received, before[-1], after[0])
            ]
            short += sum(pause < LEAST_PAUSE for pause in pauses) + _excess_reads(looks)
        if short >= SHORT_PAUSES:
            yield request_id, polls, f"read {len(polls)} times within {_pause(polls[0], polls[-1]):.4g} s"


@_check(
    "retry-after-ignored",
    description="A route was called again before its Retry-After had passed.",
    impact="The gateway refuses again, and may keep refusing while the caller keeps retrying.",
    source="page, Response Handling: 429; policies throttled and rate_limit; RFC 9110, section 10.2.3",
    remedy="wait as long as Retry-After says, after a 429 and after any other response",
)
def _ignores_retry_after(traffic: Traffic) -> Iterator[Remark]:
    asking: dict[tuple[str, str], list[Call]] = {}  # the answers of each route whose time is not over
    found: dict[tuple[str, str], list[Call]] = {}
    for call in traffic.calls:
        route = call.method, call.path
        running = [each for each in asking.get(route, ()) if _pause(each, call) < each.retry_after - ONE_LOOK]
        # Another request within a moment may have been sent before the answer arrived, as by another thread.
        known = [each for each in running if _pause(each, call) > ONE_LOOK or each.sent == call.sent]
        if known:
            found.setdefault(route, known[:1]).append(call)
        # Of two answers where one asks to wait longer on either clock, the other adds nothing: so few are kept. The first is
        # kept for a loop that never pauses, whose requests are all within a moment of the one before.
        if call.retry_after and not any(_outlasts(each, call) for each in running):
            running = [*running[:1], *(each for each in running[1:] if not _outlasts(call, each)), call]
        asking[route] = running
    for (method, path), concerned in found.items():
        first, again = concerned[:2]
        pause = f"{_pause(first, again):.4g} s after a response with Retry-After: {first.retry_after:g}"
        yield first.request_id, concerned, f"{method} {path} was called {pause}"


@_check(
    "refusal-repeated",
    description="A request that was refused with 400 or 402 was sent again and again unchanged.",
    impact="The refusal is about the request or the balance: it stays the same, and every call counts against the key's rate.",
    source="page, Response Handling: 400, 402; page, Queue System Errors",
    remedy="tell the user, and send it again only when the request or the balance has changed",
)
def _repeats_refusal(traffic: Traffic) -> Iterator[Remark]:
    for refused, later in _repeated(traffic.calls, lambda call: call.status in REFUSALS):
        # A rule may refuse a good request. Without one, a different response shows that the cause was removed in between.
        alike = (call for call in later if refused.rule is not None or call.status == refused.status)
        again = [call for _, call in _in_a_loop([refused, *alike])]
        if len(again) >= REPETITIONS:
            yield None, [refused, *again], f"sent {len(again) + 1} times, though it was answered {refused.status}"


@_check(
    "unknown-parameter",
    description="A submission was accepted with a member that is not a parameter of its operation.",
    impact="The gateway silently ignores it, so a misspelled parameter falls back to its default, and you pay for that.",
    source="page, Request Parameters; policy unknown_members",
    remedy="send only parameters that the page lists for the operation, spelled as on the page",
)
def _sends_unknown_parameters(traffic: Traffic) -> Iterator[Remark]:
    found: dict[str, list[Call]] = {}
    for submit in traffic.submits():
        body = submit.request.body
        operation = traffic.operations.get(submit.operation or "")
        if isinstance(body, dict) and operation:
            for problem in unknown_member(cast("dict[str, object]", body), operation):
                found.setdefault(str(problem), []).append(submit)
    for what, submits in found.items():
        yield submits[0].request_id, submits, what


@_check(
    "charged-twice",
    description="A submission was sent again after its response was lost, and both were accepted.",
    impact="Every accepted submission is paid for; the gateway documents no idempotency key that would tell the two apart.",
    source="page, by its silence; policy repeated_submit",
    remedy="repeat a submission only after a connect error or a 429; after a lost response or a 5xx, let a person decide",
)
def _is_charged_twice(traffic: Traffic) -> Iterator[Remark]:
    for lost, again in _repeated(traffic.submits(), lambda submit: submit.is_lost):
        if again:
            what = f"submitted again after the response was lost: accepted and charged {len(again) + 1} times"
            yield lost.request_id, [lost, *again], what


@_check(
    "stopped-early",
    description="A generation ended, and the app never learned of it.",
    impact="The video was paid for and the app never receives it; callbacks may be lost, so waiting for one alone is not enough.",
    source="page, Status Flow and Typical Workflow; policy webhook_retries",
    remedy="poll until COMPLETED, FAILED or ERROR, even while waiting for a callback: it may not arrive",
)
def _misses_end(traffic: Traffic) -> Iterator[Remark]:
    # A generation that the app followed has ended, and neither a read nor a callback reported that.
    reads, submits = traffic.reads(), {submit.request_id: submit for submit in traffic.submits()}
    for request_id in traffic.ended:
        looked, submit = reads.get(request_id, []), submits.get(request_id)
        is_known = looked or not (submit and (submit.faults or submit.is_lost))
        received = traffic.received(request_id)
        is_reported = any(read.has_ended for read in looked) or any(callback.has_ended for callback in received)
        if request_id in traffic.followed and is_known and not is_reported:
            last = looked[-1].reported if looked else "QUEUED"
            concerned = [submit, *looked] if submit else looked
            yield request_id, concerned, f"it ended, but the last status the app saw was {last}"


@_check(
    "polled-after-end",
    description="A generation was polled after a terminal status, as if ERROR or another end were still running.",
    impact="A terminal status never changes: the loop ends only at its time-out, and the user waits in vain.",
    source='page, Status Values: "ERROR: System error - not charged"; page, Status Flow',
    remedy="stop at COMPLETED, FAILED and ERROR alike; submit again after ERROR, which is not charged",
)
def _polls_after_end(traffic: Traffic) -> Iterator[Remark]:
    for request_id, reads in traffic.reads().items():
        received, final = traffic.received(request_id), _split(reads)[1]
        if not final:
            continue
        after = [read for before, read in _in_a_loop(final) if not _is_prompted(received, before, read)]
        looks, status = _looks([final[0], *after]), str(final[0].reported)
        if len(looks) - 1 + _excess_reads(looks) >= LOOKS_AFTER_END.get(status, LOOKS_AFTER_OTHERS):
            what = f"read {counted(len(after), 'more time')} after {status} was reported"
            yield request_id, [final[0], *after], what


@_check(
    "key-given-away",
    description="The key was sent to the media host, or is part of a webhook URL.",
    impact="The media host needs no key, and webhook URLs end up in logs: anyone who reads the key there can spend money.",
    source="page, Response Fields: media_url (R2 CDN); page, Authentication",
    remedy="download with a client that has no key in its default headers; put a secret of your own in webhook URLs",
)
def _leaks_key(traffic: Traffic) -> Iterator[Remark]:
    downloads = [call for call in traffic.calls if call.operation == "media" and _carries_key(call)]
    if downloads:
        yield downloads[0].request_id, downloads, f"the key was sent with {counted(len(downloads), 'download')}"
    for call in traffic.calls:
        urls = [call.webhook_url or ""]
        if isinstance(call.request.body, dict):
            urls.append(str(cast("dict[str, object]", call.request.body).get(CALLBACK_MEMBER)))
        if call.is_submit and any(REDACTED in url for url in urls):
            yield call.request_id, [call], "the key is part of a webhook URL"


@_check(
    "duplicate-acted-on",
    description="A callback came more than once, and the app acted on it more than once.",
    impact="Callbacks are repeated when a response is late or lost: the app may pay or deliver twice.",
    source="policy webhook_retries",
    remedy="remember the request_id of each processed callback; answer a repeated one with 2xx and do nothing",
)
def _acts_twice(traffic: Traffic) -> Iterator[Remark]:
    # Several callbacks about one end cause the same action several times: a download, or a submission, unless those about others may have.
    for request_id in traffic.ended:
        received = [callback for callback in traffic.received(request_id) if callback.has_ended]
        if len(received) < 2:
            continue
        # Whole videos that arrived completely: no ranges, and no downloads that broke off.
        whole = (each for each in traffic.calls if (each.operation, each.method, each.status) == ("media", "GET", 200))
        downloads = _prompted((each for each in whole if each.request_id == request_id and not each.is_lost), received)
        if len(downloads) >= 2:
            yield request_id, downloads, f"downloaded {len(downloads)} times after {len(received)} callbacks"
        first, last = received[0].second, received[-1].second
        others = {
            each.request_id for each in traffic.callbacks if each.has_ended and first <= each.second <= last + REACTION
        }
        submits = [submit for submit in traffic.submits() if submit.second >= first]
        for submit, later in _repeated(submits, lambda _: True):
            same = [submit, *later]
            meant = (after for before, after in pairwise(same) if not before.is_lost)  # otherwise the loss explains it
            if len(prompted := _prompted([submit, *meant], received)) > len(others):
                what = f"the same body submitted {len(prompted)} times after {len(received)} callbacks"
                yield request_id, prompted, what


def _prompted(calls: Iterable[Call], received: Sequence[CallbackAttempt]) -> list[Call]:
    """The calls that callbacks may have caused: for each callback the first one soon after it that no other has caused."""
    left, found = list(calls), list[Call]()
    for callback in received:
        soon = (each for each in left if 0 <= each.second - callback.second <= REACTION)
        if call := next(soon, None):
            left.remove(call)
            found.append(call)
    return found


def counted(number: int, what: str) -> str:
    """`1 download`, `2 downloads`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _repeated(calls: Sequence[Call], begins: Callable[[Call], bool]) -> Iterator[tuple[Call, list[Call]]]:
    """Each call that begins a repetition, with the later calls like it; of equal calls only the first begins one."""
    repeated: dict[tuple[object, ...], list[Call]] = {}
    for call in calls:
        if like := repeated.get(call.sent):
            like.append(call)
        elif begins(call):
            repeated[call.sent] = [call]
    return ((first, later) for first, *later in repeated.values())


def _in_a_loop(calls: Iterable[Call]) -> Iterator[tuple[Call, Call]]:
    """Each call with the next one, up to the first pause that is too long for a loop."""
    return takewhile(lambda pair: _pause(*pair) <= LOOP, pairwise(calls))


def _outlasts(one: Call, other: Call) -> bool:
    """Whether the time that one answer asked to wait ends no earlier than that of the other, on either clock."""
    return one.retry_after - other.retry_after >= _pause(one, other)


def _pause(before: Call, after: Call) -> float:
    """Seconds between two calls: on the world's clock, or in real time if that is longer (the app waited, but the clock was not moved)."""
    return max(after.second - before.second, after.elapsed - before.elapsed)


def _grouped(reads: Sequence[Call], is_next: Callable[[list[Call], Call], bool]) -> list[list[Call]]:
    """Reads in groups: each goes to the group before it, or begins the next one."""
    groups: list[list[Call]] = []
    for read in reads:
        if groups and is_next(groups[-1], read):
            groups[-1].append(read)
        else:
            groups.append([read])
    return groups


def _looks(reads: Sequence[Call]) -> list[list[Call]]:
    """Reads grouped into looks: those within a moment of the first of them."""
    return _grouped(reads, lambda look, read: read.second - look[0].second <= ONE_LOOK)


def _excess_reads(looks: Sequence[Sequence[Call]]) -> int:
    """The number of reads beyond two in one look: only a loop reads three times in a moment."""
    return sum(max(0, len(look) - 2) for look in looks)


def _is_prompted(received: Sequence[CallbackAttempt], before: Call, read: Call) -> bool:
    """Whether a callback arrived between two reads: then the second confirms it and does not count as a poll."""
    return any(before.second <= callback.second <= read.second for callback in received)


def _split(reads: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    end = next((index for index, read in enumerate(reads) if read.has_ended), len(reads))
    return list(reads[: end + 1]), list(reads[end:])


def _carries_key(call: Call) -> bool:
    named = KEY_HEADER.lower()
    return REDACTED in call.target or any(
        name == named or (REDACTED in value and name not in _REDACTED_ANYWAY)
        for name, value in call.request.headers.items()
    )


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One misuse in one test: the check's name, the generation concerned, the numbers of the exchanges, and what happened."""

    check: str
    nodeid: str
    request_id: str
    exchanges: tuple[int, ...]
    description: str

    def __str__(self) -> str:
        """One line: what happened to which generation, in which exchanges of the journal."""
        about = f" ({self.request_id})" if self.request_id else ""
        exchanges = "exchange" if len(set(self.exchanges)) == 1 else "exchanges"
        where = f": {exchanges} {ranges(self.exchanges)}" if self.exchanges else ""
        return f"{self.description}{about}{where}"


def judge(record: Record, allowed: Collection[str] = (), models: Iterable[Operation] = ()) -> list[Finding]:
    """The findings of one test, without those of `allowed` checks; `models` are the gateway's operations that are not on the page."""
    models = tuple(models)
    traffic = Traffic.of(record, models)
    found = [
        Finding(check.name, record.nodeid, request_id or "", tuple(call.number for call in concerned), what)
        for check in CHECKS.values()
        if check.name not in allowed
        for request_id, concerned, what in check.find(traffic)
    ]
    for undone in record.undone:  # in which an app may not have come to the end
        found += judge(undone, {*allowed, "stopped-early"}, models)
    return list(dict.fromkeys(found))


def report(findings: Iterable[Finding], *, most: int | None = None) -> Iterator[str]:
    """The findings check by check: what is wrong, why it hurts, the remedy, and where; at most `most` findings of each check."""
    known = sorted(set(findings))
    for check in CHECKS.values():
        found = [each for each in known if each.check == check.name]
        if not found:
            continue
        yield f"{check.name}: {check.description}"
        yield f"  why it hurts: {check.impact} [{check.source}]"
        yield f"  instead: {check.remedy}"
        yield from (f"  {each.nodeid}: {each}" for each in found[:most])
        if len(found) > len(found[:most]):
            yield f"  and {len(found) - len(found[:most])} more: run with -v to see all"


def misconduct(findings: Iterable[Finding]) -> str:
    """The findings of one test as the text of its failure, with the marker that allows them."""
    known = sorted(set(findings))
    lines = [f"{each.check}: {each}; instead: {CHECKS[each.check].remedy}" for each in known]
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(each.check for each in known))
    return "\n".join([*lines, f"Intended in this test? @pytest.mark.pixazo(allow_conduct=[{names}])"])


def read_checks(names: str | Iterable[str]) -> tuple[str, ...]:
    """The names of checks, given as one or several. Raises ValueError with the nearest name for an unknown one."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in CHECKS:
            near = nearest(name, tuple(CHECKS))
            raise ValueError(f"usage check {name!r} does not exist{near}: known are {', '.join(CHECKS)}")
    return given
