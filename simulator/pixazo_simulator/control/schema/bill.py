"""What the generations of a world would have cost on the real gateway, and how much of that was wasted."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from pixazo_simulator import world as state
from pixazo_simulator.script import UNREADABLE
from pixazo_simulator.spec import SUBMITS, TERMINAL, WEBHOOK_URL_HEADER, Status, covers, is_success, order, status_span

from .rendering import as_dollars, in_turns
from .responses import Bill, BilledGeneration, Fate, Waste, instant

_REFUSABLE = frozenset({"image_rules", "combo_1080p_10s"})
"""Policy fields that let a generation fail for what the page forbids."""
_WEBHOOK_URL = WEBHOOK_URL_HEADER.lower().encode()


class _Read(msgspec.Struct):
    status: str = ""


_READS = msgspec.json.Decoder(_Read)


async def bill(world: state.World, reading: Callable[[str], str]) -> Bill:
    """The bill of a world as of now, without the generations that it began with; `reading` makes the command that reads a status."""
    now, seen = world.clock.now(), _Seen(world)
    charged, refunded = Counter[str](), Counter[str]()
    for entry in world.account.ledger.entries(now):
        if entry.request_id and entry.kind in (state.EntryKind.DEBIT, state.EntryKind.REFUND):
            (charged if entry.kind is state.EntryKind.DEBIT else refunded)[entry.request_id] += abs(entry.amount)
    billed = [each for each in world.generations() if each.number]  # 0: the world began with it
    ended = {each.request_id: status_span(each.accepted, each.plan, now).status for each in billed}
    fates: dict[str, Fate] = {name: seen.fate(name, status) for name, status in ended.items()}
    twice, failed = seen.charged_twice(fates), seen.failed_before(ended)
    wastes: dict[str, Waste | None] = {
        each.request_id: _waste(each, ended, fates, twice)
        for each in billed
        if charged[each.request_id] > refunded[each.request_id]
    }
    wasted = [name for name, reason in wastes.items() if reason]

    def line(each: state.Generation) -> BilledGeneration:
        name = each.request_id
        has_no_video = fates[name] == "told" and ended[name] is Status.COMPLETED
        return BilledGeneration(
            request_id=name, operation=each.operation, at=instant(each.accepted), price=as_dollars(charged[name]),
            refunded=as_dollars(refunded[name]), state=ended[name].value, fate=fates[name], waste=wastes.get(name),
            failed_before=failed[name], curl=reading(name) if has_no_video or fates[name] in ("unread", "lost") else None,
        )  # fmt: skip

    return Bill(
        total=len(billed),
        spent=as_dollars(sum(charged[name] for name in ended)),
        refunded=as_dollars(sum(refunded[name] for name in ended)),
        wasted=as_dollars(sum(charged[name] - refunded[name] for name in wasted)),
        wasted_generations=len(wasted),
        dropped=world.journal.dropped,
        generations=await in_turns(map(line, billed)),
    )


class _Seen:
    """What an app has seen of its generations, by their ids: the exchanges that it received whole, and the webhooks that it accepted."""

    def __init__(self, world: state.World) -> None:
        exchanges = tuple(world.journal)
        self._submits = {
            each.request_id: each for each in exchanges if each.request_id and covers(SUBMITS, each.operation)
        }
        self._calls = defaultdict[str, list[state.Exchange]](list)
        for each in exchanges:
            if each.request_id and not _is_lost(each):
                self._calls[each.request_id].append(each)
        arrivals, dropped = [each.at for each in exchanges], world.journal.total - len(exchanges)
        self._callbacks = dict[str, int]()
        """The number of the last exchange before the first that told of an end."""
        for callback in world.deliveries():
            told = next((made.at for made in callback.attempts if made.succeeded), None)
            if told is not None and not callback.progress and callback.form is not state.Form.CHALLENGE:
                name, number = callback.request_id, dropped + bisect_left(arrivals, told)
                self._callbacks[name] = min(number, self._callbacks.get(name, number))

    def fate(self, name: str, status: Status) -> Fate:
        """What became of a generation that has this status."""
        good = [each for each in self._calls[name] if is_success(each.status)]
        if any(each.operation == "media" and each.method == "GET" for each in good):
            return "delivered"
        if status in TERMINAL and (name in self._callbacks or any(map(_tells_the_end, good))):
            return "told"
        submit, is_read = self._submits.get(name), any(each.operation == "status" for each in good)
        if submit is not None and _is_lost(submit) and not is_read and name not in self._callbacks:
            return "lost"
        return "unread" if status in TERMINAL else "running"

    def charged_twice(self, fates: Mapping[str, Fate]) -> set[str]:
        """Of each acceptance whose response was lost and the next equal one, the one that the app did not receive, or else the later."""
        found, lost = set[str](), dict[object, str]()
        for each in self._accepted(fates):
            name, same = str(each.request_id), _ordered(each)
            if former := lost.pop(same, None):
                found.add(former if fates[former] in ("lost", "unread") else name)
            if _is_lost(each):
                lost[same] = name
        return found

    def failed_before(self, ended: Mapping[str, Status]) -> Counter[str]:
        """How many equal submissions before each had FAILED, as the app knew when it submitted again."""
        found, failures = Counter[str](), defaultdict[object, list[int]](list)
        for each in self._accepted(ended):
            name, equal = str(each.request_id), failures[_ordered(each)]
            found[name] = bisect_left(equal, each.number)
            told = [read.number for read in self._calls[name] if _tells_the_end(read)]
            told += [self._callbacks[name]] if name in self._callbacks else []
            if ended[name] is Status.FAILED and told:
                insort(equal, min(told))
        return found

    def _accepted(self, names: Iterable[str]) -> Iterator[state.Exchange]:
        return (self._submits[name] for name in names if name in self._submits)


def _is_lost(seen: state.Exchange) -> bool:
    """Whether its caller got no readable response, or a server error."""
    return seen.cut is not None or not UNREADABLE.isdisjoint(seen.faults) or not 0 < seen.status < 500


def _tells_the_end(each: state.Exchange) -> bool:
    if each.operation != "status" or not is_success(each.status):
        return False
    try:
        return _READS.decode(each.response_body).status in TERMINAL
    except msgspec.DecodeError:  # a rule may have sent anything
        return False


def _ordered(submit: state.Exchange) -> object:
    urls = tuple(value for name, value in submit.request_headers if name == _WEBHOOK_URL)
    return order(submit.target, urls, submit.request_body, submit.request_length)


def _waste(
    each: state.Generation, ended: Mapping[str, Status], fates: Mapping[str, Fate], twice: set[str]
) -> Waste | None:
    if each.request_id in twice:
        return "charged twice"
    if ended[each.request_id] is Status.FAILED and not _REFUSABLE.isdisjoint(each.decided_by):
        return "could have been refused"
    return "never read" if fates[each.request_id] in ("unread", "lost") else None
