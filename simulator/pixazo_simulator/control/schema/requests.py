"""What the control routes take: one struct per body or query; an unknown member is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pixazo_simulator.script import CALLS, MOST_RULES, Matcher, Rule, operations, read_matcher
from pixazo_simulator.spec import ANY_MODEL, CALLBACK_MEMBER, WEBHOOK_URL_HEADER, ImageFacts, Status, nearest, shown
from pixazo_simulator.state import WorldLog
from pixazo_simulator.world import InitialGeneration

from .responses import about

MOST_LISTED = 1000
"""Exchanges, entries, generations or deliveries in one response."""
LONGEST_WAIT = 300.0
"""Real seconds that one wait may last."""
LONGEST_LOOK = 86_400
"""Seconds of the world's clock to look ahead at most."""
LONGEST_TEXT = 1000
"""Characters of a search text."""
LONGEST_NAME = 1000
"""Characters of the name of a world."""

T = TypeVar("T")
_LISTS = ("exchanges", "deliveries", "generations")
Scalar = str | int | float | bool | list[Any]
Dollars = Annotated[str, about("US dollars, such as 0.50")]
Fields = Annotated[dict[str, Scalar], about("policy fields by name, as `pixazo-sim policy` lists them")]
Images = Annotated[dict[str, ImageFacts], about("the image at a URL, for policy image_urls=table")]
Rules = Annotated[tuple[Rule, ...], about("rules, in the order in which they are tried", max_length=MOST_RULES)]
Limit = Annotated[int, about("how many to list at most", ge=1, le=MOST_LISTED)]
Number = Annotated[int, Meta(ge=0, le=10**15)]
# fmt: off
Initial = Annotated[tuple[InitialGeneration, ...], about("generations that it has already accepted; the balance is what is left", max_length=MOST_LISTED)]
Name = Annotated[str, about("its purpose; ids and draws depend on it instead of the key", min_length=1, max_length=LONGEST_NAME)]
Until = Annotated[str, about("next: the next instant at which anything falls due (no time passes if there is none); or an RFC 3339 instant")]
At = Annotated[str, about("show the state at a past RFC 3339 instant, including everything at that instant, or after this many commands of the log; default: now")]
Position = Annotated[str, about("show the state after this many commands of the log; default: now")]
AtAny = Annotated[str, about("an RFC 3339 instant, past or future; default: now")]
Overlap = Annotated[float, about("seconds of the world's clock during which webhooks are signed with both", ge=0, le=1e9)]
OperationName = Annotated[str, about("generate, imageToVideo, the name of an operation of a model file, submit (any of them), status, media, or request (any of these)")]
SearchText = Annotated[str, about("any part of what is shown of it, in either case: method and target, reason, rule, request id, hint, headers, bodies (JSON without spaces between its parts)", max_length=LONGEST_TEXT)]
RequestPath = Annotated[str, about("path and query, percent-encoded, that begin with '/', or a full URL of this simulator", pattern=r"^(https?://[!-.0-~]+)?/[!-~]*\Z")]
AtLeast = Annotated[int, about("1 if neither this nor at_most is given, else 0", ge=0, le=1_000_000)]
AtMost = Annotated[int, about("0: never", ge=0, le=1_000_000)]
# fmt: on


class Parameters(msgspec.Struct, forbid_unknown_fields=True):
    """The members of a body, or of a query."""


def given(value: T | UnsetType) -> T | None:
    """The value of a member, None where it was omitted."""
    return None if isinstance(value, UnsetType) else value


class NoParameters(Parameters):
    """No members and no filters."""


