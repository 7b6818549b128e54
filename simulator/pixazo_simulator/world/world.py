"""One world: all that one API key can see. Commands change it, questions with an instant read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from random import Random
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import UNSET, field
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.script import (
    BeforeReply,
    Decision,
    Drop,
    Duplicate,
    Facts,
    Reorder,
    Script,
    Stuck,
    at_download,
    at_read,
    at_submit,
    fault_of,
    replacement,
    wait,
)

from . import commands
from .account import Entry, EntryKind
from .admission import Admission, Admitted, Submission, admit_read
from .clock import Clock
from .commands import Generation, Transition
from .deliveries import PROGRESS_INTERVAL, Attempt, Delivery, Form, Outbox, next_progress
from .generations import Generations, seeded_random
from .journal import Journal
from .part import Notifier, Row, restore, rows

__all__ = ["World"]

MOST_FORMER_SECRETS = 10
"""Signing secrets besides the newest with which webhooks are still signed."""
MOST_KEPT = 100
"""Saved states of one world that are kept."""
MOST_KEPT_BYTES = 256 * 1024 * 1024
"""Bytes of these states beyond which no further one is kept: 100 of a world of 100,000 generations would fill the memory."""
_UNSCRIPTED = (None, None, ())
_INTERRUPTED = (
    "the process that attempted it ended before the outcome was known: it will be retried and may arrive twice"
)
T = TypeVar("T")
_Request = commands.SubmitGeneration | commands.ReadStatus | commands.ReadMedia


class _Shown(msgspec.Struct, frozen=True, gc=False):
    """What a status read shows to callers of `origin`, from the instant `since` and before `until`."""

    origin: str
    since: int
    until: int
    answer: spec.Answer


class _Coming(msgspec.Struct, frozen=True, gc=False, order=True, array_like=True):
    """The next transition of a generation, in the order in which they occur; each generation has its own `number`."""

    at: int
    number: int
    generation: Generation


class World(Generations, kw_only=True):
    """What one API key can see; worlds share nothing. `apply` is the only way to change a world, except that its clock runs.

    `name` says what it is for, if given. Its ids, draws and webhook secret depend on `seed` and `source`, by default its key.
    """

    DERIVED: ClassVar = frozenset({"_shown", "notifier", "redactor"})

    clock: Clock
    seed: int
    name: str | None = None
    source: str = ""
    number: int = 0
    """Its name in the log, which must not show the key; worlds are numbered as they open."""
    redactor: spec.Redactor
    script: Script = field(default_factory=Script)
    notifier: Notifier = field(default_factory=Notifier)
    journal: Journal = field(default_factory=Journal)
    outbox: Outbox = field(default_factory=Outbox)
    turn: str | None = None
    """The process that alone attempts deliveries now, if any does."""
    _chance: Random | None = None
    _polls: dict[str, int] = {}
    """Status reads that have shown a state that ends with reads."""
    _expected: int = 0
    _coming: list[_Coming] = []
    _shown: dict[str, _Shown] = {}
    _aliases: dict[str, None] = {}
    _rotations: int = 0
    _former_secrets: list[tuple[int, int]] = []
    _states: dict[int, tuple[Row, ...]] = {}
    _keeping: int = 0

    def __post_init__(self) -> None:
        self.source = self.source or self.key
        self.policy = self.functions.effective_policy(self.policy)
        self._shift = 0 if self.clock.rate else self.clock.start - spec.PAGE_INSTANT
        self.script.begin(self.clock.now(), seeded_random(self.seed, self.source, "rules").getrandbits(64))
        self.journal, self.outbox = Journal(self.bounds.journal), Outbox(self.bounds.deliveries)
        self._random = seeded_random(self.seed, self.source)

    def fork_at(self, now: int) -> World:
        """A world that is as this one is at `now` and changes independently; its clock is stopped and nothing listens to it."""
        other = self.fork()
        other.clock = Clock.manual(now)
        return other

    def apply(self, command: commands.Command[T]) -> T:
        """Carry out a command and return its outcome, whose type its class names; the instant is `command.at`, not that of the clock."""
        outcome: T = self._CARRY_OUT[type(command)](self, command)
        return outcome

    # Requests

    def _submit(self, command: commands.SubmitGeneration) -> commands.Outcome[Generation | spec.Answer]:
        """Accept or refuse a submission; a refused one changes nothing but the quota, and uses no rule that only plans."""
        now, submission = command.at, command.submission
        # A rule is about an operation, and represents whatever may go wrong before any check, such as in a proxy.
        is_known = submission.model_id == submission.operation.model_id
        answer, decision, passed = self._scripted(command) if is_known else _UNSCRIPTED
        if answer:
            return commands.Outcome(answer, decision, passed=passed)
        admission = Admission(submission, self.account, self.policy, now)
        admitted, decided_by = admission.decide(), tuple(admission.decided_by)
        if isinstance(admitted, Admitted) and admitted.urls and len(self.outbox) >= self.bounds.pending:
            admitted = spec.TooManyPending(self.bounds.pending)
        if not isinstance(admitted, Admitted):
            if decision and decision.step.only_plans:
                self.script.give_back(decision)
                decision = None
            return commands.Outcome(admitted, decision, passed=passed, decided_by=decided_by)
        if decision:
            stuck = fault_of(decision.step.faults, Stuck) is not None
            admitted = replace(admitted, end=decision.step.end, stuck=stuck)
        generation = self._accept(submission, admitted, now)
        hold = self._before_response(generation, now) if self.script.is_about("webhook") else None
        return commands.Outcome(generation, decision, admitted.ignored, hold, passed, decided_by)

    def _scripted(self, request: _Request) -> tuple[spec.Answer | None, Decision | None, tuple[str, ...]]:
        """The response that a rule gives, if any does, what the rule decides, and which rules let the request through by chance."""
        if not self.script.is_about(request.operation):
            return _UNSCRIPTED
        facts, passed = self._facts(request), list[str]()
        decision = self._decide(facts, passed)
        answer = replacement(decision.step, facts.operation, self.policy, request.url) if decision else None
        return answer, decision, tuple(passed)

    def _facts(self, request: _Request) -> Facts:
        if isinstance(request, commands.SubmitGeneration):
            sent = request.submission
            return at_submit(sent.operation, request.headers, sent.members, self.next_generation, request.at)
        identity, known = request.request_id, self.known(request.request_id, request.at)
        if isinstance(request, commands.ReadStatus):
            return at_read(identity, known, request.headers, request.at)
        return at_download(identity, known, request.method, request.headers, request.at)

    def _decide(self, facts: Facts, passed: list[str] | None = None) -> Decision | None:
        decision = self.script.decide(facts, passed)
        return replace(decision, seed=self._draws().getrandbits(64)) if decision and decision.step.faults else decision

    def _draws(self) -> Random:
        """The random source of faults: not that of ids, so a script never changes an id."""
        if self._chance is None:
            self._chance = seeded_random(self.seed, self.source, "faults")
        return self._chance

    def _accept(self, submission: Submission, admitted: Admitted, now: int) -> Generation:
        identity = self.functions.identify(submission, self.policy, self._random, now - self._shift)
        plan = self.functions.plan_for(admitted, self.policy, self._random)
        if submission.operation.response is not None:
            plan = spec.Plan(0, 0, plan.outcome, plan.error)
        generation = self._made(identity, submission, admitted, plan, now, self.next_generation)
        self._enter(generation, admitted.prompt)
        # A plan without a time in QUEUED or in PROCESSING is never read in between: its end is the next transition.
        started = now + plan.queued if plan.processing and plan.queued else None
        self._accepted = generation.number
        self._expect(generation, started)
        ledger = self.account.ledger
        ledger.debit(now, admitted.price, identity)
        if back := self.functions.refund_due(plan, admitted.price, self.policy):
            ledger.refund(generation.finish, back, identity)
        for channel, url in admitted.urls:
            self._announce(generation, url, channel, submission.webhook_mode)
        return generation

    def _begin(self, command: commands.BeginWithGenerations) -> list[str]:
        begun = [(self._begun(number, each, command), each) for number, each in enumerate(command.generations)]
        entries: list[Entry] = []
        for generation, initial in sorted(begun, key=lambda each: each[0].accepted):
            self._enter(generation, initial.prompt)
            if generation.finish > command.at:
                started = generation.accepted + generation.plan.queued
                self._expect(generation, started if started > command.at else None)
            if initial.charged:
                operation, duration, resolution = generation.operation, generation.duration, generation.resolution
                listed = self.operations[operation].price_of({"duration": duration, "resolution": resolution})
                price = self.policy.price.of(operation, duration, resolution, listed)
                entries.append(Entry(generation.accepted, EntryKind.DEBIT, -price, generation.request_id))
                if back := self.functions.refund_due(generation.plan, price, self.policy):
                    entries.append(Entry(generation.finish, EntryKind.REFUND, back, generation.request_id))
            if (url := initial.webhook_url) is not UNSET:
                channel, end = spec.WEBHOOK_URL_HEADER, generation.finish
                if end > command.at:
                    self._announce(generation, url, channel, None)
                else:  # that of a past end was delivered immediately
                    self._schedule(Delivery(0, generation.request_id, url, channel, end, attempts=(Attempt(end, 200),)))
        self.account.ledger.begin(entries, command.at)
        return [generation.request_id for generation, _ in begun]

    def _before_response(self, generation: Generation, now: int) -> int | None:
        """The instant whose webhooks a rule wants delivered before the response to the submission, None when no rule does."""
        instants: list[int] = []
        for delivery in self.outbox.pending(generation.request_id):
            if delivery.event > spec.LAST_INSTANT:  # a stuck generation never ends, so no response could wait for it
                continue
            decision = self.script.peek(self._at_webhook(delivery, now))
            if decision and fault_of(decision.step.faults, BeforeReply):
                instants.append(delivery.event)
        return max(instants, default=None)

    def _read_status(self, command: commands.ReadStatus) -> commands.Outcome[spec.Answer]:
        identity, now = command.request_id, command.at
        answer, decision, passed = self._scripted(command)
        result: spec.Answer | spec.Refusal | None = answer or admit_read(self.account, self.policy, now)
        decided_by: tuple[str, ...] = ("rate_limit",) if isinstance(result, spec.Throttled) else ()
        if result is None:
            result = self._shown_now(identity, command.origin, now)
        if result is None:
            if found := self._generations.get(identity):
                decided_by = ("read_delay",) if now < found.accepted + self.policy.read_delay else ("retention",)
            result = spec.UnknownRequest(identity)
        return commands.Outcome(result, decision, (), None, passed, decided_by)

    def _shown_now(self, identity: str, origin: str, now: int) -> spec.Answer | None:
        """The response to a status read, None for an id that cannot be read; a read is counted if the state lasts for a number of reads."""
        kept = self._shown.get(identity)
        if kept and kept.origin == origin and kept.since <= now < kept.until:
            return kept.answer
        found = self.readable(identity, now)
        if found is None:
            return None
        seen, body = self._status(found, origin, now)
        answer = spec.Answer(200, body, reason="status", decided_by=self._body_decided_by(found, now))
        if reason := self._count_poll(found, now):
            return replace(answer, reason=reason)
        retention = self.policy.retention.status
        until = spec.NEVER if seen.until is None else seen.until
        if retention is not None:
            until = min(until, found.finish + retention)
        if len(self._shown) >= self.bounds.bodies:
            self._shown.clear()
        since = max(seen.since, found.accepted + self.policy.read_delay)
        self._shown[identity] = _Shown(origin, since, until, answer)
        return answer

    def deciding_delivery(self, delivery: Delivery) -> tuple[spec.PolicyDecision, ...]:
        """The points of the policy where another value would have changed the attempts of a delivery, or their content."""
        policy, made = self.policy, delivery.attempts
        names = [*policy.changed_among("webhook_signature", "webhook_redirects", "webhook_timeout")] if made else []
        failed = [each for each in made if not each.succeeded and not each.final]
        if failed and not delivery.progress and delivery.copy_of is None:
            names.append("webhook_retries")
        if any(each.status is not None and 300 <= each.status < 400 for each in failed):
            names.append("webhook_redirects")
        if any(each.late for each in failed):
            names.append("webhook_timeout")
        if delivery.form is not Form.STATUS:
            names.append("callback_url")
        if made:
            names += self._body_decided_by(self._generations[delivery.request_id], delivery.event)
        return policy.decisions(names)

    def _read_media(self, command: commands.ReadMedia) -> commands.Outcome[Generation | spec.Answer]:
        identity, now = command.request_id, command.at
        answer, decision, passed = self._scripted(command)
        refused = None if answer else spec.refused_agent(command.headers, self.policy)
        result: Generation | spec.Answer | spec.Refusal | None = answer or refused or self.completed(identity, now)
        decided_by: tuple[str, ...] = ()
        if result is None:
            result = spec.UnknownRequest(identity)
            if self._kept(identity, None, now) and not self._kept(identity, self.policy.retention.media, now):
                decided_by = ("retention",)
        elif not (answer or refused):
            decided_by = self.policy.changed_among("media", "media_origin", "video_aspect", "cache_control")
        return commands.Outcome(result, decision, passed=passed, decided_by=decided_by)

    def _record_exchange(self, command: commands.RecordExchange) -> int:
        self.journal.record(command.exchange, command.header_bytes)
        self.notifier.notify()
        return self.journal.total

    # Transitions

    def _expect(self, generation: Generation, started: int | None = None, number: int | None = None) -> None:
        """Enter the next transition of a generation, if it ever occurs: its end, unless it starts at a later instant.

        `number` is that of its former transition, if there was one: transitions at one instant are in the order of acceptance.
        """
        if number is None:
            self._expected = number = self._expected + 1
        instant = generation.finish if started is None else started
        if instant <= spec.LAST_INSTANT:
            heappush(self._coming, _Coming(instant, number, generation))

    def _count_poll(self, generation: Generation, now: int) -> str | None:
        """Count a status read in a state that lasts for a number of reads, and say which it is; the last one ends the state."""
        identity, plan = generation.request_id, generation.plan
        if not (plan.queued_polls or plan.processing_polls):
            return None
        state = spec.status_span(generation.accepted, plan, now).status
        lasting = {spec.Status.QUEUED: plan.queued_polls, spec.Status.PROCESSING: plan.processing_polls}
        if not (polls := lasting.get(state, 0)):
            return None
        counted = self._polls.pop(identity, 0) + 1
        if counted < polls:
            self._polls[identity] = counted
        else:
            self._leave_state(replace(generation, plan=spec.end_polled_state(generation.accepted, plan, now)), now)
        return f"status; read {counted} of {polls} that {state} lasts"

    def _leave_state(self, changed: Generation, now: int) -> None:
        """A status read has ended a state of a generation: plan what waited for that."""
        identity = changed.request_id
        self._generations[identity] = changed
        if self.policy.concurrency is not None:
            self.account.unfinished.add(identity, changed.finish)
        self._shown.pop(identity, None)
        has_ended = changed.finish <= now
        self._expect(changed, None if has_ended else now)
        self.account.ledger.move_refund(identity, changed.finish)
        for delivery in self.outbox.pending(identity):
            if delivery.progress and has_ended and delivery.event >= changed.finish:
                self.outbox.drop(delivery.number)
            elif delivery.event > spec.LAST_INSTANT:
                event = now if delivery.progress else changed.finish
                self.outbox.move(replace(delivery, event=event), event)

    def until_next(self) -> int:
        """Milliseconds until the next transition or webhook attempt, 0 when it is due or there is none."""
        ahead = [each for each in (self._coming[0].at if self._coming else None, self.next_due()) if each is not None]
        instant = min(ahead, default=0)
        return max(0, instant - self.clock.now()) if instant <= spec.LAST_INSTANT else 0

    def milliseconds_until(self, until: str) -> int:
        """Milliseconds until an instant of RFC 3339, or `next`: see `until_next`. Raises ValueError with the remedy for anything else."""
        return self.until_next() if until == "next" else self.clock.milliseconds_until(until)

    def _advance_idly(self, command: commands.AdvanceIdly) -> list[Transition] | None:
        target, due = min(self.clock.now() + command.milliseconds, spec.LAST_INSTANT), self.next_due()
        if (due is not None and due <= target) or self.outbox.taken or self.turn or len(self._coming) > command.most:
            return None
        self.clock.advance_to(target)
        return self._take_transitions(commands.TakeTransitions(self.clock.now()))

    def _take_transitions(self, command: commands.TakeTransitions) -> list[Transition]:
        found: list[Transition] = []
        while self._coming and self._coming[0].at <= command.at and len(found) != command.most:
            coming = heappop(self._coming)
            instant, generation = coming.at, coming.generation
            status = spec.Status.PROCESSING if instant < generation.finish else generation.plan.outcome
            found.append(Transition(instant, generation.request_id, status))
            if status is spec.Status.PROCESSING:
                self._expect(generation, number=coming.number)
        self.notifier.notify()
        return found

    # Webhook deliveries

    def _announce(self, generation: Generation, url: str, channel: str, mode: str | None) -> None:
        delivery = Delivery(0, generation.request_id, url, channel, generation.finish)
        if channel == spec.CALLBACK_MEMBER and self.policy.callback_url == "challenge":
            self._schedule(replace(delivery, event=generation.accepted, form=Form.CHALLENGE))
            return
        if channel == spec.WEBHOOK_URL_HEADER:
            reports = self.policy.webhook_events == "header" and (mode or "").strip().lower() == "sync"
        else:
            reports = self.policy.callback_events == "updates"
        if reports:
            self._schedule_progress(delivery, generation.accepted - 1)
        self._schedule(delivery)

    def _schedule(self, delivery: Delivery) -> None:
        self._plan_attempt(replace(delivery, number=self.outbox.number()))

    def _schedule_progress(self, delivery: Delivery, after: int) -> None:
        """Enter a delivery like this one that reports the next instant after `after` at which its generation is still running."""
        generation = self._generations[delivery.request_id]
        started = generation.accepted + generation.plan.queued
        event = next_progress(started, generation.finish, after)
        if event is not None:
            self._schedule(replace(delivery, event=event, progress=True))

    def next_due(self) -> int | None:
        """The instant of the next webhook attempt (UTC milliseconds)."""
        return self.outbox.next_due()

    def _take_delivery(self, command: commands.TakeDelivery) -> Delivery | None:
        taken = self.outbox.take(command.at, command.by)
        if taken is None:
            return None
        due, delivery = taken
        if delivery.faults is not None:
            return delivery
        if delivery.progress and delivery.channel == spec.WEBHOOK_URL_HEADER:  # a URL in the body gets only changes
            self._schedule_progress(delivery, delivery.event)
        return self._ask_rules(delivery, due) if self.script.is_about("webhook") else delivery

    def _ask_rules(self, delivery: Delivery, due: int) -> Delivery | None:
        """Try the rules on an attempt that has fallen due; None when a fault delays it."""
        decision = self._decide(self._at_webhook(delivery, due))
        if decision is None:
            return delivery
        faults, seed = decision.step.faults, decision.seed
        delivery = self.outbox.update(replace(delivery, rule=decision.label, faults=faults, seed=seed))
        if pause := round(wait(faults, Random(seed)) * spec.SECOND):  # noqa: S311 - reproducible by design, guards nothing
            self.outbox.put(delivery, due + pause)
            return None
        reorder = fault_of(faults, Reorder)
        is_held = reorder and self.outbox.hold(delivery, due + round(reorder.within * spec.SECOND))
        return None if is_held else delivery

    def _at_webhook(self, delivery: Delivery, now: int) -> Facts:
        """An attempt to deliver a webhook, with the facts about its generation at the instant that it reports."""
        known = self.known(delivery.request_id, now, delivery.event)
        facts = {"request_id": delivery.request_id, "url": delivery.url, "channel": delivery.channel}
        if self.policy.webhook_signature == "standard":
            facts["signed"] = "standard"
        return Facts("webhook", {**known, **facts, "attempt": len(delivery.attempts) + 1}, now)

    def _record_attempt(self, command: commands.RecordAttempt) -> None:
        taken, attempt = command.delivery, command.attempt
        if taken.copy_of is None and self.outbox.taken.get(taken.number) != command.by:
            return
        faults = taken.faults or ()
        delivery = replace(taken, attempts=(*taken.attempts, attempt), faults=None, rule=None, seed=0)
        if not fault_of(faults, Drop):  # one that was not posted has not overtaken the held one
            self.outbox.release(attempt.at)
        repeated = fault_of(faults, Duplicate)
        if delivery.copy_of is not None:
            self.outbox.put(delivery, None)
        else:
            for _ in range(repeated.copies - 1 if repeated else 0):
                self.outbox.put(self.outbox.copied(taken, attempt.rule, faults), attempt.at)
            self._after_attempt(delivery)
        self.notifier.notify()

    def _after_attempt(self, delivery: Delivery) -> None:
        """Plan the next attempt of a delivery, or what follows a challenge that the receiver has echoed."""
        attempt = delivery.attempts[-1]
        if delivery.form is not Form.CHALLENGE:
            self._plan_attempt(delivery)
            return
        if attempt.succeeded:
            generation = self._generations[delivery.request_id]
            following = replace(delivery, form=Form.UPSTREAM, attempts=())
            if self.policy.callback_events == "updates" and attempt.at < generation.finish:
                started = max(attempt.at, generation.accepted + generation.plan.queued)
                self._schedule(replace(following, event=started, progress=True))
            self._schedule(replace(following, event=max(attempt.at, generation.finish)))
        self.outbox.put(delivery, None)

    def _plan_attempt(self, delivery: Delivery) -> None:
        self.outbox.put(delivery, self.functions.next_attempt(delivery, self.policy.webhook_retries))

    def secrets(self, now: int) -> list[int]:
        """The signing secrets in use, as the number of rotations after which each was made, the newest first."""
        former = [number for number, until in self._former_secrets if now < until]
        return [self._rotations, *reversed(former)]

    def _rotate_secret(self, command: commands.RotateSecret) -> None:
        kept = [(number, until) for number, until in self._former_secrets if command.at < until]
        if len(kept) >= MOST_FORMER_SECRETS:
            raise ValueError(
                f"{MOST_FORMER_SECRETS} former secrets are still in use: let time pass, or rotate with a shorter overlap"
            )
        self._former_secrets = [*kept, (self._rotations, command.at + command.overlap)]
        self._rotations += 1

    def processes(self) -> set[str]:
        """The processes that have the turn, or have taken deliveries."""
        return {*self.outbox.taken.values(), *([self.turn] if self.turn else ())}

    def _take_turn(self, command: commands.TakeTurn) -> bool:
        if self.turn is None:
            self.turn = command.by
        return self.turn == command.by

    def _end_turn(self, command: commands.EndTurn) -> None:
        if self.turn == command.by:
            self.turn = None
            self.notifier.notify()

    def _forget_process(self, command: commands.ForgetProcess) -> None:
        self._put_back(command.by, command.at, _INTERRUPTED)
        self.notifier.notify()

    def _copy_delivery(self, command: commands.CopyDelivery) -> Delivery:
        found = self.outbox.find(command.number)
        if found is None:
            raise KeyError(command.number)
        if found.event > spec.LAST_INSTANT:
            raise ValueError(f"delivery {found.number} belongs to a generation that ends only with status reads")
        return self.outbox.copied(found, None, ())

    def webhook_body(self, delivery: Delivery) -> bytes:
        """The body to post: the status body of the reported instant, the same bytes (WEBHOOK-04)."""
        generation = self._generations[delivery.request_id]
        if delivery.form is Form.CHALLENGE:
            return spec.upstream_challenge(generation.request_id)
        if delivery.form is Form.UPSTREAM:
            plan = generation.plan
            seen = self.functions.status_span(generation.accepted, plan, delivery.event)
            return spec.upstream_body(generation.request_id, seen.status, None if seen.until else plan.error)
        return self.status_body(generation, generation.origin, delivery.event)

    # Changes by a test

    def _change(self, command: commands.ChangeWorld) -> None:
        account = self.account
        if command.policy is not None:
            policy = self.functions.effective_policy(command.policy)
            if policy.concurrency is not None and self.policy.concurrency is None:  # only then are they counted
                for generation in self._generations.values():
                    account.unfinished.add(generation.request_id, generation.finish)
            self.policy = policy
            self._shown.clear()
        if command.balance is not None:
            account.ledger.adjust(command.at, command.balance)
        if command.exhausted and self.policy.rate_limit:
            account.quota.exhaust(self.policy.rate_limit, command.at)
        if command.images is not None:
            account.images = dict(command.images)
        for switch in ("suspended", "broken", "model_enabled"):
            if (value := getattr(command, switch)) is not None:
                setattr(account, switch, value)

    def _add_alias(self, command: commands.AddAlias) -> None:
        """Beyond the bound the oldest alias is forgotten."""
        if self.knows(command.key):
            return
        if len(self._aliases) >= self.bounds.aliases:
            oldest = next(iter(self._aliases))
            del self._aliases[oldest]
            self.redactor.forget(oldest)
        self._aliases[command.key] = None
        self.redactor.add(command.key)

    def knows(self, key: str) -> bool:
        """Whether callers have sent this key before, in place of the world's own, or whether it is the world's own."""
        return key == self.key or key in self._aliases

    # Its state as a whole

    def portable(self, at: int) -> tuple[Row, ...]:
        """Its state, from which an equal world is made elsewhere; draws no longer depend on its key.

        Its clock reads its present instant `at` an instant of real time (UTC milliseconds).
        """
        other = self.fork()
        other._draws()  # noqa: SLF001 - of the same class
        other._states = {}  # noqa: SLF001
        other.clock.stand(self.clock.now(), at / spec.SECOND)
        return tuple(rows(other))

    def begin_anew(self, key: str, number: int, name: str | None) -> None:
        """Continue under another key, when its state was that of another world."""
        self.key, self.number, self.name = key, number, name or self.name
        self._states = {}
        self.clock.go_on()
        self._put_back(None, self.clock.now())

    def _put_back(self, by: str | None, at: int, interrupted: str | None = None) -> None:
        """Make due again what a process has taken, None: what any has, since nothing attempts it now; and end its turn."""
        for number in self.outbox.taken_by(by):
            self.outbox.give_back(number, at, interrupted)
        if by in (None, self.turn):
            self.turn = None

    def _keep_state(self, _: commands.KeepState) -> int:
        size = sum(len(row.data) for state in self._states.values() for row in state)
        if len(self._states) >= MOST_KEPT or size > MOST_KEPT_BYTES:
            raise ValueError(f"{len(self._states)} states of this world are kept already ({size:,} bytes): delete one")
        kept, self._states = self._states, {}
        state = tuple(rows(self))
        self._keeping += 1
        self._states = kept | {self._keeping: state}
        return self._keeping

    def _restore_state(self, command: commands.RestoreState) -> None:
        kept, number = dict(self._states), self._keeping
        restore(self, kept[command.number])
        self._states, self._keeping = kept, number
        self._shown.clear()
        self._put_back(None, self.clock.now())
        self.notifier.notify()

    def redact(self) -> None:
        """Redact the other keys that callers send in place of its own."""
        for key in self._aliases:
            self.redactor.add(key)

    def close(self) -> None:
        """End: it was deleted. Its keys are still redacted until many other worlds have been deleted; waiters for its events wake."""
        for key in (self.key, *self._aliases):
            self.redactor.forget(key)
        self.notifier.notify()

    def deliveries(self, at: int | None = None) -> list[Delivery]:
        """Finished and pending deliveries, oldest first, including those that were never attempted; or as they were at a past instant."""
        kept = self.outbox.deliveries()
        if at is None:
            return kept
        return [each.as_of(at) for each in kept if self._entered(each) <= at]

    def _entered(self, delivery: Delivery) -> int:
        generation = self._generations[delivery.request_id]
        if delivery.copy_of is not None:  # it is posted immediately
            return delivery.attempts[0].at if delivery.attempts else self.clock.now()
        is_later = delivery.progress and delivery.event > generation.accepted + generation.plan.queued
        return delivery.event - PROGRESS_INTERVAL if is_later else generation.accepted

    # A table, not a method of each command: commands are values, which a log keeps, and know no world.
    _CARRY_OUT: ClassVar[Mapping[type[Any], Callable[[Any, Any], Any]]] = {
        commands.SubmitGeneration: _submit,
        commands.BeginWithGenerations: _begin,
        commands.ReadStatus: _read_status,
        commands.ReadMedia: _read_media,
        commands.RecordExchange: _record_exchange,
        commands.CutExchange: lambda world, command: world.journal.cut(command.number, command.instant, command.cut),
        commands.AdvanceClock: lambda world, command: world.clock.advance_to(command.at),
        commands.AdvanceIdly: _advance_idly,
        commands.StopClock: lambda world, _: world.clock.stop(),
        commands.TakeTransitions: _take_transitions,
        commands.TakeDelivery: _take_delivery,
        commands.RecordAttempt: _record_attempt,
        commands.ReturnDelivery: lambda world, command: world.outbox.give_back(
            command.number, command.at, command.interrupted
        ),
        commands.KeepState: _keep_state,
        commands.RestoreState: _restore_state,
        commands.ForgetState: lambda world, command: world._states.pop(command.number),  # noqa: SLF001 - of the same class
        commands.TakeTurn: _take_turn,
        commands.EndTurn: _end_turn,
        commands.ForgetProcess: _forget_process,
        commands.RotateSecret: _rotate_secret,
        commands.CopyDelivery: _copy_delivery,
        commands.ChangeWorld: _change,
        commands.CountCall: lambda world, command: world.account.quota.take(world.policy.rate_limit, command.at),
        commands.Debit: lambda world, command: world.account.ledger.debit(
            command.at, command.amount, command.request_id
        ),
        commands.AddAlias: _add_alias,
        commands.SetRules: lambda world, command: world.script.set(command.rules, command.at),
        commands.AddRule: lambda world, command: world.script.add(command.rule, command.at),
        commands.ReplaceRule: lambda world, command: world.script.replace(command.number, command.rule, command.at),
        commands.RemoveRule: lambda world, command: world.script.remove(command.number),
    }
