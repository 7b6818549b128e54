"""What can be done to a world, as frozen values with the instant at which it happens, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pixazo_simulator import spec
from pixazo_simulator.script import Decision, Rule

from .admission import Submission
from .deliveries import Attempt, Delivery
from .journal import Exchange
from .part import Row

if TYPE_CHECKING:
    from .world import World  # noqa: F401 - in the types of outcomes

__all__ = [
    "AddAlias", "AddRule", "AdoptWorld", "AdvanceClock", "AdvanceIdly", "AdvanceServer", "BeginWithGenerations",
    "ChangeSettings", "ChangeWorld", "Command", "CopyDelivery", "CountCall", "CreateWorld", "CutExchange", "Debit",
    "DeleteWorld", "EndTurn", "ForgetProcess", "ForgetState", "Generation", "InitialGeneration", "KeepState", "Outcome", "ReadMedia",
    "ReadStatus", "RecordAttempt", "RecordExchange", "RemoveRule", "ReplaceRule", "RestoreState", "ReturnDelivery",
    "RotateSecret", "ServerCommand", "SetRules", "StateUnavailableError", "StopClock", "SubmitGeneration",
    "TakeDelivery", "TakeNumber", "TakeTransitions", "TakeTurn", "Transition",
]  # fmt: skip

T = TypeVar("T")
R = TypeVar("R")


class Command(msgspec.Struct, Generic[T], frozen=True, tag=True):
    """Something that happens to a world `at` an instant (UTC milliseconds); T is what `World.apply` returns for it."""

    at: int


class Generation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One accepted submission; everything that is ever read of it is computed from these values and the instant.

    `frame` is the size of the first frame in pixels, where known; `decided_by` the fields of the policy that decided how it ends;
    `output` the extension of its media; `number` counts the accepted submissions of the world from 1, 0: the world began with it.
    """

    request_id: str
    accepted: int
    plan: spec.Plan
    operation: str
    duration: int | float  # as it was sent: 6 is shown as 6, 6.0 as 6.0
    resolution: str
    origin: str
    frame: tuple[int, int] | None = None
    decided_by: tuple[str, ...] = ()
    model_id: str = spec.MODEL_ID
    output: str = "mp4"
    number: int = 0

    @property
    def finish(self) -> int:
        """The instant of the terminal state."""
        return spec.finish(self.accepted, self.plan)


class Transition(msgspec.Struct, frozen=True, gc=False):
    """A generation entered a status `at` an instant (UTC milliseconds)."""

    at: int
    request_id: str
    status: spec.Status


class Outcome(msgspec.Struct, Generic[R], frozen=True):
    """The outcome of a request: an answer, a refusal, or the generation that was accepted or requested, and what a rule decided.

    `ignored` are parts of an accepted submission that the policy ignores; the response is held back until webhooks due by `hold`
    (UTC milliseconds) were attempted; `passed` are rules that let the request through by chance; `decided_by` points with which
    another value would have had another result.
    """

    result: R | spec.Refusal
    decision: Decision | None = None
    ignored: tuple[str, ...] = ()
    hold: int | None = None
    passed: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()


class ScriptedRequest(Command[Outcome[R]], Generic[R], frozen=True):
    """A request that rules can be about: they see its `headers`; `url` is the URL that was called."""

    headers: Sequence[spec.Header]
    url: str


class SubmitGeneration(ScriptedRequest[Generation | spec.Answer], frozen=True):
    """A submission."""

    submission: Submission

    @property
    def operation(self) -> str:
        """Its name in rules."""
        return self.submission.operation.name


class ReadStatus(ScriptedRequest[spec.Answer], frozen=True):
    """A status read; `origin` is that of the URLs in the response, which is the outcome unless the read is refused."""

    operation: ClassVar[str] = "status"
    request_id: str
    origin: str


class ReadMedia(ScriptedRequest[Generation | spec.Answer], frozen=True):
    """A GET or HEAD for the media of a generation."""

    operation: ClassVar[str] = "media"
    request_id: str
    method: str


