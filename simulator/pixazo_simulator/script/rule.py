"""One rule of a script: at which requests or webhook deliveries it applies, and the replies, endings and faults that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from pixazo_simulator import spec

from .effects import Discard, Respond
from .facts import CALLS, KNOWN, operations
from .faults import AnyFault, Drop, Fault, Stuck
from .matchers import MOST_WEIGHT, Matcher, as_json, extent, read_matcher, weight

__all__ = [
    "FAULTS", "MOST_RULES", "UNANSWERED", "UNREADABLE", "End", "Length", "Reply", "Rule", "Step", "kind_of", "plain_rules",
]  # fmt: skip

FAULTS: Mapping[str, type[Fault]] = {str(fault.__struct_config__.tag): fault for fault in Fault.__subclasses__()}
"""Every kind of fault by its name in JSON and TOML, such as `connection_reset`."""
UNANSWERED = frozenset(name for name, fault in FAULTS.items() if fault.withholds == "response")
"""Faults that leave the caller without a response."""
UNREADABLE = frozenset(name for name, fault in FAULTS.items() if fault.withholds)
"""Faults that leave the caller without a readable response."""

MOST_RULES = 1000
"""Rules in one script."""
_HEADER_NAME = spec.regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = spec.regex(r"[\t -~]{0,8000}")
_MOST_HEADERS, _MOST_HEADER_BYTES = 100, 16 * 1024
DEEPEST_JSON, _MOST_VALUES = 100, 1_000_000
"""Levels of lists and objects in the body of a reply, and values in it."""
_LONGEST_PHRASE = 500
_COMPUTED_HEADERS = ("content-length", "transfer-encoding", "date")

Text = Annotated[str, Meta(max_length=2000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Polls = Annotated[str, Meta(max_length=40)]
Timeline = Annotated[tuple[tuple[str, Seconds | Polls], ...], Meta(max_length=2)]
Length = tuple[int, int]
"""Milliseconds of a state, or, where they are 0, how many status reads it lasts."""
_STATES = (spec.Status.QUEUED, spec.Status.PROCESSING)
_POLLS = spec.regex(r"polls:([1-9][0-9]{0,5})")
_MOMENT = "seconds of the world's clock since the rule was added, or an instant"
Moment = Seconds | Annotated[str, Meta(max_length=40)]
"""Seconds of the world's clock since the rule was added, or an instant of it (RFC 3339)."""


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A response instead of the real one; nothing is committed.

    Without `json` or `text` an error status code gets the gateway's own body; `retry_after` is in seconds.
    """

    status: Annotated[int, Meta(ge=200, le=599, description="the status code")]
    json: Any = msgspec.UNSET
    text: str | None = None
    headers: dict[str, str] = {}
    retry_after: Annotated[int, Meta(ge=0, le=86_400)] | None = None

    def __post_init__(self) -> None:
        given = self.json is not msgspec.UNSET
        if given and self.text is not None:
            raise ValueError("json and text exclude each other: a reply has one body")
        if (given or self.text is not None) and self.status in spec.BODILESS:
            raise ValueError(f"status {self.status} has no body: leave json and text out")
        if given:
            try:
                extent(self.json, DEEPEST_JSON, _MOST_VALUES)
                msgspec.json.encode(self.json)
            except UnicodeEncodeError as error:
                raise ValueError(f"json: {spec.not_unicode(error)}") from None
            except (TypeError, ValueError) as error:
                raise ValueError(f"json cannot be written as JSON: {error}") from None
        _check_headers(self.headers)


def _check_headers(headers: Mapping[str, object]) -> None:
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and isinstance(value, str) and _HEADER_VALUE.fullmatch(value)):
            problem = f"header {spec.shown(name)}: {spec.shown(value)} cannot be sent: use a token as name and printable ASCII as value"
            raise spec.PlacedError(problem, ("headers", name))
        if name.lower() in _COMPUTED_HEADERS:
            raise spec.PlacedError(f"header {name!r} is computed: leave it out", ("headers", name))
    size = sum(len(name) + len(str(value)) for name, value in headers.items())
    if len(headers) > _MOST_HEADERS or size > _MOST_HEADER_BYTES:
        raise ValueError(
            f"{len(headers)} headers of {size} bytes: give at most {_MOST_HEADERS} of {_MOST_HEADER_BYTES} bytes together"
        )


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How an accepted generation proceeds: its terminal status, its error, seconds in each state; what is omitted is unchanged.

    `after` is the time until the end, split between the two states in the usual proportion. `progress` is `polls:N` (each state
    ends with the N-th status read that shows it), or a timeline: pairs of a state and its length, seconds or `polls:N`.
    """

    status: str | None = None
    error: Text | None = None
    queued: Seconds | None = None
    processing: Seconds | None = None
    after: Seconds | None = None
    progress: Polls | Timeline | None = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("end is empty: give it a status, an error, seconds, or a progress")
        if self.progress is not None:
            if (self.queued, self.processing, self.after) != (None,) * 3:
                raise ValueError("progress excludes queued, processing and after: give one or the other")
            with spec.placed("progress"):
                self.lengths()
        if self.status is not None and self.status not in spec.TERMINAL:
            near = spec.nearest(self.status, spec.TERMINAL)
            raise spec.PlacedError(f"end {self.status!r} is not one of {', '.join(spec.TERMINAL)}{near}", ("status",))
        if self.error is not None and self.status not in ("FAILED", "ERROR"):
            problem = f"error {self.error!r} belongs to status FAILED or ERROR, not {self.status}"
            raise spec.PlacedError(problem, ("error",))
        if self.after is not None and (self.queued is not None or self.processing is not None):
            raise ValueError(f"after {self.after:g} excludes queued and processing: give one or the other")

    def lengths(self) -> tuple[Length, Length] | None:
        """How long it is queued and processing, as `progress` says. Raises ValueError with the remedy."""
        if self.progress is None:
            return None
        if isinstance(self.progress, str):
            each = _length(self.progress)
            return each, each
        states = tuple(state for state, _ in self.progress)
        if not states or states != tuple(state for state in _STATES if state in states):
            raise ValueError(
                f"progress through {', '.join(map(spec.shown, states)) or 'no state'}: write QUEUED, then PROCESSING, each at most once, "
                "as on the page; the end is the member status"
            )
        found = {state: _length(length) for state, length in self.progress}
        queued, processing = (found.get(state, (0, 0)) for state in _STATES)
        return queued, processing


