"""Behaviour coverage: which documented behaviour of the gateway a test suite covered, and a line that provokes each missing one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, groupby, pairwise
from typing import Literal

import msgspec

from pixazo_simulator.script import EXAMPLES, in_python
from pixazo_simulator.spec import OPERATIONS, TEXT_TO_VIDEO, Operation, Status, is_success
from pytest_pixazo.world import Record

from .calls import Call, CallbackAttempt, Traffic, read_calls

STATES: tuple[str, ...] = tuple(Status)
CODES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(OPERATIONS, (202, 400, 401, 402, 403, 429, 500)),
    "status": (200, 401, 403, 404, 429, 500),
    "media": (200, 404),
}
"""The status codes of each operation: those of the page's Response Handling that apply to it, and 404 for what does not exist
(policies `unknown_id`, `retention`). Any 2xx counts as the first of them, any 5xx as 500, any missing video as 404.
"""


def _answers(operation: str) -> Iterator[tuple[str, str]]:
    first, *others = _codes(operation)
    yield f"{operation}:{first}", "download the video" if operation == "media" else f"a valid call of {operation}"
    for code in others:
        waiting = ", retry_after=2" if code == 429 else ""
        yield f"{operation}:{code}", f'pixazo.when("{operation}").reply({code}{waiting}, times=1)'


def _codes(operation: str) -> tuple[int, ...]:
    """The codes of an operation; operations of model files have those of the page."""
    return CODES.get(operation, CODES[TEXT_TO_VIDEO.name])


_TWICE = "read the status after 5 s and after 15 s"
BEHAVIOURS: Mapping[str, str] = {
    "state:QUEUED": "submit, and read the status immediately",
    "state:PROCESSING": "submit, pixazo.clock.advance(5), read the status",
    "state:COMPLETED": "submit, pixazo.clock.advance(15), read the status",
    "state:FAILED": 'pixazo.when("submit").end("FAILED", error="content policy")',
    "state:ERROR": 'pixazo.when("submit").end("ERROR")',
    "transition:QUEUED-PROCESSING": "read the status, pixazo.clock.advance(5), read it again",
    "transition:PROCESSING-COMPLETED": _TWICE,
    **{f"transition:PROCESSING-{state}": f'pixazo.when("submit").end("{state}"); {_TWICE}' for state in STATES[3:]},
    **dict(chain.from_iterable(map(_answers, CODES))),
    "webhook:COMPLETED": "submit with X-Webhook-URL, pixazo.clock.advance(15)",
    **{f"webhook:{it}": f'pixazo.when("submit").end("{it}"), and as for webhook:COMPLETED' for it in STATES[3:]},
    "webhook:refused": "pixazo_webhooks.reply(503), or let the app respond like this",
    "webhook:retried": "as for webhook:refused, then pixazo.clock.advance(5)",
    "webhook:duplicated": 'pixazo.when("webhook").fault(Duplicate())',
}
"""What counts as 100 %: the states and transitions of the page, the codes of each operation, the events of a webhook; each with a line
that provokes it in a test.
"""

FAULT_BEHAVIOURS: Mapping[str, str] = {f"fault:{kind}": in_python(example) for kind, example in EXAMPLES.items()}
"""Every kind of fault, counted separately: no page documents them, but networks and gateways have them."""


def without(globs: Sequence[str], models: Sequence[Operation] = ()) -> dict[str, str]:
    """`BEHAVIOURS`, and those of model files, but for names that match a glob. Raises ValueError for a glob that matches none."""
    behaviours = {**BEHAVIOURS, **dict(chain.from_iterable(_answers(each.name) for each in models))}
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in behaviours):
            groups = ", ".join(dict.fromkeys(map(_group, behaviours)))
            raise ValueError(
                f"pixazo_cov_omit {glob!r} matches no behaviour: a name is one of {groups}, a colon and the rest"
            )
    return {name: hint for name, hint in behaviours.items() if not any(fnmatchcase(name, glob) for glob in globs)}


def _group(name: str) -> str:
    return name.partition(":")[0]


class Met(msgspec.Struct, frozen=True):
    """How often a behaviour was covered, and by which test first."""

    times: int
    first: str


class Share(msgspec.Struct, frozen=True):
    """Which behaviours were covered, by name; for each of the others a line that provokes it."""

    percent: float
    met: dict[str, Met]
    missing: dict[str, str]


class CoverageDocument(msgspec.Struct, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:coverage:1"):
    """What `--pixazo-cov-json` writes: the documented behaviour, and the faults, which no page documents."""

    documented: Share
    faults: Share
    version: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """Some behaviours with their hints, and how often each was covered, by name."""

    title: str
    behaviours: Mapping[str, str]
    met: Mapping[str, Met]

    @property
    def missing(self) -> dict[str, str]:
        return {name: hint for name, hint in self.behaviours.items() if name not in self.met}

    @property
    def percent(self) -> float:
        """How much was covered, in percent; 100 when there is nothing to cover."""
        total = len(self.behaviours)
        return 100 * (total - len(self.missing)) / total if total else 100.0

    @property
    def share(self) -> Share:
        covered = {name: self.met[name] for name in self.behaviours if name in self.met}
        return Share(round(self.percent, 2), covered, self.missing)

    def shortfall(self, least: float | None) -> str | None:
        """Why a run fails that must cover `least` percent; None where it does."""
        if least is None or self.percent >= least:
            return None
        return f"pixazo: behaviour coverage {self.percent:.1f} % is less than {least:g} %: --pixazo-cov shows what is missing"

    def __str__(self) -> str:
        total = len(self.behaviours)
        return f"{self.title}: {total - len(self.missing)} of {total} ({self.percent:.0f} %)"

    def lines(self) -> Iterator[str]:
        """How much was covered, in all and by group, with what is missing; then how to cover that."""
        yield str(self)
        for group, members in groupby(self.behaviours, key=_group):
            names = list(members)
            lacking = [name.partition(":")[2] for name in names if name not in self.met]
            share = f"{len(names) - len(lacking)} of {len(names)}"
            yield f"  {group:<13} {share:>8}  " + (f"missing: {' '.join(lacking)}" if lacking else "all covered")
        if self.missing:
            yield "  To cover what is missing:"
        yield from (f"    {name:<31} {hint}" for name, hint in self.missing.items())


def met(record: Record) -> Counter[str]:
    """The names of the behaviours that one test covered, and how often."""
    traffic, found = Traffic.of(record), Counter[str]()
    found.update(
        f"{call.operation}:{_documented(call.status, call.operation)}"
        for call in (*traffic.calls, *read_calls(record.unmatched))
        if call.operation is not None and call.is_answered
    )
    for statuses in _reported(traffic).values():
        found.update(f"state:{status}" for status in statuses)
        found.update(f"transition:{before}-{after}" for before, after in pairwise(statuses))
    ended = Counter[str]()
    for callback in traffic.callbacks:
        found["webhook:retried"] += callback.number > 1
        if callback.was_received:
            taken = is_success(callback.response_status)
            found[f"webhook:{callback.reported}" if taken else "webhook:refused"] += 1
            ended[callback.request_id] += callback.has_ended
    found["webhook:duplicated"] = sum(count > 1 for count in ended.values())
    found.update(f"fault:{kind}" for call in traffic.calls for kind in call.faults)
    found.update(f"fault:{kind}" for delivery in record.deliveries for kind in delivery.faults)
    known = {*BEHAVIOURS, *FAULT_BEHAVIOURS}
    of_this = Counter({name: count for name, count in found.items() if count and (name in known or "/" in name)})
    for undone in record.undone:
        of_this |= met(undone)
    return of_this


def _documented(status: int, operation: str) -> int:
    if status < 300:
        return _codes(operation)[0]
    if status >= 500:
        return 500
    return 404 if operation == "media" and status != 403 else status  # 403: for a user agent that is not served


def _reported(traffic: Traffic) -> dict[str, list[str]]:
    seen: list[Call | CallbackAttempt] = [callback for callback in traffic.callbacks if callback.was_received]
    seen += [call for call in traffic.calls if call.operation == "status" or call.is_submit]
    found: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for each in seen:
        if each.request_id and each.reported in STATES:
            found[each.request_id].append((each.second, min(STATES.index(each.reported), 2), each.reported))
    return {request_id: [status for _, _, status in sorted(statuses)] for request_id, statuses in found.items()}
