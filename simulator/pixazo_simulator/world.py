"""Everything one API key can see: clock, ledger, quota, generations, journal, webhooks, seed."""

from __future__ import annotations

import heapq
from collections import deque

import msgspec

from .admission import Admission, Call, Standing, Submission, admit_read
from .clock import Clock
from .delivery import Attempt, Delivery, Form, next_progress
from .ids import seeded_random
from .journal import Journal, Limits
from .ledger import Ledger
from .lifecycle import Plan, Status, finish
from .policy import Policy
from .quota import Quota
from .refusal import Refusal, TooManyPending, UnknownRequest
from .script import Script
from .wire import CALLBACK_MEMBER, WEBHOOK_URL_HEADER, status_body, upstream_body, upstream_challenge
from .workings import Workings

__all__ = ["Bounds", "Generation", "Transition", "World"]


class Bounds(msgspec.Struct, frozen=True):
    """What a world keeps at most: its journal, pending deliveries, finished deliveries, worded answers, foreign keys."""

    journal: Limits = Limits()
    pending: int = 100_000
    deliveries: int = 10_000
    answers: int = 4096
    aliases: int = 64


class Generation(msgspec.Struct, frozen=True, gc=False):
    """One accepted piece of work; everything ever read of it follows from these values and the clock."""

    request_id: str
    accepted: int
    plan: Plan
    operation: str
    duration: float
    resolution: str
    origin: str


class Transition(msgspec.Struct, frozen=True):
    """A generation entered a status at an instant (UTC milliseconds)."""

    instant: int
    request_id: str
    status: Status


class Worded(msgspec.Struct, frozen=True):
    """A status answer, good for callers of `origin` from the instant `since` and before `until`."""

    origin: str
    since: int
    until: int | None
    body: bytes


