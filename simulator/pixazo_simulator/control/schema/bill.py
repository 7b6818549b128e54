"""What the generations of a world would have cost on the real gateway, and what of it was waste."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from pixazo_simulator import world as state
from pixazo_simulator.spec import SUBMITS, TERMINAL, Status, covers, is_success, snapshot

from .rendering import as_dollars, in_turns
from .responses import Bill, BilledGeneration, Fate, Waste, instant

_UNREADABLE = frozenset({"reply_lost", "empty_reply", "connection_reset", "hang", "truncated_body", "garbled_body"})
"""Faults that leave the caller without a response that it can read."""
_REFUSABLE = frozenset({"image_rules", "combo_1080p_10s"})
"""Fields of the policy by which a generation fails for what the page forbids."""


async def bill(world: state.World, reading: Callable[[str], str]) -> Bill:
    """The bill of a world as of now, without the generations that it began with; `reading` makes the command that reads a status."""
    now, exchanges = world.clock.now(), tuple(world.journal)
    submits = {each.request_id: each for each in exchanges if each.request_id and covers(SUBMITS, each.operation)}
    charged, refunded = Counter[str](), Counter[str]()
    for entry in world.account.ledger.entries(now):
        if entry.request_id and entry.kind in (state.EntryKind.DEBIT, state.EntryKind.REFUND):
            (charged if entry.kind is state.EntryKind.DEBIT else refunded)[entry.request_id] += abs(entry.amount)
    billed = [each for each in world.generations() if each.number]  # 0: the world began with it
    calls = defaultdict[str, list[state.Exchange]](list)
    for each in exchanges:
        if each.request_id and not _is_lost(each):
            calls[each.request_id].append(each)
    callbacks = {
        each.request_id
        for each in world.deliveries()
        if not each.progress and each.form is not state.Form.CHALLENGE and any(made.succeeded for made in each.attempts)
    }
    ended = {each.request_id: snapshot(each.accepted, each.plan, now).status for each in billed}
    fates: dict[str, Fate] = {
        name: _fate(status, calls[name], submits.get(name), called_back=name in callbacks)
        for name, status in ended.items()
    }
    twice = _charged_twice([submits[name] for name in ended if name in submits], fates)
    paid = {name for name in ended if charged[name] > refunded[name]}
    wastes: dict[str, Waste | None] = {
        each.request_id: _waste(each, ended, fates, twice) if each.request_id in paid else None for each in billed
    }
    wasted = [name for name, reason in wastes.items() if reason]
    names = list(ended)

    def line(each: state.Generation) -> BilledGeneration:
        name = each.request_id
        return BilledGeneration(
            request_id=name, operation=each.operation, at=instant(each.accepted), price=as_dollars(charged[name]),
            refunded=as_dollars(refunded[name]), state=ended[name].value, fate=fates[name], waste=wastes[name],
            curl=reading(name) if fates[name] in ("unread", "lost") or _has_no_video(fates[name], ended[name]) else None,
        )  # fmt: skip

    return Bill(
        total=len(billed),
        spent=as_dollars(sum(charged[name] for name in names)),
        refunded=as_dollars(sum(refunded[name] for name in names)),
        wasted=as_dollars(sum(charged[name] - refunded[name] for name in wasted)),
        wasted_generations=len(wasted),
        dropped=world.journal.dropped,
        generations=await in_turns(map(line, billed)),
    )


def _has_no_video(fate: Fate, status: Status) -> bool:
    return fate == "told" and status is Status.COMPLETED


def _is_lost(seen: state.Exchange) -> bool:
    """Whether its caller did not get a response that it can read, or a server error."""
    return seen.cut is not None or not _UNREADABLE.isdisjoint(seen.faults) or not 0 < seen.status < 500


def _fate(status: Status, calls: Iterable[state.Exchange], submit: state.Exchange | None, *, called_back: bool) -> Fate:
    """What became of a generation; `calls` are the exchanges about it that reached the app whole."""
    good = [each for each in calls if is_success(each.status)]
    if any(each.operation == "media" and each.method == "GET" for each in good):
        return "delivered"
    reads = [each for each in good if each.operation == "status"]
    ends = [f'"status":"{each}"'.encode() for each in TERMINAL]
    if status in TERMINAL and (called_back or any(end in each.response_body for each in reads for end in ends)):
        return "told"
    if submit is not None and _is_lost(submit) and not reads and not called_back:
        return "lost"
    return "unread" if status in TERMINAL else "running"


def _charged_twice(submits: Sequence[state.Exchange], fates: Mapping[str, Fate]) -> set[str]:
    """Of each acceptance whose reply was lost and the next equal one, that which the app did not get, or else the later."""
    found, lost = set[str](), dict[tuple[str, bytes, int], str]()
    for each in submits:
        name, same = str(each.request_id), (each.target, each.request_body, each.request_length)
        if former := lost.pop(same, None):
            found.add(former if fates[former] in ("lost", "unread") else name)
        if _is_lost(each):
            lost[same] = name
    return found


def _waste(
    each: state.Generation, ended: Mapping[str, Status], fates: Mapping[str, Fate], twice: set[str]
) -> Waste | None:
    if each.request_id in twice:
        return "charged twice"
    if ended[each.request_id] is Status.FAILED and not _REFUSABLE.isdisjoint(each.decided_by):
        return "could have been refused"
    return "never read" if fates[each.request_id] in ("unread", "lost") else None
