"""Everything one API key can see: clock, ledger, quota, generations, journal, webhooks, seed."""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from heapq import heappop, heappush
from random import Random
from typing import Any

import msgspec

from pixazo_simulator.script import BeforeReply, Drop, Duplicate, Fault, Reorder, Script, Step, Stuck, delay
from pixazo_simulator.spec import (
    CALLBACK_MEMBER,
    LAST_INSTANT,
    SECOND,
    WEBHOOK_URL_HEADER,
    Policy,
    Redactor,
    Refusal,
    Status,
    TooManyPending,
    UnknownRequest,
    finish,
    status_body,
    upstream_body,
    upstream_challenge,
)

from .admission import Admission, Call, Standing, Submission, admit_read
from .behaviour import Workings
from .facts import LONGEST_TEXT, at_callback
from .state.clock import Clock
from .state.deliveries import Attempt, Delivery, Form, next_progress
from .state.generation import Bounds, Generation, Transition, Worded
from .state.ids import seeded_random
from .state.journal import Journal
from .state.ledger import Ledger
from .state.notifier import Bell
from .state.outbox import Outbox
from .state.quota import Quota


class World:
    """What one API key can see; worlds share nothing."""

    __slots__ = (
        "__weakref__", "_accepted", "_aliases", "_chance", "_coming", "_generations", "_prompts", "_random", "_worded", "_workings",
        "bell", "bounds", "clock", "journal", "key", "outbox", "policy", "redactor", "script", "seed", "standing",
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
        redactor: Redactor | None = None,
    ) -> None:
        self._workings = workings or Workings()
        self.key = key
        self.redactor = redactor or Redactor((key,))
        self.policy = self._workings.govern(policy)
        self.clock = clock
        self.seed = seed
        self.bounds = bounds or Bounds()
        self.standing = Standing(Ledger(balance, clock.now()), Quota(), affords=self._workings.affords)
        self.script = Script()
        self.bell = Bell()
        self.journal = Journal(self.bounds.journal, self.bell)
        self.outbox = Outbox(self.bounds.deliveries)
        self._random = seeded_random(seed, key)
        self._chance: Random | None = None
        self._generations: dict[str, Generation] = {}
        self._accepted = 0
        self._coming: list[tuple[int, int, Status, Generation]] = []
        self._worded: dict[str, Worded] = {}
        self._prompts: OrderedDict[str, str] = OrderedDict()
        self._aliases: dict[str, None] = {}

    def twin(self) -> World:
        """A world that is as this one is now and goes its own way; its clock stands still, and nobody hears its bell."""
        other = World(
            self.key, policy=self.policy, clock=Clock.manual(self.clock.now()), seed=self.seed, balance=0,
            bounds=self.bounds, workings=self._workings, redactor=self.redactor,
        )  # fmt: skip
        ledger, quota = self.standing.ledger.twin(), copy(self.standing.quota)
        other.standing = msgspec.structs.replace(self.standing, ledger=ledger, quota=quota)
        other.policy, other.script, other.outbox = self.policy, self.script.twin(), self.outbox.twin()
        other.journal = self.journal.twin()
        other._random, other._chance = copy(self._random), copy(self._chance)
        other._generations, other._coming, other._accepted = dict(self._generations), list(self._coming), self._accepted
        other._worded, other._prompts, other._aliases = dict(self._worded), self._prompts.copy(), dict(self._aliases)
        return other

    def call_also(self, key: str) -> None:
        """Tell nobody a key that a caller sends instead of this world's; beyond the bound the oldest is forgotten."""
        if key != self.key and key not in self._aliases:
            if len(self._aliases) >= self.bounds.aliases:
                oldest = next(iter(self._aliases))
                del self._aliases[oldest]
                self.redactor.forget(oldest)
            self._aliases[key] = None
            self.redactor.add(key)

    def forget_keys(self) -> None:
        """The world is gone: its keys are told to nobody until many others are gone, too."""
        for key in (self.key, *self._aliases):
            self.redactor.forget(key)

    def set_policy(self, policy: Policy) -> None:
        """Let another policy hold from now on; what was accepted keeps its plan."""
        self.policy = self._workings.govern(policy)
        self._worded.clear()

    @property
    def chance(self) -> Random:
        """Where faults draw from: not where ids do, so that a script never changes an id."""
        if self._chance is None:
            self._chance = seeded_random(self.seed, self.key, "faults")
        return self._chance

    def submit(self, call: Call, step: Step | None = None) -> Generation | Refusal:
        """Accept a call or refuse it; a refused one changes nothing but the quota. A step of a script may want an end."""
        now = self.clock.now()
        decided = Admission(call, self.standing, self.policy, now).decide()
        if not isinstance(decided, Submission):
            return decided
        if (decided.header_url or decided.member_url) and len(self.outbox) >= self.bounds.pending:
            return TooManyPending(self.bounds.pending)
        if step:
            stuck = any(isinstance(fault, Stuck) for fault in step.faults)
            decided = msgspec.structs.replace(decided, end=step.end, stuck=stuck)
        return self._accept(call, decided, now)

    def _accept(self, call: Call, submission: Submission, now: int) -> Generation:
        identity = self._workings.identify(call, self.policy, self._random, now)
        plan = self._workings.plan_for(submission, self.policy, self._random)
        generation = Generation(
            identity, now, plan, call.operation.name, submission.duration, submission.resolution, call.origin
        )
        self._generations[identity] = generation
        started = now + plan.queued if plan.processing and plan.queued else None
        self._accepted += 1  # ids are no measure: those of a mutant may repeat
        self._expect(generation, self._accepted, started)
        self._remember(identity, submission.prompt)
        ledger = self.standing.ledger
        ledger.debit(now, submission.price, identity)
        if back := self._workings.refund_due(plan, submission.price, self.policy):
            ledger.refund(finish(now, plan), back, identity)
        if submission.header_url:
            self._announce(generation, submission.header_url, WEBHOOK_URL_HEADER, call.webhook_mode)
        if submission.member_url:
            self._announce(generation, submission.member_url, CALLBACK_MEMBER, None)
        return generation

    def _remember(self, identity: str, prompt: str) -> None:
        self._prompts[identity] = prompt[:LONGEST_TEXT]
        if len(self._prompts) > self.bounds.prompts:
            self._prompts.popitem(last=False)

    def known(self, identity: str, at: int | None = None) -> dict[str, Any]:
        """What rules can ask of a generation: operation, prompt, age in seconds, status as it is read now or was `at` an instant."""
        found = self._generations.get(identity)
        if found is None:
            return {}
        now = self.clock.now() if at is None else at
        facts: dict[str, Any] = {"operation": found.operation, "age": (now - found.accepted) / SECOND}
        if identity in self._prompts:
            facts["prompt"] = self._prompts[identity]
        if at is not None or self._readable(found, self.policy.retention.status):
            facts["status"] = self._workings.snapshot(found.accepted, found.plan, now).status.value
        return facts

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

    def generation_of(self, identity: str) -> Generation | None:
        """What was accepted under this request id, readable or not."""
        return self._generations.get(identity)

    def generations(self) -> list[Generation]:
        """All that was accepted, oldest first."""
        return list(self._generations.values())

    def _expect(self, generation: Generation, number: int, started: int | None = None) -> None:
        """Enter the next transition of a generation, which is its end when it does not start at a later instant."""
        status = generation.plan.outcome if started is None else Status.PROCESSING
        instant = finish(generation.accepted, generation.plan) if started is None else started
        heappush(self._coming, (instant, number, status, generation))

    @property
    def coming(self) -> int:
        """How many generations have transitions that `transitions` has not told."""
        return len(self._coming)

    def transitions(self, until: int, most: int | None = None) -> list[Transition]:
        """What happened to the generations since the last call of this method, up to `until`, in order: at most so many.

        Whoever gets as many as that asks again for the others.
        """
        found: list[Transition] = []
        while self._coming and self._coming[0][0] <= until and len(found) != most:
            instant, number, status, generation = heappop(self._coming)
            found.append(Transition(instant, generation.request_id, status))
            if status is Status.PROCESSING:
                self._expect(generation, number)
        self.bell.ring()
        return found

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
        number = self.outbox.number()
        self._plan_attempt(Delivery(number, generation.request_id, url, channel, event, form, progress, []))

    def _schedule_progress(self, generation: Generation, url: str, channel: str, after: int) -> None:
        started = generation.accepted + generation.plan.queued
        event = next_progress(started, finish(generation.accepted, generation.plan), after)
        if event is not None:
            self._schedule(generation, url, channel, event, progress=True)

    def next_due(self) -> int | None:
        """The instant of the next webhook attempt."""
        return self.outbox.next_due()

    def take_due(self, until: int) -> Delivery | None:
        """The first delivery due by `until`, which is the taker's to attempt and to `record`; rules are asked about it.

        None when nothing is due, or when a rule lets this one wait: then another may be due.
        """
        taken = self.outbox.take(until)
        if taken is None:
            return None
        due, delivery = taken
        if delivery.faults is not None:
            return delivery
        if delivery.progress:
            generation = self._generations[delivery.request_id]
            self._schedule_progress(generation, delivery.url, delivery.channel, delivery.event)
        return delivery if self._goes(delivery, due) else None

    @property
    def is_crowded(self) -> bool:
        """Whether as many deliveries were taken and not recorded as may be pending at all."""
        return self.outbox.taken >= self.bounds.pending

    def _goes(self, delivery: Delivery, due: int) -> bool:
        """Ask the rules about an attempt that has fallen due; whether it is made now, and not later."""
        occasion = at_callback(delivery, self.known(delivery.request_id, delivery.event)) if self.script else None
        decision = self.script.decide(occasion) if occasion else None
        if decision is None:
            return True
        delivery.rule, delivery.faults = decision.label, decision.step.faults
        if wait := round(delay(delivery.faults, self.chance) * SECOND):
            self.outbox.put(delivery, due + wait)
            return False
        reorder = next((fault for fault in delivery.faults if isinstance(fault, Reorder)), None)
        return not (reorder and self.outbox.hold(delivery, due + round(reorder.within * SECOND)))

    def before_reply(self, generation: Generation) -> int | None:
        """The instant whose callbacks a rule wants posted before the submit is answered, None when none does."""
        instants: list[int] = []
        for delivery in self.outbox.pending(generation.request_id):
            known = self.known(delivery.request_id, delivery.event)
            decision = self.script.peek(at_callback(delivery, known)) if delivery.event <= LAST_INSTANT else None
            if decision and any(isinstance(fault, BeforeReply) for fault in decision.step.faults):
                instants.append(delivery.event)
        return max(instants, default=None)

    def record(self, delivery: Delivery, attempt: Attempt) -> None:
        """Enter the outcome of an attempt, the copies that a fault wants of it, and the next one when there is to be one."""
        delivery.attempts.append(attempt)
        self.bell.ring()
        faults, delivery.faults, delivery.rule = delivery.faults or (), None, None
        if not any(isinstance(fault, Drop) for fault in faults):
            self.outbox.release(attempt.instant)
        if delivery.copy_of is not None:
            self.outbox.put(delivery, None)
            return
        for _ in range(max((fault.copies for fault in faults if isinstance(fault, Duplicate)), default=1) - 1):
            self.outbox.put(self._copy(delivery, attempt.rule, faults), attempt.instant)
        if delivery.form is Form.CHALLENGE:
            if attempt.succeeded:
                generation = self._generations[delivery.request_id]
                event = max(attempt.instant, finish(generation.accepted, generation.plan))
                self._schedule(generation, delivery.url, delivery.channel, event, Form.UPSTREAM)
            self.outbox.put(delivery, None)
            return
        self._plan_attempt(delivery)

    def _plan_attempt(self, delivery: Delivery) -> None:
        self.outbox.put(delivery, self._workings.next_attempt(delivery, self.policy.webhook_retries))

    def _copy(self, delivery: Delivery, rule: str | None, faults: tuple[Fault, ...]) -> Delivery:
        number, original = self.outbox.number(), delivery.original
        return msgspec.structs.replace(delivery, number=number, attempts=[], copy_of=original, rule=rule, faults=faults)

    def copy(self, number: int) -> Delivery:
        """A copy of a delivery as it first was, for its taker to attempt and to `record`: no rule is asked about it.

        Raises KeyError when no delivery has this number, or when it is just being attempted.
        """
        found = self.outbox.find(number)
        if found is None:
            raise KeyError(number)
        return self._copy(found, None, ())

    def deliveries(self) -> list[Delivery]:
        """Finished and pending deliveries, oldest first; the pending ones that were never tried are included."""
        return self.outbox.deliveries()

    def callback(self, delivery: Delivery) -> bytes:
        """The body to post: the status answer of that instant, the same bytes (WEBHOOK-04)."""
        generation = self._generations[delivery.request_id]
        if delivery.form is Form.CHALLENGE:
            return upstream_challenge(generation.request_id)
        if delivery.form is Form.UPSTREAM:
            return upstream_body(generation.request_id, generation.plan.outcome, generation.plan.error)
        return self.status_answer(generation, generation.origin, delivery.event)