class World:
    """What one API key can see; worlds share nothing."""

    __slots__ = (
        "__weakref__", "_agenda", "_aliases", "_generations", "_number", "_open", "_random", "_swept", "_worded",
        "_workings", "bounds", "clock", "finished", "journal", "key", "policy", "script", "seed", "standing",
    )  # fmt: skip

    def __init__(
        self,
        key: str,
        *,
        policy: Policy,
        clock: Clock,
        seed: int,
        balance: int,
        bounds: Bounds | None = None,
        workings: Workings | None = None,
    ) -> None:
        self._workings = workings or Workings()
        self.key = key
        self.policy = self._workings.govern(policy)
        self.clock = clock
        self.seed = seed
        self.bounds = bounds or Bounds()
        self.standing = Standing(Ledger(balance, clock.now()), Quota(), affords=self._workings.affords)
        self.script = Script()
        self.journal = Journal(self.bounds.journal)
        self.finished: deque[Delivery] = deque(maxlen=self.bounds.deliveries)
        self._random = seeded_random(seed, key)
        self._generations: dict[str, Generation] = {}
        self._open: list[Generation] = []
        self._swept = clock.now()
        self._worded: dict[str, Worded] = {}
        self._agenda: list[tuple[int, int, Delivery]] = []
        self._number = 0
        self._aliases: dict[str, None] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and the keys that callers sent instead of it: none of them is ever told."""
        return (self.key, *self._aliases)

    def call_also(self, key: str) -> None:
        """Take note of a key that a caller sends instead of this world's; beyond the bound the oldest is forgotten."""
        if key != self.key and key not in self._aliases:
            if len(self._aliases) >= self.bounds.aliases:
                del self._aliases[next(iter(self._aliases))]
            self._aliases[key] = None

    def set_policy(self, policy: Policy) -> None:
        """Let another policy hold from now on; what was accepted keeps its plan."""
        self.policy = self._workings.govern(policy)
        self._worded.clear()

    def submit(self, call: Call) -> Generation | Refusal:
        """Accept a call or refuse it; a refused one changes nothing but the quota."""
        now = self.clock.now()
        decided = Admission(call, self.standing, self.policy, now).decide()
        if not isinstance(decided, Submission):
            return decided
        if (decided.header_url or decided.member_url) and len(self._agenda) >= self.bounds.pending:
            return TooManyPending(self.bounds.pending)
        return self._accept(call, decided, now)

    def _accept(self, call: Call, submission: Submission, now: int) -> Generation:
        identity = self._workings.identify(call, self.policy, self._random, now)
        plan = self._workings.plan_for(submission, self.policy, self._random)
        generation = Generation(
            identity, now, plan, call.operation.name, submission.duration, submission.resolution, call.origin
        )
        self._generations[identity] = generation
        self._open.append(generation)
        ledger = self.standing.ledger
        ledger.debit(now, submission.price, identity)
        if back := self._workings.refund_due(plan, submission.price, self.policy):
            ledger.refund(finish(now, plan), back, identity)
        if submission.header_url:
            self._announce(generation, submission.header_url, WEBHOOK_URL_HEADER, call.webhook_mode)
        if submission.member_url:
            self._announce(generation, submission.member_url, CALLBACK_MEMBER, None)
        return generation

    def admit_read(self) -> Refusal | None:
        """Whether a status read may go on."""
        return admit_read(self.standing, self.key, self.policy, self.clock.now())

    def generation(self, identity: str) -> Generation | UnknownRequest:
        """The generation with this request id, as long as it can be read (policies `read_delay`, `retention`)."""
        found = self._generations.get(identity)
        if found is None or not self._readable(found, self.policy.retention.status):
            return UnknownRequest(identity)
        return found

    def completed(self, identity: str) -> Generation | None:
        """The generation whose video can be downloaded now."""
        found = self._generations.get(identity)
        if found is None or not self._readable(found, self.policy.retention.media):
            return None
        seen = self._workings.snapshot(found.accepted, found.plan, self.clock.now())
        return found if seen.status is Status.COMPLETED else None

    def _readable(self, generation: Generation, kept: int | None) -> bool:
        now = self.clock.now()
        if now < generation.accepted + self.policy.read_delay:
            return False
        return kept is None or now < finish(generation.accepted, generation.plan) + kept

    def status_answer(self, generation: Generation, origin: str, at: int | None = None) -> bytes:
        """The status answer for a caller of `origin`, now or at another instant (UTC milliseconds)."""
        now = self.clock.now() if at is None else at
        worded = self._worded.get(generation.request_id)
        if worded and worded.origin == origin and worded.since <= now and (worded.until is None or now < worded.until):
            return worded.body
        seen = self._workings.snapshot(generation.accepted, generation.plan, now)
        body = status_body(generation.request_id, generation.accepted, seen, generation.plan.error, origin, self.policy)
        if len(self._worded) >= self.bounds.answers:
            self._worded.clear()
        self._worded[generation.request_id] = Worded(origin, seen.since, seen.until, body)
        return body

    def generations(self) -> list[Generation]:
        """All that was accepted, oldest first."""
        return list(self._generations.values())

    def transitions(self, until: int) -> list[Transition]:
        """What happened to the generations since the last call of this method, up to `until`, in order."""
        found: list[Transition] = []
        still_open: list[Generation] = []
        for generation in self._open:
            plan, started = generation.plan, generation.accepted + generation.plan.queued
            finished = finish(generation.accepted, plan)
            if plan.processing and max(self._swept, generation.accepted) < started <= until:
                found.append(Transition(started, generation.request_id, Status.PROCESSING))
            if finished <= until:
                found.append(Transition(finished, generation.request_id, plan.outcome))
            else:
                still_open.append(generation)
        self._open, self._swept = still_open, until
        return sorted(found, key=lambda transition: transition.instant)

    def _announce(self, generation: Generation, url: str, channel: str, mode: str | None) -> None:
        """Enter the callbacks that one channel asks for."""
        if channel == CALLBACK_MEMBER and self.policy.callback_url == "challenge":
            self._schedule(generation, url, channel, generation.accepted, Form.CHALLENGE)
            return
        if self.policy.webhook_events == "header" and (mode or "").strip().lower() == "sync":
            self._schedule_progress(generation, url, channel, generation.accepted - 1)
        self._schedule(generation, url, channel, finish(generation.accepted, generation.plan))

    def _schedule(
        self,
        generation: Generation,
        url: str,
        channel: str,
        event: int,
        form: Form = Form.STATUS,
        *,
        progress: bool = False,
    ) -> None:
        self._number += 1
        delivery = Delivery(self._number, generation.request_id, url, channel, event, form, progress, [])
        self._plan_attempt(delivery)

    def _schedule_progress(self, generation: Generation, url: str, channel: str, after: int) -> None:
        started = generation.accepted + generation.plan.queued
        event = next_progress(started, finish(generation.accepted, generation.plan), after)
        if event is not None:
            self._schedule(generation, url, channel, event, progress=True)

    def next_due(self) -> int | None:
        """The instant of the next webhook attempt."""
        return self._agenda[0][0] if self._agenda else None

    def take_due(self, until: int) -> Delivery | None:
        """The first delivery due by `until`, which is the taker's to attempt and to `record`."""
        if not self._agenda or self._agenda[0][0] > until:
            return None
        delivery = heapq.heappop(self._agenda)[2]
        if delivery.progress:
            generation = self._generations[delivery.request_id]
            self._schedule_progress(generation, delivery.url, delivery.channel, delivery.event)
        return delivery

    def record(self, delivery: Delivery, attempt: Attempt) -> None:
        """Enter the outcome of an attempt, and the next one when there is to be one."""
        delivery.attempts.append(attempt)
        if delivery.form is Form.CHALLENGE:
            if attempt.succeeded:
                generation = self._generations[delivery.request_id]
                event = max(attempt.instant, finish(generation.accepted, generation.plan))
                self._schedule(generation, delivery.url, delivery.channel, event, Form.UPSTREAM)
            self.finished.append(delivery)
            return
        self._plan_attempt(delivery)

    def _plan_attempt(self, delivery: Delivery) -> None:
        due = self._workings.next_attempt(delivery, self.policy.webhook_retries)
        if due is None:
            self.finished.append(delivery)
        else:
            heapq.heappush(self._agenda, (due, delivery.number, delivery))

    def deliveries(self) -> list[Delivery]:
        """Finished and pending deliveries, oldest first; the pending ones that were never tried are included."""
        pending = [delivery for _, _, delivery in self._agenda]
        return sorted([*self.finished, *pending], key=lambda delivery: delivery.number)

    def callback(self, delivery: Delivery) -> bytes:
        """The body to post: the status answer of that instant, the same bytes (WEBHOOK-04)."""
        generation = self._generations[delivery.request_id]
        if delivery.form is Form.CHALLENGE:
            return upstream_challenge(generation.request_id)
        if delivery.form is Form.UPSTREAM:
            return upstream_body(generation.request_id, generation.plan.outcome, generation.plan.error)
        return self.status_answer(generation, generation.origin, delivery.event)
