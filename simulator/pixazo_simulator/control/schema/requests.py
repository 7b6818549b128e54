"""What the control routes take: one struct per body or query; an unknown member is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pixazo_simulator.script import MOST_RULES, Matcher, Rule, read_matcher
from pixazo_simulator.spec import ImageFacts

MOST_LISTED = 1000
"""Exchanges, entries, generations or deliveries in one response."""
LONGEST_WAIT = 300.0
"""Real seconds that one wait may last."""

Scalar = str | int | float | bool | list[Any]
Dollars = Annotated[str, Meta(description="US dollars, such as 0.50")]
Fields = Annotated[dict[str, Scalar], Meta(description="policy fields by name, as `pixazo-sim policy` lists them")]
Images = Annotated[dict[str, ImageFacts], Meta(description="what is behind an image URL, for policy image_urls=table")]
Rules = Annotated[tuple[Rule, ...], Meta(max_length=MOST_RULES)]
Limit = Annotated[int, Meta(ge=1, le=MOST_LISTED, description="how many to list at most")]
Number = Annotated[int, Meta(ge=0, le=10**15)]


class Parameters(msgspec.Struct, forbid_unknown_fields=True):
    """The members of a body, or of a query."""


class NoParameters(Parameters):
    """No members and no filters."""


class NewWorld(Parameters):
    """What a new world starts with; what is left out comes from the server's own settings, a key is made up."""

    key: Annotated[str, Meta(description="printable ASCII without outer spaces")] | UnsetType = UNSET
    balance: Dollars | UnsetType = UNSET
    profile: Annotated[str, Meta(description="documented or observed: where policy starts from")] | UnsetType = UNSET
    policy: Fields = {}
    clock: Annotated[str, Meta(description="real, manual, or xN for N times as fast")] | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    images: Images = {}
    script: Rules | UnsetType = UNSET


class WorldChange(Parameters):
    """What is to change in a world; what is left out stays, and nothing changes when one of the values is wrong."""

    balance: Dollars | UnsetType = UNSET
    policy: Fields = {}
    suspended: bool | UnsetType = UNSET
    model_enabled: bool | UnsetType = UNSET
    images: Images | UnsetType = UNSET


class Advance(Parameters):
    """How far a clock is to be advanced."""

    seconds: Annotated[float, Meta(description="seconds of the world's clock, not negative")]


class NewScript(Parameters):
    """The rules of a world, in the order in which they are to be asked."""

    rules: Rules


class NewTlsListener(Parameters):
    """A TLS listener to open."""

    hosts: Annotated[list[str], Meta(description="the host names that are hard-coded in the app under test")]


class Latest(Parameters):
    """The latest of a list."""

    limit: Limit = MOST_LISTED


class JournalFilter(Parameters):
    """The latest exchanges that pass every filter; with `after` the first ones beyond that number, so that one can page."""

    method: Annotated[str, Meta(description="in either case")] | UnsetType = UNSET
    path: Annotated[str, Meta(description="any part of the target")] | UnsetType = UNSET
    status: Annotated[int, Meta(ge=100, le=999)] | UnsetType = UNSET
    after: Annotated[Number, Meta(description="number of an exchange")] | UnsetType = UNSET
    limit: Limit = MOST_LISTED
    real: Annotated[
        bool, Meta(description="whether to add `elapsed`, the real time of each, by which two runs differ")
    ] = False


class DryRun(Parameters):
    """The request to explain."""

    method: Annotated[str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}\Z", description="an HTTP method")]
    path: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[!-.0-~]+)?/[!-~]*\Z",
            description="path and query, percent-encoded, that begin with '/', or such a URL of this simulator",
        ),
    ]
    headers: Annotated[dict[str, str], Meta(description="the key of the caller is added when they hold none")] = {}
    body: Annotated[msgspec.Raw, Meta(description="a text is sent as it is, anything else as JSON")] | UnsetType = UNSET


ValueOrMatcher = Annotated[
    Any, Meta(description="a value, or a condition as in a script rule, such as {'contains': 'status'}")
]
Least = Annotated[int, Meta(ge=1, le=1_000_000, description="how many there must be at least")]


class Condition(Parameters):
    """That at least `count` things fulfil every matcher that is given."""

    count: Least = 1

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for a matcher that is not valid."""
        tuple(self.matchers())

    def matchers(self) -> Iterator[tuple[str, Matcher]]:
        """The matchers that were given, by the name of what they are about."""
        for name in self.__struct_fields__:
            given: Any = getattr(self, name)
            if name not in ("count", "after") and given is not UNSET:
                yield name, read_matcher(given)


class ExchangeCondition(Condition):
    """Exchanges of the journal. `operation` is generate, imageToVideo, status or media; `path` has no query."""

    after: Annotated[Number, Meta(description="only exchanges beyond this number")] = 0
    operation: ValueOrMatcher = UNSET
    method: ValueOrMatcher = UNSET
    path: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET
    request_id: ValueOrMatcher = UNSET
    rule: ValueOrMatcher = UNSET
    reason: ValueOrMatcher = UNSET


class DeliveryCondition(Condition):
    """Webhooks that were attempted. `status` is the last status code of the receiver, `attempts` the number of attempts."""

    request_id: ValueOrMatcher = UNSET
    url: ValueOrMatcher = UNSET
    channel: ValueOrMatcher = UNSET
    delivered: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET
    attempts: ValueOrMatcher = UNSET


class GenerationCondition(Condition):
    """Generations as they are at this instant of the world's clock."""

    request_id: ValueOrMatcher = UNSET
    operation: ValueOrMatcher = UNSET
    status: ValueOrMatcher = UNSET


class Wait(Parameters):
    """What to wait for: exchanges, deliveries or generations, at most `timeout` real seconds."""

    exchanges: ExchangeCondition | UnsetType = UNSET
    deliveries: DeliveryCondition | UnsetType = UNSET
    generations: GenerationCondition | UnsetType = UNSET
    timeout: Annotated[float, Meta(ge=0, le=LONGEST_WAIT, description="real seconds")] = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly one condition is given."""
        self.condition()

    def condition(self) -> tuple[str, Condition]:
        """The condition and the name of what it is about."""
        given = {"exchanges": self.exchanges, "deliveries": self.deliveries, "generations": self.generations}
        found = [(name, condition) for name, condition in given.items() if condition is not UNSET]
        if len(found) != 1:
            names = " and ".join(name for name, _ in found) or "no condition"
            raise ValueError(f"{names}: give one of {', '.join(given)}")
        return found[0]
