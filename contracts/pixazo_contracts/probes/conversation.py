"""The interface between probes and the runner: steps that a probe yields, and the result that each step gets back.

A probe does no I/O. Its conversation is a generator that yields steps; the runner carries out each step and sends the result
back in: `exchange = yield from Send(...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar, cast

from pixazo_contracts.trace import Callback, Exchange, Intent, Profile

#: Where the key of a request goes: the printed header, the same header in other letter case, or places that must not work.
Placement = Literal["header", "lower-case", "upper-case", "query", "bearer"]

#: When a probe runs: before all others, among them, after them.
Phase = Literal["smoke", "main", "late"]

#: Request headers as name and value, in the order in which they are sent.
Headers = tuple[tuple[str, str], ...]


T = TypeVar("T")


class SingleStep(Generic[T]):
    """A conversation of one step: `yield from` gives its result its type."""

    __slots__ = ()

    def __iter__(self) -> Conversation[T]:
        """Yield the step, and return what the runner sends back."""
        return cast("T", (yield cast("Step", self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(SingleStep[Exchange]):
    """Send one request; the result is its `Exchange`.

    `url` is absolute or a path at the target's origin. `account` names whose key is used (`""` for none, `blank` for an
    empty value, `unknown` for a made-up key, `near.case` and the like for a key spelled almost like ours), never the key itself. `operation` is `generate`, `imageToVideo`, `status`,
    `media` or `other`. `aims` are the clauses for which the request is sent, `intent` is what a gateway that follows the page
    does with it: where generations cost money, only a refused request can give its reservation back.
    """

    operation: str
    url: str
    case: str
    method: str = "GET"
    aims: tuple[str, ...] = ()
    intent: Intent = "any"
    account: str = "default"
    placement: Placement = "header"
    reader: str = ""
    request_id: str | None = None
    headers: Headers = ()
    body: bytes | None = None

    @property
    def text(self) -> str:
        """Everything that is sent except the key, as text: URL, values of headers, body."""
        body = (self.body or b"").decode("utf-8", "replace")
        return "\n".join([self.url, *(value for _, value in self.headers), body])


@dataclass(frozen=True, slots=True)
class Together(SingleStep[tuple[Exchange, ...]]):
    """Send several requests at once; the result is their exchanges in the same order."""

    sends: tuple[Send, ...]


@dataclass(frozen=True, slots=True)
class Pause(SingleStep[None]):
    """Wait for some seconds of the run's clock; the result is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReceiverUrl(SingleStep[str]):
    """Open a new URL at our receiver; the result is that URL.

    The receiver responds with 200, but with 500 to the first `fails` requests, after `delay` seconds, or always with 307 if
    `redirects` is set. At an `image` URL there is no image.
    """

    name: str
    fails: int = 0
    delay: float = 0.0
    redirects: bool = False
    image: bool = False


@dataclass(frozen=True, slots=True)
class AwaitCallbacks(SingleStep[tuple[Callback, ...]]):
    """Wait until `count` requests have reached a receiver URL or `seconds` have passed; the result is the requests that have."""

    url: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Publish(SingleStep[None]):
    """Publish an exchange for all probes under a name, or None if there will be none; the result is None."""

    name: str
    exchange: Exchange | None


@dataclass(frozen=True, slots=True)
class Await(SingleStep[Exchange | None]):
    """Wait for what another probe publishes; the result is the exchange, or None if there will be none."""

    name: str


@dataclass(frozen=True, slots=True)
class Recall(SingleStep[tuple[Exchange, ...]]):
    """Ask for all exchanges so far; they are the result."""


Step = Send | Together | Pause | ReceiverUrl | AwaitCallbacks | Publish | Await | Recall
StepResult = Exchange | tuple[Exchange, ...] | tuple[Callback, ...] | str | None

Conversation = Generator[Step, StepResult, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """The facts that a probe gets before it begins.

    `limited`: every possible generation is paid for from a budget, so a conversation stops at the first surprise. `earlier`
    contains ids and media URLs of generations that finished in earlier runs.
    """

    profile: Profile
    run: str
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    limited: bool = False
    earlier: tuple[tuple[str, str | None], ...] = ()

    @property
    def has_receiver(self) -> bool:
        """Whether callbacks of the gateway can reach us."""
        return "receiver" in self.profile.capabilities


#: A function that begins a conversation with the target that the context describes.
Script = Callable[[RunContext], Conversation[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A conversation that provokes what clauses judge.

    `feeds` names those clauses. `worst` and `expected` are the generations that it may cost and should cost, as the spend
    guard counts them; `needs` are capabilities; `only_unlimited` keeps it away from targets that charge; a plan shows
    the `note`.
    """

    name: str
    feeds: tuple[str, ...]
    conversation: Script
    worst: int = 0
    expected: int = 0
    needs: frozenset[str] = frozenset()
    phase: Phase = "main"
    only_unlimited: bool = False
    note: str = ""


def probe(
    name: str,
    *feeds: str,
    worst: int = 0,
    cost: int = 0,
    needs: Collection[str] = (),
    phase: Phase = "main",
    only_unlimited: bool = False,
    note: str = "",
) -> Callable[[Script], Probe]:
    """A decorator that makes a probe of a conversation; `cost` is both the expected and the worst cost, `worst` only the latter."""
    return lambda conversation: Probe(
        name=name,
        feeds=feeds,
        conversation=conversation,
        worst=worst or cost,
        expected=cost,
        needs=frozenset(needs),
        phase=phase,
        only_unlimited=only_unlimited,
        note=note,
    )
