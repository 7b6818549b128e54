"""Builds rules: by chained calls, `When(...).reply(...).then.end(...)`; from scripts in TOML, JSON or YAML; an example of every kind of fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, Unpack, cast

import msgspec
from msgspec import UNSET, Meta

from pixazo_simulator import spec

from .facts import Call, Conditions
from .faults import AnyFault, Fault
from .matchers import MOST_WEIGHT
from .rule import FAULTS, MOST_RULES, End, Reply, Rule, Step

__all__ = ["EXAMPLES", "When", "default_of", "in_python", "in_toml", "script_from", "script_problems"]

# By chained calls


class Place(Protocol):
    """Where rules go, such as a ControlClient."""

    def add_rule(self, rule: Rule, /) -> int: ...

    def replace_rule(self, number: int, rule: Rule, /) -> object: ...


class When:
    """A rule that is being built: `When(place, "generate", prompt=contains("bear")).end("FAILED", error="content policy")`.

    The rule is about `call`: generate, imageToVideo, submit (any of them), status, media, webhook, or request (any but webhook). `match`
    has conditions on the facts of the call; `headers` and `body` take a mapping of them. The first `after` matching
    calls are let through; of the others a share of `probability` is decided, drawn from the seed of the world. Before `since` and
    from `until` on the rule is not tried: seconds of the world's clock after it was added, or an instant. `name` replaces the
    phrase with which reports name the rule.

    A rule is active as soon as the statement completes: each verb adds it to the script, or replaces it there. Verbs in a row add
    to one step (`end` and `fault` can be combined), `then` begins the next. Without `times` the last step always applies and any
    other one once. Raises ValueError for a rule that is not valid, with the nearest known name.
    """

    def __init__(
        self,
        place: Place,
        call: Call,
        /,
        *,
        after: int = 0,
        probability: float = 1,
        since: float | str | datetime = 0,
        until: float | str | datetime | None = None,
        name: str | None = None,
        **match: Unpack[Conditions],
    ) -> None:
        self._place = place
        self._rule = Rule(
            when=call, match=dict(match), after=after, probability=probability, since=_moment(since),
            until=None if until is None else _moment(until), name=name,
        )  # fmt: skip
        self._steps: list[Step] = []
        self._begins = True
        self.number: int | None = None
        """The number of the rule in its script, None until it is placed."""
        self._open = True

    @property
    def rule(self) -> Rule:
        """The rule as it is so far."""
        return self._made(self._steps)

    @property
    def incomplete(self) -> str | None:
        """Which step has no verb, with the remedy; None when every step has one."""
        if not self._open:
            return None
        begun = f'when("{self._rule.when}")' + (f", step {len(self._steps) + 1}," if self._steps else "")
        return f"{begun} does not say what happens: add .reply, .end or .fault"

    @property
    def then(self) -> When:
        """Begin the next step, which applies once this one is used up."""
        self._begins = self._open = True
        return self

    def reply(
        self,
        status: int,
        *,
        json: Any = UNSET,
        text: str | None = None,
        headers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
        times: int | None = None,
    ) -> When:
        """Send this response and accept nothing; `retry_after` is in seconds. An error without a body gets the gateway's."""
        self._open = False
        given = Reply(status=status, json=json, text=text, headers=dict(headers or {}), retry_after=retry_after)
        return self._say(times, reply=given)

    def end(
        self,
        status: Literal["COMPLETED", "FAILED", "ERROR"] | None = None,
        *,
        error: str | None = None,
        queued: float | None = None,
        processing: float | None = None,
        after: float | None = None,
        progress: str | Sequence[tuple[Literal["QUEUED", "PROCESSING"], float | str]] | None = None,
        times: int | None = None,
    ) -> When:
        """Let the accepted generation end in this status; what is omitted is unchanged.

        `queued` and `processing` are seconds of the world's clock in each state, `after` in both together. `progress="polls:2"` ends each
        state with the second status read that shows it; a list is a timeline: `progress=[("QUEUED", 3), ("PROCESSING", "polls:2")]`.
        """
        self._open = False
        line = progress if progress is None or isinstance(progress, str) else tuple(progress)
        return self._say(times, end=End(status, error, queued, processing, after, line))

    def fault(self, *faults: AnyFault, times: int | None = None) -> When:
        """Let these faults happen, all of them together."""
        self._open = False
        _check_faults(faults)
        before = () if self._begins else self._steps[-1].faults
        return self._say(times, faults=(*before, *faults))

    def _say(self, times: int | None, **members: object) -> When:
        """Put members into the current step and place the rule; a step that is refused is left out."""
        kept, current = (self._steps, Step()) if self._begins else (self._steps[:-1], self._steps[-1])
        if times is not None:
            members["times"] = times
        steps = [*kept, msgspec.structs.replace(current, **members)]
        rule = self._made(steps)
        if self.number is None:
            self.number = self._place.add_rule(rule)
        else:
            self._place.replace_rule(self.number, rule)
        self._steps, self._begins = steps, False
        return self

    def _made(self, steps: list[Step]) -> Rule:
        """The rule with these steps; it is its own first one."""
        first, *rest = steps or [Step()]
        return msgspec.structs.replace(self._rule, **msgspec.structs.asdict(first), then=tuple(rest))

    def __repr__(self) -> str:
        return f"<{self.rule}, {'not placed yet' if self.number is None else f'number {self.number}'}>"


