"""The generations of a world: how the accepted and initial ones are made, and what can be read of them.

The pure functions that a mutant can replace are here, too: request ids, plans, and those of the parts of a world.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, field

from pixazo_simulator import spec
from pixazo_simulator.script import LONGEST_TEXT, End, Length

from .account import Account, Ledger, affords, refund_due
from .admission import Admitted, Submission
from .commands import BeginWithGenerations, Generation, InitialGeneration
from .deliveries import Delivery, next_attempt
from .journal import Limits
from .part import Part

__all__ = ["REQUEST_ID_FORMS", "plan_for", "seeded_random"]


def seeded_random(*parts: str | int) -> Random:
    """A random source that depends on nothing but `parts`."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=16)
    return Random(int.from_bytes(digest.digest()))  # noqa: S311 - reproducible by design, guards nothing


def _uuid7(random: Random, now: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    low = random.getrandbits(62) | 0x8000_0000_0000_0000
    return _uuid_text(f"{((now & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random.getrandbits(12)) << 64 | low:032x}")


def _thirteen(random: Random, now: int) -> str:
    """As seen in public ids of sibling models: the last group has 13 digits, the variant bits are free."""
    high = (now & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random.getrandbits(12)
    return _uuid_text(f"{high << 68 | random.getrandbits(68):033x}")


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


REQUEST_ID_FORMS = {"uuid7": _uuid7, "thirteen": _thirteen}


def identify(submission: Submission, policy: spec.Policy, random: Random, now: int) -> str:
    """A new id for a generation accepted at `now` (UTC milliseconds): model id, underscore, UUID text (SUBMIT-06)."""
    return f"{submission.operation.model_id}_{REQUEST_ID_FORMS[policy.request_id](random, now)}"


def plan_for(admitted: Admitted, policy: spec.Policy, random: Random) -> spec.Plan:
    """When a generation enters each state and how it ends: what the script wants, else what the prompt asks for, else what the policy says."""
    times = policy.job_times
    is_special = admitted.end or admitted.fails or admitted.stuck or times.polls
    if admitted.magic is spec.NO_MAGIC and not is_special:
        return _plan(*times.draw(random))
    outcome, error = _outcome(admitted)
    (queued, queued_polls), (processing, polls) = _lengths(admitted, times, random)
    if outcome is not spec.Status.COMPLETED and policy.queued_to_end == "yes":
        (queued, queued_polls), (processing, polls) = (queued + processing, queued_polls + polls), (0, 0)
    if admitted.stuck or (admitted.magic.stuck and not admitted.end):
        processing, polls = spec.NEVER, 0
    return spec.Plan(
        spec.NEVER if queued_polls else queued, spec.NEVER if polls else processing,
        outcome, error or spec.DEFAULT_ERRORS.get(outcome), queued_polls, polls,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _plan(queued: int, processing: int) -> spec.Plan:
    """The plan of a generation without special wishes; many share one."""
    return spec.Plan(queued, processing)


def _outcome(admitted: Admitted) -> tuple[spec.Status, str | None]:
    """The outcome, and the error text of the script or the prompt."""
    end, magic = admitted.end, admitted.magic
    if end and end.status:
        return spec.Status(end.status), end.error
    if admitted.fails:
        return spec.Status.FAILED, spec.sentence(admitted.fails)
    return magic.outcome or spec.Status.COMPLETED, magic.error


def _lengths(admitted: Admitted, times: spec.JobTimes, random: Random) -> tuple[Length, Length]:
    """How long it is in each state: as the script says, else the marks, else the policy."""
    drawn = times.draw(random)  # always drawn, even if unused, so a script changes no later draw
    end, magic, after = admitted.end, admitted.magic, admitted.magic.after
    if end and (scripted := end.lengths()):
        return scripted
    queued, processing = drawn
    queued_polls, polls = (times.polls or (0, 0)) if magic.polls is None else (magic.polls, magic.polls)
    if end and end.after is not None:
        after = round(end.after * spec.SECOND)
    if after is not None:
        queued = after * queued // (queued + processing or 1)  # the same proportion of the two states
        processing, queued_polls, polls = after - queued, 0, 0
    if end and end.queued is not None:
        queued, queued_polls = round(end.queued * spec.SECOND), 0
    if end and end.processing is not None:
        processing, polls = round(end.processing * spec.SECOND), 0
    return (0 if queued_polls else queued, queued_polls), (0 if polls else processing, polls)


class WorldFunctions(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of the worlds of one server, replaced for it alone; `effective_policy` returns the policy in force for the one that was set."""

    effective_policy: Callable[[spec.Policy], spec.Policy] = lambda policy: policy
    identify: Callable[[Submission, spec.Policy, Random, int], str] = identify
    plan_for: Callable[[Admitted, spec.Policy, Random], spec.Plan] = plan_for
    status_span: Callable[[int, spec.Plan, int], spec.StatusSpan] = spec.status_span
    affords: Callable[[Ledger, int, int], bool] = affords
    refund_due: Callable[[spec.Plan, int, spec.Policy], int] = refund_due
    next_attempt: Callable[[Delivery, tuple[int, ...]], int | None] = next_attempt


class Bounds(msgspec.Struct, frozen=True):
    """The most that a world keeps: its journal, pending and finished deliveries, encoded status bodies, aliases of its key, prompts.

    A rule about the prompt of a generation can match as many of the latest generations as there are prompts kept.
    """

    journal: Limits = Limits()
    pending: int = 100_000
    deliveries: int = 10_000
    bodies: int = 4096
    aliases: int = 64
    prompts: int = 4096


class Generations(Part, kw_only=True):
    """What was accepted, by request id, and what decides how it is made and read."""

    DERIVED: ClassVar = frozenset({"bounds", "functions", "operations"})

    key: str
    policy: spec.Policy
    account: Account
    operations: Mapping[str, spec.Operation]
    bounds: Bounds = Bounds()
    functions: WorldFunctions = WorldFunctions()
    _random: Random = field(default_factory=Random)
    _shift: int = 0
    """What is left out of the time within an id: on a manual clock only the time that has passed counts, so ids do not depend on its start."""
    _generations: dict[str, Generation] = {}
    _accepted: int = 0
    """Without the generations with which the world began; it also counts a mutant's repeated ids."""
    _prompts: OrderedDict[str, str] = field(default_factory=OrderedDict[str, str])

    @property
    def next_generation(self) -> int:
        return self._accepted + 1

    def generation_of(self, identity: str) -> Generation | None:
        """The generation that was accepted under this request id, readable or not."""
        return self._generations.get(identity)

    def generations(self) -> list[Generation]:
        """All accepted ones, oldest first."""
        return list(self._generations.values())

    @property
    def accepted(self) -> int:
        return len(self._generations)

    def _made(
        self, identity: str, submission: Submission, admitted: Admitted, plan: spec.Plan, accepted: int, number: int = 0
    ) -> Generation:
        operation = submission.operation
        return Generation(
            identity, accepted, plan, operation.name, admitted.duration, admitted.resolution, submission.origin,
            admitted.frame, self._end_decided_by(admitted, plan), operation.model_id, operation.output, number,
        )  # fmt: skip

    def _end_decided_by(self, admitted: Admitted, plan: spec.Plan) -> tuple[str, ...]:
        """The fields of the policy that decide how a generation ends, and when."""
        policy, is_scripted = self.policy, admitted.end is not None and admitted.end.status is not None
        fails = admitted.decided_by if admitted.fails and not is_scripted else ()
        times = policy.changed_among("job_times") if admitted.magic.after is None and admitted.end is None else ()
        ends = policy.changed_among("queued_to_end") if plan.outcome is not spec.Status.COMPLETED else ()
        return (*fails, *times, *ends)

    def _begun(self, number: int, initial: InitialGeneration, command: BeginWithGenerations) -> Generation:
        """One of the generations that this world begins with. Raises ValueError with the remedy."""
        policy, where, status = self.policy, f"generations[{number}]", spec.Status(initial.status)
        if (operation := self.operations.get(initial.operation)) is None:
            raise ValueError(f"{where}: operation {spec.unknown_operation(initial.operation, self.operations)}")
        magic = spec.read_magic(initial.prompt) if self.account.magic else spec.NO_MAGIC
        if isinstance(magic, spec.Problem):
            raise ValueError(f"{where}: {magic}")  # noqa: TRY004 - a value of the user's
        end = End(status, None if initial.error is UNSET else initial.error) if status in spec.TERMINAL else None
        admitted = Admitted(initial.duration, initial.resolution, 0, (), magic, initial.prompt, end=end)
        planned = self.functions.plan_for(admitted, policy, self._random)
        plan, age = spec.begun(planned, status, None if initial.age is UNSET else round(initial.age * spec.SECOND))
        accepted = command.at - age
        if spec.status_span(0, plan, age).status is not status:
            raise ValueError(
                f"{where}: {status} lasts 0 s by policy job_times={policy.job_times}, or is left out: set another one"
            )
        if accepted < 0:
            raise ValueError(
                f"{where}: age {age / spec.SECOND:g} s is before 1970: give a smaller one, or a later start"
            )
        submission = Submission(operation, self.key, b"", "application/json", command.origin)
        identity = self.functions.identify(submission, policy, self._random, accepted - self._shift)
        return self._made(identity, submission, admitted, plan, accepted)

    def _enter(self, generation: Generation, prompt: str) -> None:
        identity = generation.request_id
        self._generations[identity] = generation
        if self.policy.concurrency is not None:
            self.account.unfinished.add(identity, generation.finish)
        self._prompts[identity] = prompt[:LONGEST_TEXT]
        if len(self._prompts) > self.bounds.prompts:
            self._prompts.popitem(last=False)

    def known(self, identity: str, now: int, at: int | None = None) -> dict[str, Any]:
        """The facts about a generation that rules can match: operation, number, prompt, age in seconds, status as read now or as it was `at`."""
        found = self._generations.get(identity)
        if found is None:
            return {}
        instant = now if at is None else at
        facts: dict[str, Any] = {"operation": found.operation, "generation": found.number}
        facts["age"] = (instant - found.accepted) / spec.SECOND
        if identity in self._prompts:
            facts["prompt"] = self._prompts[identity]
        if at is not None or self.readable(identity, now):
            facts["status"] = self.functions.status_span(found.accepted, found.plan, instant).status.value
        return facts

    def readable(self, identity: str, now: int) -> Generation | None:
        """The generation with this request id, as long as its status can be read (policies `read_delay`, `retention`)."""
        return self._kept(identity, self.policy.retention.status, now)

    def completed(self, identity: str, now: int) -> Generation | None:
        """The generation whose video can be downloaded at `now`."""
        found = self._kept(identity, self.policy.retention.media, now)
        seen = self.functions.status_span(found.accepted, found.plan, now) if found else None
        return found if seen and seen.status is spec.Status.COMPLETED else None

    def _kept(self, identity: str, kept: int | None, now: int) -> Generation | None:
        found = self._generations.get(identity)
        if found is None or now < found.accepted + self.policy.read_delay:
            return None
        return found if kept is None or now < found.finish + kept else None

    def status_body(self, generation: Generation, origin: str, at: int) -> bytes:
        """The encoded status body for a caller of `origin` at an instant (UTC milliseconds)."""
        return self._status(generation, origin, at)[1]

    def status_at(self, generation: Generation, at: int) -> spec.Answer:
        """The response to a status read at an instant, by the present policy, ignoring script, rate limit and switches."""
        if self.readable(generation.request_id, at) is None:
            return spec.refusal_answer(spec.UnknownRequest(generation.request_id), self.policy, "")
        return spec.Answer(200, self.status_body(generation, generation.origin, at))

    def _status(self, found: Generation, origin: str, at: int) -> tuple[spec.StatusSpan, bytes]:
        """The state of a generation at an instant, and its encoded status body."""
        seen = self.functions.status_span(found.accepted, found.plan, at)
        return seen, spec.status_body(
            found.request_id, found.model_id, found.output, found.accepted, seen, found.plan.error, origin, self.policy
        )

    def _body_decided_by(self, generation: Generation, at: int) -> tuple[str, ...]:
        """The fields of the policy that decide the status body at an instant."""
        shaping = self.policy.changed_among("public_origin", "media_origin", "media", "status_members", "timestamps")
        has_ended = at >= generation.finish
        return (*shaping, *(each for each in generation.decided_by if has_ended or each == "job_times"))