def _length(given: float | str) -> Length:
    """Seconds, or `polls:N`."""
    if not isinstance(given, str):
        return round(given * spec.SECOND), 0
    if not (found := _POLLS.fullmatch(given)):
        raise ValueError(f"progress {spec.shown(given)} is neither a number of seconds nor polls:N, such as polls:2")
    return 0, int(found[1])


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens at a request or webhook delivery, `times` times; by default always, or once if another step follows."""

    reply: Annotated[Reply | None, Meta(description="a response instead of the real one")] = None
    end: Annotated[End | None, Meta(description="how an accepted generation proceeds")] = None
    faults: Annotated[tuple[AnyFault, ...], Meta(max_length=20, description="what goes wrong")] = ()
    times: Annotated[Count | None, Meta(description="how often; default: always, once if a step follows")] = None

    @property
    def commits(self) -> bool:
        """Whether the gateway still does what it was asked to do."""
        return self.reply is None and not any(Discard() in fault.effects for fault in self.faults)

    @property
    def only_plans(self) -> bool:
        """Whether it only plans the generation: a submission that is refused leaves it unused."""
        return (self.end is not None or bool(self.faults)) and all(isinstance(fault, Stuck) for fault in self.faults)

    def inapplicable_faults(self, facts: Mapping[str, Any]) -> list[str]:
        """Why none of its faults can happen at a request with these facts; empty when one can."""
        reasons = [fault.inapplicable(facts) for fault in self.faults]
        idle = bool(reasons) and None not in reasons and self.reply is None and self.end is None
        return [reason for reason in reasons if reason is not None] if idle else []


class Rule(Step, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, dict=True):
    """At a request that matches, the step happens, then those of `then`; the first `after` matching requests are let through.

    `match` maps names of facts to a value or a condition such as `{"contains": "bear"}`. Of the requests that match, a share of
    `probability` is decided, drawn from the seed of the world. Before `since` and from `until` on the rule is not tried.
    """

    when: Annotated[str, Meta(description="what it is about: a word, or an operation such as ltx-video/text-to-video")]
    match: Annotated[dict[str, Any], Meta(description="facts and their values or conditions; all must match")] = {}
    after: Annotated[int, Meta(ge=0, le=1_000_000, description="this many matching requests are let through first")] = 0
    probability: Annotated[float, Meta(gt=0, le=1, description="the share of matching requests that is decided")] = 1
    since: Annotated[Moment, Meta(description=f"{_MOMENT}: before it the rule is not tried")] = 0
    until: Annotated[Moment | None, Meta(description=f"{_MOMENT}: from it on the rule is not tried")] = None
    then: Annotated[tuple[Step, ...], Meta(max_length=1000, description="the steps that follow, in order")] = ()
    name: Annotated[Annotated[str, Meta(max_length=200)] | None, Meta(description="the rule's name in reports")] = None

    def __post_init__(self) -> None:
        with spec.placed("when"):
            about = operations(self.when)
        _ = self.conditions
        begins, ends = self.window(0)
        if ends is not None and type(self.since) is type(self.until) and ends <= begins:
            problem = f"until {self.until} is not after since {self.since}: the rule would never be tried"
            raise spec.PlacedError(problem, ("until",))
        for number, step in enumerate(self.steps):
            if found := _problem(step, _generally(about)):
                place = ("then", number - 1) if number else ()
                raise spec.PlacedError(f"when {self.when!r}: {found[0]}", (*place, *found[1]))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The step and those that follow it; a rule is its own first step."""
        return (self, *self.then)

    @cached_property
    def conditions(self) -> list[tuple[tuple[str, ...], Matcher]]:
        """Its conditions, each with the path of the fact that it is about. Raises ValueError with the nearest known name."""
        known = frozenset[str].intersection(*(KNOWN[each] for each in _generally(operations(self.when))))
        for name in self.match:
            if name not in known:
                near = spec.nearest(name, (*sorted(known), *_OPTIONS))
                problem = (
                    f"when {self.when!r} has no fact {spec.shown(name)}{near}: known are {', '.join(sorted(known))}"
                )
                raise spec.PlacedError(problem, ("match", name))
        found: list[tuple[tuple[str, ...], Matcher]] = []
        for (name, *key), condition in _flat(self.match):
            with spec.placed("match", name, *key):
                matcher = read_matcher(condition)
            for leaf in () if key else matcher.leaves():  # no fact itself is a list
                if leaf.operator == "contains" and not isinstance(leaf.operand, str):
                    problem = f"{name} contains {spec.shown(leaf.operand)}: no {name} is a list: give it a string"
                    raise spec.PlacedError(problem, ("match", name))
            found.append(((name, *(map(str.lower, key) if name == "headers" else key)), matcher))
        if sum(matcher.size for _, matcher in found) > MOST_WEIGHT:
            raise ValueError(f"match has more than {MOST_WEIGHT} conditions and values: write several rules")
        return found

    def window(self, added: int) -> tuple[int, int | None]:
        """The instants (UTC milliseconds) from which and before which it is tried. Raises ValueError for what is no instant."""
        ends = None if self.until is None else _instant("until", self.until, added)
        return _instant("since", self.since, added), ends

    def weight(self, most: int) -> int:
        """The weight of its steps and conditions, or any number above `most`. Raises ValueError as `matchers.weight` does."""
        total = len(self.steps)
        for path, condition in self.conditions:
            with spec.placed("match", *path):
                total += weight((condition,), most - total)
            if total > most:
                break
        return total

    def as_json(self) -> dict[str, Any]:
        """The rule as plain data for JSON and TOML, without members at their defaults. Raises ValueError for a string that is not Unicode."""
        try:
            plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(self, match={})))
        except UnicodeEncodeError as error:
            raise ValueError(spec.not_unicode(error)) from None
        return plain | ({"match": as_json(self.match)} if self.match else {})

    def __str__(self) -> str:
        """The rule as a phrase: `when generate, prompt contains 'bear'`."""
        if self.name:
            return self.name
        phrase = f"when {self.when}"
        for path, condition in _flat(self.match):
            is_hidden = len(path) > 1 and spec.is_secret(path[-1])
            phrase += f", {'.'.join(path)} {spec.HIDDEN if is_hidden else read_matcher(condition)}"
            if len(phrase) > _LONGEST_PHRASE:
                break
        for name, usual in (("probability", 1), ("since", 0), ("until", None)):
            if (value := getattr(self, name)) not in (usual, None):
                phrase += f", {name} {written(value)}"
        return spec.beginning(phrase, _LONGEST_PHRASE)