class NewWorld(Parameters):
    """What a new world starts with; what is omitted comes from the server's own settings, a missing key is generated."""

    key: Annotated[str, about("printable ASCII without leading or trailing spaces")] | UnsetType = UNSET
    balance: Dollars | UnsetType = UNSET
    profile: Annotated[str, about("documented or observed: where policy starts from")] | UnsetType = UNSET
    policy: Fields = {}
    clock: Annotated[str, about("real, manual, or xN for N times as fast")] | UnsetType = UNSET
    start: Annotated[str, about("when its clock starts: now, or an RFC 3339 instant")] | UnsetType = UNSET
    seed: Annotated[int, about("the same seed and calls give the same ids and draws")] | UnsetType = UNSET
    images: Images = {}
    script: Rules | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    generations: Initial = ()
    log: WorldLog | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError when a log is combined with members that the log itself contains."""
        given = [name for name in self.__struct_fields__ if name not in ("key", "name", "log") and getattr(self, name)]
        if self.log is not UNSET and (others := [name for name in given if getattr(self, name) is not UNSET]):
            raise ValueError(f"log excludes {', '.join(others)}: a log contains them, give only a key and a name")


class WorldChange(Parameters):
    """What to change in a world; what is omitted stays as it is, and nothing changes when one of the values is wrong."""

    balance: Dollars | UnsetType = UNSET
    policy: Fields = {}
    suspended: Annotated[bool, about("whether every call gets 403")] | UnsetType = UNSET
    model_enabled: Annotated[bool, about("if false, every submission gets 400 Model not found")] | UnsetType = UNSET
    images: Images | UnsetType = UNSET


class Advance(Parameters):
    """How far to advance a clock: by seconds, or until the next event or an instant. Give one of the two."""

    seconds: Annotated[float, about("seconds of the world's clock, not negative")] | UnsetType = UNSET
    until: Until | UnsetType = UNSET
    every_world: Annotated[bool, about("whether the seconds pass in all other worlds, too")] = False

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly one is given."""
        if (self.seconds is UNSET) == (self.until is UNSET):
            raise ValueError("give one of seconds and until")
        if self.every_world and self.seconds is UNSET:
            raise ValueError("every_world requires seconds: worlds differ in their clocks and in what comes next")


class Ahead(Parameters):
    """How far to look ahead."""

    seconds: Annotated[float, about("seconds of the world's clock", ge=0, le=LONGEST_LOOK)] = 15.0


class SecretRotation(Parameters):
    """How a new signing secret replaces the former one."""

    overlap: Overlap = 86_400.0


class NewScript(Parameters):
    """The rules of a world, in the order in which they are tried."""

    rules: Rules


class NewTlsListener(Parameters):
    """A TLS listener to open."""

    hosts: Annotated[list[str], about("the host names that are hard-coded in the app under test")]


class Latest(Parameters):
    """The latest of a list."""

    limit: Limit = MOST_LISTED


class LatestAt(Latest):
    """The latest of a list, as it was at an instant."""

    at: At | UnsetType = UNSET


class AtPosition(Parameters):
    """After which command."""

    at: Position | UnsetType = UNSET


class StatusAt(Parameters):
    """Which generation, and when."""

    request_id: Annotated[str, about("the generation concerned")]
    at: AtAny | UnsetType = UNSET


