"""The words in which a probe talks to the runner: wishes that it yields, and the answers that it gets.

A probe does no I/O. Its `talk` is a generator that yields wishes; the runner carries each out and sends the answer back in.
The functions below yield one wish each and type its answer: write `exchange = yield from send(Send(...))`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from pixazo_contracts.trace import Callback, Exchange

if TYPE_CHECKING:
    from pixazo_contracts.trace import Intent, Profile


#: Where the key of a request goes: the printed header, the same in other letter case, or places that must not do.
Placement = Literal["header", "lower-case", "upper-case", "query", "bearer"]

#: When a probe runs: before all others, among them, after them.
Phase = Literal["smoke", "main", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send one request; answered with its `Exchange`.

    `url` is absolute or a path at the target's origin. `account` names whose key is used (`""` for none, `blank` for an
    empty value, `unknown` for a made-up key), never the key itself. `operation` is `generate`, `imageToVideo`, `status`,
    `media` or `other`. `aims` are the clauses for whose sake it is sent, `intent` what a faithful gateway does with it: only
    what it refuses gives its reservation back where generations cost money.
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
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """Send several requests at once; answered with their exchanges in the same order."""

    sends: tuple[Send, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds of the run's clock; answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hook:
    """Open a fresh URL at our receiver; answered with that URL.

    The receiver answers 200, but 500 to the first `fails` requests, after `delay` seconds, or always 307 if `redirects`.
    An `image` URL is one at which no image is.
    """

    name: str
    fails: int = 0
    delay: float = 0.0
    redirects: bool = False
    image: bool = False


@dataclass(frozen=True, slots=True)
class AwaitCallbacks:
    """Wait until `count` requests have reached a hook, or `seconds` have passed; answered with those that have."""

    url: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell all probes an exchange under a name, or that there will be none; answered with None."""

    name: str
    exchange: Exchange | None


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for what another probe publishes; answered with the exchange, or None if there will be none."""

    name: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Ask for all exchanges so far; answered with them."""


Wish = Send | Together | Pause | Hook | AwaitCallbacks | Publish | Await | Recall
Answer = Exchange | tuple[Exchange, ...] | tuple[Callback, ...] | str | None

T = TypeVar("T")
Talk = Generator[Wish, Answer, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a probe may know before it begins.

    `limited`: every possible generation is paid from a budget, so a talk stops at the first surprise. `accounts` counts
    the keys of each role. `earlier` are ids and media URLs of generations that finished in earlier runs.
    """

    profile: Profile
    run: str
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    accounts: Mapping[str, int] = field(default_factory=dict[str, int])
    limited: bool = False
    earlier: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A conversation that provokes what clauses judge.

    `worst` and `expected` are generations that it may cost and should cost, as the spend guard counts them; `needs` are capabilities; `only_unlimited`
    keeps it away from targets that charge.
    """

    name: str
    feeds: tuple[str, ...]
    talk: Callable[[Setting], Talk[None]]
    worst: int = 0
    expected: int = 0
    needs: frozenset[str] = frozenset()
    phase: Phase = "main"
    only_unlimited: bool = False


def _mismatch(wish: Wish, answer: Answer) -> TypeError:
    return TypeError(f"{type(wish).__name__} was answered with {type(answer).__name__}: the runner is at fault")


def send(wish: Send) -> Talk[Exchange]:
    """Send one request and get its exchange."""
    answer = yield wish
    if not isinstance(answer, Exchange):
        raise _mismatch(wish, answer)
    return answer


def together(*sends: Send) -> Talk[tuple[Exchange, ...]]:
    """Send several requests at once and get their exchanges."""
    wish = Together(sends)
    return _exchanges(wish, (yield wish))


def recall() -> Talk[tuple[Exchange, ...]]:
    """Get all exchanges of the run so far."""
    wish = Recall()
    return _exchanges(wish, (yield wish))


def _exchanges(wish: Wish, answer: Answer) -> tuple[Exchange, ...]:
    if not isinstance(answer, tuple):
        raise _mismatch(wish, answer)
    return tuple(item for item in answer if isinstance(item, Exchange))


def pause(seconds: float) -> Talk[None]:
    """Wait so many seconds."""
    yield Pause(seconds)


def hook(wish: Hook) -> Talk[str]:
    """Open a URL at our receiver."""
    answer = yield wish
    if not isinstance(answer, str):
        raise _mismatch(wish, answer)
    return answer


def await_callbacks(url: str, count: int, seconds: float) -> Talk[tuple[Callback, ...]]:
    """Wait for requests at a hook."""
    wish = AwaitCallbacks(url, count, seconds)
    answer = yield wish
    if not isinstance(answer, tuple):
        raise _mismatch(wish, answer)
    return tuple(item for item in answer if isinstance(item, Callback))


def publish(name: str, exchange: Exchange | None) -> Talk[None]:
    """Tell all probes an exchange."""
    yield Publish(name, exchange)


def published(name: str) -> Talk[Exchange | None]:
    """Wait for what another probe publishes."""
    answer = yield Await(name)
    return answer if isinstance(answer, Exchange) else None