def plain_rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules as they are read from JSON: a store cannot keep the matchers of Python, such as `contains("bear")`."""
    return tuple(msgspec.convert(rule.as_json(), Rule) for rule in rules)


_OPTIONS = ("after", "probability", "since", "until", "name")
"""What a rule takes besides its conditions; in Python they are passed together."""


def written(value: float | str) -> str:
    """A number without needless digits, or an instant as it was given."""
    return value if isinstance(value, str) else f"{value:g}"


def _instant(name: str, moment: float | str, added: int) -> int:
    """A moment in UTC milliseconds."""
    if not isinstance(moment, str):
        return added + round(moment * spec.SECOND)
    if (instant := spec.read_instant(moment)) is None:
        problem = f"{name} {spec.shown(moment)} is neither a number of seconds nor an instant with a time zone, such as 2026-03-31T10:00:00Z"
        raise spec.PlacedError(problem, (name,))
    return instant


def _generally(about: frozenset[str]) -> frozenset[str]:
    """These operations, with `*/*` for each whose name has a slash."""
    return frozenset(spec.ANY_MODEL if "/" in each else each for each in about)


def _flat(match: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Conditions as they were given, each with the path of its fact. Raises ValueError for headers or a body without names."""
    for name, condition in match.items():
        if name not in ("headers", "body"):
            yield (name,), condition
        elif isinstance(condition, Mapping):
            yield from (((name, key), each) for key, each in cast("Mapping[str, Any]", condition).items())
        else:
            raise ValueError(f"{name} {spec.shown(condition)}: give it names and their conditions")