def _moment(given: float | str | datetime) -> float | str:
    return given.isoformat() if isinstance(given, datetime) else given


def _check_faults(given: Sequence[object]) -> None:
    """Raise TypeError with what to write instead where there is no fault, or anything else, such as its class or its name."""
    remedy = "write one such as ReplyLost(); pixazo-sim faults lists them"
    if not given:
        raise TypeError(f"fault() names no fault: {remedy}")
    for each in given:
        if not isinstance(each, Fault):
            raise TypeError(f"{each.__name__ if isinstance(each, type) else repr(each)} is not a fault: {remedy}")


# From a file: what is wrong is reported with its line, its place and the remedy


def script_from(text: str, name: str, form: str) -> tuple[Rule, ...]:
    """The rules in a text in a format, which messages call `name`. Raises ValueError that names `name`, the line, the key and the remedy."""
    return spec.read_text_as(f"script {name}", text, form, _read_rules)


def script_problems(data: object) -> Iterator[spec.InvalidDataError]:
    """All that is wrong with a script, as far as it can be found: once for each member of a rule."""
    return spec.problems_within(
        data, "rules", [], _read_rules, lambda rule, place: spec.problems_of(rule, _read_rule, place)
    )


class _Script(msgspec.Struct, forbid_unknown_fields=True):
    rules: Annotated[tuple[Any, ...], Meta(max_length=MOST_RULES)] = ()


def _read_rules(data: object) -> tuple[Rule, ...]:
    """The rules of a script. Raises InvalidDataError for the first thing that is wrong."""
    read: list[Rule] = []
    left = MOST_WEIGHT  # also checked when the rules enter a script, where their lines are no longer known
    for number, each in enumerate(spec.fit(data, _Script).rules):
        try:
            rule, weight = _read_rule(each)
        except spec.InvalidDataError as misfit:
            raise misfit.within("rules", number) from None
        left -= weight
        if left < 0:
            problem = f"the steps and conditions so far weigh more than {MOST_WEIGHT}: write fewer"
            raise spec.InvalidDataError(problem, ("rules", number))
        read.append(rule)
    return tuple(read)


def _read_rule(value: object) -> tuple[Rule, int]:
    """A rule and its weight; TOML has instants of its own."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        value = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in members.items()}
    try:
        rule = spec.fit(value, Rule)
        return rule, rule.weight(MOST_WEIGHT)
    except ValueError as error:
        if isinstance(error, spec.InvalidDataError):
            raise
        raise spec.InvalidDataError(str(error), getattr(error, "path", ())) from None


# Examples


EXAMPLES: Mapping[str, Rule] = {
    kind: Rule(when=when, faults=(fault(**arguments),), times=times)
    for kind, fault in FAULTS.items()
    for when, times, arguments in (fault.example,)
}
"""Kind of fault -> a rule with that fault alone."""


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a parameter; None where it is required."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def in_python(rule: Rule) -> str:
    """A rule with one fault as a line of a test."""
    (fault,) = rule.faults
    given = msgspec.to_builtins(fault)  # encoding leaves defaults out
    members = msgspec.structs.asdict(fault).items()
    arguments = ", ".join(f"{name}={value!r}" for name, value in members if name in given)
    times = f", times={rule.times}" if rule.times else ""
    return f'pixazo.when("{rule.when}").fault({type(fault).__name__}({arguments}){times})'


def in_toml(rule: Rule) -> str:
    """A rule with one fault as a table of a script file."""
    # A string, number or boolean is written in TOML as in JSON.
    members = msgspec.to_builtins(rule.faults[0]).items()
    fault = ", ".join(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in members)
    times = [f"times = {rule.times}"] if rule.times else []
    return "\n".join(["[[rules]]", f'when = "{rule.when}"', *times, f"faults = [{{ {fault} }}]"])