class JournalFilter(Parameters):
    """The latest exchanges that pass every filter; for paging, the first ones `after` a number, or the latest ones `before` it."""

    method: Annotated[str, about("in either case")] | UnsetType = UNSET
    path: Annotated[str, about("any part of the target")] | UnsetType = UNSET
    status: Annotated[int, about("0: no response was sent", ge=0, le=999)] | UnsetType = UNSET
    operation: OperationName | UnsetType = UNSET
    request_id: Annotated[str, about("the generation concerned")] | UnsetType = UNSET
    rule: Annotated[str, about("any part of the rule that decided")] | UnsetType = UNSET
    text: SearchText | UnsetType = UNSET
    after: Annotated[Number, about("number of an exchange")] | UnsetType = UNSET
    before: Annotated[Number, about("number of an exchange")] | UnsetType = UNSET
    limit: Limit = MOST_LISTED
    elapsed: Annotated[bool, about("whether to show real times, which differ from run to run")] = False
    at: At | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError with the nearest name for an unknown operation, or for both numbers."""
        if self.operation is not UNSET:
            operations_of(self.operation)
        if self.after is not UNSET and self.before is not UNSET:
            raise ValueError("after and before exclude each other: give one of them")

    def filters(self) -> bool:
        """Whether it filters; `after`, `before` and `limit` only choose a page, `elapsed` what is shown of them."""
        others = ("after", "before", "limit", "elapsed")
        return any(getattr(self, name) is not UNSET for name in self.__struct_fields__ if name not in others)


class HistoryFilter(Latest):
    """The latest commands; with `after` the first ones after that position."""

    after: Annotated[Number, about("a position of the log")] | UnsetType = UNSET


class RecordFilter(Parameters):
    """What is shown of a world besides what happened in it."""

    unmatched_after: (
        Annotated[Number, about("also list the requests after this number that reached no world")] | UnsetType
    ) = UNSET
    elapsed: Annotated[bool, about("whether to show real times, which differ from run to run")] = False


def operations_of(word: str) -> frozenset[str]:
    """The operations that a word means. Raises ValueError with the nearest known one."""
    if "/" in word:
        return operations(word)
    known = tuple(name for name in CALLS if name != "webhook")
    if word not in known:
        raise ValueError(f"operation {shown(word)} is not one of {', '.join(known)}{nearest(word, known)}")
    return CALLS[word]


class DryRun(Parameters):
    """The request to explain."""

    method: Annotated[str, about("an HTTP method", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}\Z")]
    path: RequestPath
    headers: Annotated[dict[str, str], about("the key of the caller is added when they contain none")] = {}
    body: Annotated[msgspec.Raw, about("a string is sent as it is, anything else as JSON")] | UnsetType = UNSET


ValueOrMatcher = Annotated[Any, about("a value, or a condition as in a script rule, such as {'contains': 'status'}")]
Least = Annotated[int, about("the least number that there must be", ge=1, le=1_000_000)]


class Matchers(Parameters):
    """The matchers; a thing must fulfil every one that is given."""

    _kinds: ClassVar[Mapping[str, Any]] = {}
    """The type of a fact, or all of its values: what is compared with another value never holds, and would pass as `at_most: 0`."""

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for a matcher that is not valid, or that compares a fact with a value that it cannot have."""
        for name, matcher in self.matchers():
            for leaf in matcher.leaves():
                if name in self._kinds and leaf.operator in ("equals", "one_of"):
                    for value in leaf.operand if leaf.operator == "one_of" else (leaf.operand,):
                        _check(name, value, self._kinds[name])

    def matchers(self) -> Iterator[tuple[str, Matcher]]:
        """The matchers that were given, by the name of what they are about."""
        for name in self.__struct_fields__:
            given: Any = getattr(self, name)
            if name == "operation" and isinstance(given, str):
                meant = sorted(operations_of(given) - {ANY_MODEL})
                yield name, Matcher("one_of", tuple(meant)) if len(meant) > 1 else read_matcher(meant[0])
            elif name == "method" and isinstance(given, str):
                yield name, read_matcher(given.upper())
            elif name == "rule" and isinstance(given, str):
                yield name, Matcher("contains", given)
            elif name not in ("count", "after") and given is not UNSET:
                yield name, read_matcher(given)


def _check(name: str, value: object, kind: Any) -> None:
    """Raise ValueError with the remedy for a value that the fact never has; None is that of an attempt without a response."""
    if isinstance(kind, tuple):
        words = cast("tuple[str, ...]", kind)
        if value not in words:
            near = nearest(str(value), words)
            raise ValueError(f"{name} {shown(value)} is not one of {', '.join(words)}{near}: it would never match")
    elif value is not None and (not isinstance(value, kind) or isinstance(value, bool) != (kind is bool)):
        remedy = "a number, such as 202" if kind is not bool else "true or false"
        raise ValueError(f"{name} {shown(value)} would never match: give {remedy}")