# fmt: off
class InitialGeneration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A generation that a world begins with, in any state: what was requested, and its outcome."""

    status: Annotated[Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"], Meta(description="the status with which the world begins")]
    operation: str = spec.TEXT_TO_VIDEO.name
    age: Annotated[float, Meta(ge=0, le=1e9, description="seconds since it was accepted; default: by the policy's job_times")] | UnsetType = UNSET
    prompt: Annotated[str, Meta(max_length=spec.PROMPT_LIMIT, description="marks such as [[sim:error]] decide the end of one that is still running")] = ""
    duration: Annotated[Annotated[int, Meta(gt=0, le=10**6)] | Annotated[float, Meta(gt=0, le=1e6)], Meta(description="seconds of video")] = spec.DEFAULT_DURATION
    resolution: Annotated[str, Meta(min_length=1, max_length=100, description="such as 768P")] = spec.DEFAULT_RESOLUTION
    error: Annotated[str, Meta(max_length=2000, description="the error text of FAILED or ERROR")] | UnsetType = UNSET
    webhook_url: Annotated[str, Meta(description="where its end is or was reported; past reports count as delivered")] | UnsetType = UNSET
    charged: Annotated[bool, Meta(description="whether the ledger contains its price, and its refund by the policy")] = True
    # fmt: on

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for members that contradict each other, and for an invalid webhook URL."""
        if self.error is not UNSET and self.status not in (spec.Status.FAILED, spec.Status.ERROR):
            raise ValueError(f"error {self.error!r} belongs to status FAILED or ERROR, not {self.status}")
        if self.webhook_url is not UNSET and (problem := spec.url_problem(self.webhook_url)):
            raise ValueError(f"webhook_url {spec.beginning(self.webhook_url, 80)!r} is not an absolute http or https URL: {problem}")


class BeginWithGenerations(Command[list[str]], frozen=True):
    """Let a new world have accepted these generations, without changing its balance; returns their request ids, in this order.

    `origin` is that of the URLs in their webhooks. Raises ValueError, without entering anything, for one that cannot have its status.
    """

    generations: tuple[InitialGeneration, ...]
    origin: str


class RecordExchange(Command[int], frozen=True):
    """Enter an exchange in the journal and return its number; its request headers have at most `header_bytes`, where known."""

    exchange: Exchange
    header_bytes: int | None = None


class CutExchange(Command[None], frozen=True):
    """Enter in the journal what its caller did not get of the response of an exchange, which has this number and instant."""

    number: int
    instant: int
    cut: str


class AdvanceClock(Command[None], frozen=True):
    """Let the clock read `at` now; an instant already past changes nothing."""


class StopClock(Command[None], frozen=True):
    """Stop the clock until it is advanced."""


class AdvanceIdly(Command[list[Transition] | None], frozen=True):
    """Let a number of milliseconds pass in which no delivery is due, and take the transitions, as `TakeTransitions` does.

    None, and nothing changes, when one is due or in progress, at the turn of a process, and for more than `most` transitions.
    """

    milliseconds: int
    most: int


class TakeTransitions(Command[list[Transition]], frozen=True):
    """What happened to the generations by `at` since the last such command, in order, at most `most`."""

    most: int | None = None


class TakeDelivery(Command[Delivery | None], frozen=True):
    """The first delivery due by `at`, to be put back with `RecordAttempt` or `ReturnDelivery`; rules are tried on it.

    None when nothing is due, or when a rule delays this one: then another may be due. `by` is the process that takes it.
    """

    by: str = ""


class RecordAttempt(Command[None], frozen=True):
    """Enter the attempt of a delivery, the copies that a fault makes of it, and the next attempt when there is one.

    Nothing happens when the process `by` no longer has it: then another one has attempted it again.
    """

    delivery: Delivery
    attempt: Attempt
    by: str = ""


class ReturnDelivery(Command[None], frozen=True):
    """Put back a delivery whose attempt was given up: it is due immediately. `interrupted` is why the receiver may have got it anyway."""

    number: int
    interrupted: str | None = None


class TakeTurn(Command[bool], frozen=True):
    """Let only the process `by` attempt deliveries of this world from now on; False when it is the turn of another one."""

    by: str


class EndTurn(Command[None], frozen=True):
    """End the turn of a process, if it has it."""

    by: str


class ForgetProcess(Command[None], frozen=True):
    """A process has ended: its turn ends, and the deliveries that it had taken are due; None: every process has ended."""

    by: str | None = None


class RotateSecret(Command[None], frozen=True):
    """Sign webhooks with a new secret, and for a number of milliseconds also with the former one. Raises ValueError for too many former ones."""

    overlap: int


class CopyDelivery(Command[Delivery], frozen=True):
    """A copy of a delivery as it first was, without rules. Raises KeyError for an unknown number, ValueError for an unknown event."""

    number: int


class ChangeWorld(Command[None], frozen=True, kw_only=True):
    """Change policy, balance (millionths of a dollar) or switches; None leaves one as it is. Generations keep their plans.

    `exhausted` uses up the window of the rate limit that begins `at` this instant.
    """

    policy: spec.Policy | None = None
    balance: int | None = None
    suspended: bool | None = None
    broken: bool | None = None
    model_enabled: bool | None = None
    images: Mapping[str, spec.ImageFacts] | None = None
    exhausted: bool = False


class CountCall(Command[int | None], frozen=True):
    """Count one call against the rate limit: None when it is allowed, else the whole seconds to wait."""