def _problem(step: Step, about: frozenset[str]) -> tuple[str, spec.Path] | None:
    if step.end and not about <= spec.SUBMITS:
        return "only a submission can have an end: write when='submit'", ("end",)
    if step.reply and not about <= CALLS["request"]:
        return "a webhook has no reply: use a fault such as drop", ("reply",)
    for number, fault in enumerate(step.faults):
        if not about <= fault.applies_to:
            wanted = ", ".join(name for name, meant in CALLS.items() if meant <= fault.applies_to)
            return f"fault {kind_of(fault)!r} applies only to {wanted}", ("faults", number, "fault")
    problem = _contradiction(step) or _conflict(step.faults)
    return (problem, ("faults",) if step.faults else ()) if problem else None


def _contradiction(step: Step) -> str | None:
    reply, end = "reply" if step.reply else None, "end" if step.end else None
    stuck = next((f"fault {kind_of(fault)!r}" for fault in step.faults if isinstance(fault, Stuck)), None)
    done = ((fault, each) for fault in step.faults for each in fault.effects)
    instead = next((f"fault {kind_of(fault)!r}" for fault, each in done if isinstance(each, Respond | Discard)), None)
    pairs = (
        (reply, end, ": a submission that gets this reply is not accepted"),
        (reply, stuck, ": a submission that gets this reply is not accepted"),
        (instead, end, ": nothing is accepted"),
        (instead, stuck, ": nothing is accepted"),
        (reply, instead, ""),
        (end, stuck, ""),
    )
    return next((f"{one} and {other} exclude each other{why}" for one, other, why in pairs if one and other), None)


def _conflict(faults: Iterable[Fault]) -> str | None:
    kinds = {kind_of(fault): fault for fault in faults}
    for first, second in combinations(kinds, 2):
        if second in kinds[first].excludes or first in kinds[second].excludes:
            return f"faults {first!r} and {second!r} exclude each other"
    alone = next((kind for kind, fault in kinds.items() if isinstance(fault, Drop)), None)
    return f"fault {alone!r} leaves nothing for another to act on" if alone and len(kinds) > 1 else None


def kind_of(fault: Fault) -> str:
    """The name of a fault in JSON and TOML, such as `connection_reset`."""
    return str(fault.__struct_config__.tag)