class ExchangeMatchers(Matchers):
    """Exchanges of the journal. `operation` is generate, imageToVideo, submit (any of them), status, media or request; `path` has no query.

    A string is any part of the `rule` that decided, and a `method` in either case.
    """

    _kinds = {"status": int | float}

    after: Annotated[Number, about("only exchanges after this number")] = 0
    operation: ValueOrMatcher = UNSET
    method: ValueOrMatcher = UNSET
    path: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET
    request_id: ValueOrMatcher = UNSET
    rule: ValueOrMatcher = UNSET
    reason: ValueOrMatcher = UNSET


class DeliveryMatchers(Matchers):
    """Webhooks that were attempted. `status` is the last status code of the receiver, `attempts` the number of attempts."""

    _kinds = {
        "status": int | float,
        "attempts": int | float,
        "delivered": bool,
        "channel": (WEBHOOK_URL_HEADER, CALLBACK_MEMBER),
    }

    request_id: ValueOrMatcher = UNSET
    url: ValueOrMatcher = UNSET
    channel: ValueOrMatcher = UNSET
    delivered: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET
    attempts: ValueOrMatcher = UNSET


class GenerationMatchers(Matchers):
    """Generations as they are at this instant of the world's clock."""

    _kinds = {"status": tuple(Status)}

    request_id: ValueOrMatcher = UNSET
    operation: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET


Sequence = Annotated[
    tuple[ExchangeMatchers, ...],
    about("exchanges in this order; others may come in between", min_length=1, max_length=100),
]


class ExchangeCondition(ExchangeMatchers):
    """Fulfilled when at least `count` exchanges fulfil every given matcher."""

    count: Least = 1


class DeliveryCondition(DeliveryMatchers):
    """Fulfilled when at least `count` webhooks fulfil every given matcher."""

    count: Least = 1


class GenerationCondition(GenerationMatchers):
    """Fulfilled when at least `count` generations fulfil every given matcher."""

    count: Least = 1


class Wait(Parameters):
    """What to wait for: exchanges, deliveries or generations, at most `timeout` real seconds."""

    exchanges: ExchangeCondition | UnsetType = UNSET
    deliveries: DeliveryCondition | UnsetType = UNSET
    generations: GenerationCondition | UnsetType = UNSET
    timeout: Annotated[float, about("real seconds", ge=0, le=LONGEST_WAIT)] = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly one condition is given."""
        self.condition()

    def condition(self) -> tuple[str, Matchers]:
        """The condition and the name of what it is about."""
        return _only(self, *_LISTS)


class Verification(Parameters):
    """What must have happened: how often something did, or a `sequence` of exchanges; others may come in between."""

    exchanges: ExchangeMatchers | UnsetType = UNSET
    deliveries: DeliveryMatchers | UnsetType = UNSET
    generations: GenerationMatchers | UnsetType = UNSET
    sequence: Sequence | UnsetType = UNSET
    at_least: AtLeast | UnsetType = UNSET
    at_most: AtMost | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be verified."""
        _only(self, *_LISTS, "sequence")
        least, most = self.bounds()
        if self.sequence is not UNSET and (self.at_least, self.at_most) != (UNSET, UNSET):
            raise ValueError("a sequence takes no at_least or at_most: leave them out")
        if most is not None and least > most:
            raise ValueError(f"at_least {least} is more than at_most {most}")

    def condition(self) -> tuple[str, Matchers]:
        """What is counted, and the name of the list in which it appears."""
        return _only(self, *_LISTS)

    def bounds(self) -> tuple[int, int | None]:
        """The least and the greatest number of times, None for any number."""
        most = given(self.at_most)
        least = (1 if most is None else 0) if self.at_least is UNSET else self.at_least
        return least, most


def _only(given: Parameters, *names: str) -> tuple[str, Any]:
    """The one of these members that is given, and its name. Raises ValueError for none and for several."""
    found = [name for name in names if getattr(given, name) is not UNSET]
    if len(found) != 1:
        raise ValueError(f"{' and '.join(found) or 'no condition'}: give one of {', '.join(names)}")
    return found[0], getattr(given, found[0])
