"""Which behaviour of the gateway a test suite met, and which it did not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pixazo_simulator.script import SUBMITS
from pytest_pixazo.reports.calls import Call, Scene, read_calls
from pytest_pixazo.world import Record

from .behaviours import BEHAVIOURS, CODES, FAULT_BEHAVIOURS, STATES, Behaviour


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a group was met: those met and those missing, in the order of the list."""

    group: str
    met: tuple[Behaviour, ...]
    missing: tuple[Behaviour, ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.met) + len(self.missing)


def shares(behaviours: Iterable[Behaviour], names: Iterable[str]) -> list[Share]:
    """How much of each group is among the names met."""
    known, groups = frozenset(names), defaultdict[str, list[Behaviour]](list)
    for behaviour in behaviours:
        groups[behaviour.group].append(behaviour)
    return [
        Share(
            group,
            tuple(each for each in members if each.name in known),
            tuple(each for each in members if each.name not in known),
        )
        for group, members in groups.items()
    ]


def percent(shares: Iterable[Share]) -> float:
    """How much of all groups together was met, in per cent; all of nothing is 100."""
    known = list(shares)
    total = sum(share.total for share in known)
    return 100 * sum(len(share.met) for share in known) / total if total else 100.0


def table(shares: Iterable[Share]) -> Iterator[str]:
    """One line for each group, with what is missing of it; then one for each missing behaviour, and how to meet it."""
    known = list(shares)
    for share in known:
        lacking = " ".join(each.name.partition(":")[2] for each in share.missing)
        counted = f"{len(share.met)} of {share.total}"
        yield f"  {share.group:<13} {counted:>8}  {f'missing: {lacking}' if lacking else 'all met'}"
    missing = [behaviour for share in known for behaviour in share.missing]
    if missing:
        yield "  To meet what is missing:"
    yield from (f"    {each.name:<31} {each.hint}" for each in missing)


def met(record: Record) -> Counter[str]:
    """The names of what one test met, and how often."""
    scene, found = Scene.of(record), Counter[str]()
    found.update(_met_codes((*scene.calls, *read_calls(record.unmatched))))
    for words in _told(scene).values():
        found.update(f"state:{word}" for word in words)
        found.update(f"transition:{before}-{after}" for before, after in pairwise(words))
    found.update(_met_callbacks(scene))
    found.update(f"fault:{kind}" for call in scene.calls for kind in call.faults)
    found.update(f"fault:{kind}" for delivery in record.deliveries for kind in delivery.faults)
    known = {each.name for each in (*BEHAVIOURS, *FAULT_BEHAVIOURS)}
    return Counter({name: count for name, count in found.items() if name in known})


def _met_codes(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        if call.operation is not None and call.is_answered:
            yield f"{call.operation}:{_documented(call.status, call.operation)}"


def _documented(code: int, operation: str) -> int:
    codes = CODES[operation]
    if code < 300:
        return codes[0]
    if code >= 500:
        return 500
    return 404 if operation == "media" else code


def _told(scene: Scene) -> dict[str, list[str]]:
    """The statuses that the app was told of each generation, in the order of their instants."""
    told: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for request_id, at, word in _words(scene):
        if word in STATES:
            told[request_id].append((at, min(STATES.index(word), 2), word))
    return {request_id: [word for _, _, word in sorted(words)] for request_id, words in told.items()}


def _words(scene: Scene) -> Iterator[tuple[str, float, str | None]]:
    for call in scene.calls:
        if call.request_id and (call.operation == "status" or call.operation in SUBMITS):
            yield call.request_id, call.second, call.word
    for callback in scene.callbacks:
        if callback.was_heard:
            yield callback.request_id, callback.second, callback.word


def _met_callbacks(scene: Scene) -> Iterator[str]:
    ended = Counter[str]()
    for callback in scene.callbacks:
        if callback.attempt > 1:
            yield "webhook:retried"
        if not callback.was_heard:
            continue
        yield f"webhook:{callback.word}" if callback.was_taken else "webhook:refused"
        ended[callback.request_id] += callback.has_ended
    yield from ("webhook:duplicated" for count in ended.values() if count > 1)