class Debit(Command[None], frozen=True):
    """Take money (millionths of a dollar) from the wallet."""

    amount: int
    request_id: str


class AddAlias(Command[None], frozen=True):
    """A caller sends this key in place of the world's: it is redacted, too."""

    key: str


class SetRules(Command[None], frozen=True):
    """Replace all rules; nothing changes when one is refused. Raises ValueError."""

    rules: tuple[Rule, ...]


class AddRule(Command[int], frozen=True):
    """Append a rule; its number is returned. Raises ValueError."""

    rule: Rule


class ReplaceRule(Command[None], frozen=True):
    """Replace one rule; the new one starts unused. Raises KeyError for an unknown number, ValueError for a refused rule."""

    number: int
    rule: Rule


class RemoveRule(Command[None], frozen=True):
    """Remove one rule. Raises KeyError for an unknown number."""

    number: int


class ServerCommand(msgspec.Struct, Generic[T], frozen=True, tag=True, kw_only=True):
    """Something that happens to the worlds of a server; T is what `Worlds.carry_out` returns for it."""


class CreateWorld(ServerCommand["tuple[World, list[str]]"], frozen=True, kw_only=True):
    """Create a world (see `Worlds.create`) with `generations` (see `BeginWithGenerations`), whose ids are returned.

    `clock` is the rate of its clock and where it starts (UTC milliseconds). Raises ValueError for what one of these two refuses.
    """

    key: str | None = None
    policy: spec.Policy | None = None
    clock: tuple[int | float, int] | None = None  # a stopped clock has the rate 0, as JSON shows it
    balance: int | None = None
    seed: int | None = None
    rules: tuple[Rule, ...] | None = None
    name: str | None = None
    images: Mapping[str, spec.ImageFacts] = {}
    generations: tuple[InitialGeneration, ...] = ()
    origin: str = ""


class OpenWorld(ServerCommand["World | None"], frozen=True, kw_only=True):
    """The world that a key opens, which may be a new one (see `Worlds.find`)."""

    key: str


class AdoptWorld(ServerCommand["World"], frozen=True, kw_only=True):
    """Create a world in another's state (see `World.portable`), with a key of its own; its clock continues from there.

    Raises ValueError for rows that are not such a state, and as `CreateWorld` and `Worlds.permitted` do.
    """

    state: tuple[Row, ...]
    key: str | None = None
    name: str | None = None


class KeepState(Command[int], frozen=True):
    """Save the present state of a world under the number that is returned. Raises ValueError when too many are kept."""


class RestoreState(Command[None], frozen=True):
    """Restore a world to a saved state, including its clock. Raises KeyError for an unknown number."""

    number: int


class ForgetState(Command[None], frozen=True):
    """Discard a saved state. Raises KeyError for an unknown number."""

    number: int


class DeleteWorld(ServerCommand[None], frozen=True, kw_only=True):
    """Forget a world (see `Worlds.delete`)."""

    key: str


class AdvanceServer(ServerCommand[list[int]], frozen=True, kw_only=True):
    """Advance later worlds, and all present ones but one as `AdvanceIdly` does; returns the numbers of those it could not."""

    milliseconds: int
    most: int
    but: int


class ChangeSettings(ServerCommand[None], frozen=True, kw_only=True):
    """Start worlds that are created from now on with this policy and these rules. Raises ValueError for rules that are refused."""

    policy: spec.Policy
    rules: tuple[Rule, ...]


class TakeNumber(ServerCommand[int], frozen=True):
    """A number never used before."""


class StateUnavailableError(Exception):
    """The store of the commands cannot be used now, and nothing has changed. The message says why; callers may try again."""


class CommandLog(Protocol):
    """The log of the commands of a server: each is appended, and carried out in the order in which all were appended.

    `process` is the name of this process in commands. `is_shared`: other processes append, too. `dispatches`: this one attempts webhooks
    that fall due by themselves. Methods raise StateUnavailableError when the store cannot be used (`unavailable` says why): nothing has changed.
    """

    process: str
    is_shared: bool
    unavailable: str | None
    dispatches: bool

    @property
    def position(self) -> int:
        """How many commands were carried out here."""
        ...

    async def append(self, target: Any, command: Any) -> Any:
        """Append a command for a world, or for the server (None), and return its outcome, or raise what it raised."""
        ...

    async def answer(self, request: Any, held: int | None = None) -> Any:
        """Append a request of the gateway, and return the response to it, which is journalled.

        If `held`, a number of bytes of bodies in memory, is given, the request is refused for it.
        """
        ...

    async def read(self) -> Any:
        """What the log keeps."""
        ...

    async def catch_up(self) -> None:
        """Return when everything that any process had appended before was carried out here."""
