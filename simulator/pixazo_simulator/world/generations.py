"""The generations of a world: how the accepted and initial ones are made, and what can be read of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, field

from pixazo_simulator import spec
from pixazo_simulator.script import LONGEST_TEXT, End

from .account import Account
from .admission import Admitted, Body, Submission
from .commands import BeginWithGenerations, Generation, InitialGeneration
from .functions import WorldFunctions
from .journal import Limits
from .part import Part


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
        """The number of the next submission that is accepted."""
        return self._accepted + 1

    def generation_of(self, identity: str) -> Generation | None:
        """The generation that was accepted under this request id, readable or not."""
        return self._generations.get(identity)

    def generations(self) -> list[Generation]:
        """All accepted generations, oldest first."""
        return list(self._generations.values())

    @property
    def accepted(self) -> int:
        """How many generations were accepted."""
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
        policy = self.policy
        if not policy.changed_among("job_times", "queued_to_end") and not admitted.fails:
            return ()
        is_scripted = admitted.end is not None and admitted.end.status is not None
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
        if spec.snapshot(0, plan, age).status is not status:
            raise ValueError(
                f"{where}: {status} lasts 0 s by policy job_times={policy.job_times}, or is left out: set another one"
            )
        if accepted < 0:
            raise ValueError(
                f"{where}: age {age / spec.SECOND:g} s is before 1970: give a smaller one, or a later start"
            )
        submission = Submission(operation, self.key, Body(b""), "application/json", command.origin)
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
            facts["status"] = self.functions.snapshot(found.accepted, found.plan, instant).status.value
        return facts

    def readable(self, identity: str, now: int) -> Generation | None:
        """The generation with this request id, as long as its status can be read (policies `read_delay`, `retention`)."""
        return self._kept(identity, self.policy.retention.status, now)

    def completed(self, identity: str, now: int) -> Generation | None:
        """The generation whose video can be downloaded at `now`."""
        found = self._kept(identity, self.policy.retention.media, now)
        seen = self.functions.snapshot(found.accepted, found.plan, now) if found else None
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

    def _status(self, found: Generation, origin: str, at: int) -> tuple[spec.Snapshot, bytes]:
        """The state of a generation at an instant, and its encoded status body."""
        seen = self.functions.snapshot(found.accepted, found.plan, at)
        return seen, spec.status_body(
            found.request_id, found.model_id, found.output, found.accepted, seen, found.plan.error, origin, self.policy
        )

    def _body_decided_by(self, generation: Generation, at: int) -> tuple[str, ...]:
        """The fields of the policy that decide the status body at an instant."""
        shaping = self.policy.changed_among("public_origin", "media_origin", "media", "status_members", "timestamps")
        if not generation.decided_by:
            return shaping
        has_ended = at >= generation.finish
        return (*shaping, *(each for each in generation.decided_by if has_ended or each == "job_times"))
