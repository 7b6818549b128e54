"""Carries out probes, or conversations one by one, against a target within the budget, and gives a trace."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from pixazo_contracts.probes import Conversation, Probe, ReceiverUrl, RunContext, Step, StepResult, media_urls, unusable
from pixazo_contracts.trace import (
    Callback,
    Ceilings,
    Exchange,
    Footer,
    Record,
    Target,
    Trace,
    capable,
    dump_record,
    find_generations,
    receiver_token,
)

from .ledger import Ledger, LedgerError
from .plan import in_order
from .receiver import Receiver, ReceiverAddress
from .recorder import Recorder, make_header, without_secrets
from .redactor import Hiding, Redactor, is_distinctive
from .run_clock import RunClock, StandstillError
from .schedule import Progress, Schedule
from .spend import BudgetExhaustedError, Releases, SpendGuard, SpendStoppedError, remaining
from .transport import HttpTransport, KeyInjector, Network, near_keys

T = TypeVar("T")

#: How many generations of earlier runs are read again.
MOST_EARLIER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is carried out: `max_generations` of limited targets, the `trace_path` to write, `again` for the trace's header."""

    seed: int = 0
    max_generations: int = 0
    ceilings: Ceilings = field(default_factory=Ceilings)
    ledger_path: Path | None = None
    receiver: ReceiverAddress | None = field(default_factory=ReceiverAddress)
    selected: tuple[str, ...] = ()
    trace_path: Path | None = None
    again: tuple[str, ...] = ()
    run: str = field(default_factory=lambda: secrets.token_hex(4))


class _Session:
    """One run: a chain of recorder, spend guard, key injector and network, with a receiver, driven by the schedule."""

    def __init__(
        self, target: Target, options: RunOptions, clock: RunClock | None, network: Network | None, stack: ExitStack
    ) -> None:
        self._profile = profile = capable(target, receiver=options.receiver is not None)
        target = replace(target, profile=profile)
        self._options = options
        self._hiding = Hiding(())
        self.clock = clock = clock or RunClock()
        self._ledger = Ledger(options.ledger_path, options.run)
        granted, budget = self._funds()
        self._file = None
        if options.trace_path is not None:
            options.trace_path.parent.mkdir(parents=True, exist_ok=True)
            self._file = stack.enter_context(options.trace_path.open("wb", buffering=0))
        http = stack.enter_context(closing(HttpTransport(profile, network)))
        keys, address = [key for keys in target.keys.values() for key in keys], options.receiver or ReceiverAddress()
        redactor = Redactor([*keys, near_keys(target).get("near.short", "")], address.secrets, address.contexts)
        wire, releases = KeyInjector(http, target, options.run), Releases(options.run, redactor.text)
        self._guard = guard = SpendGuard(
            granted, self._ledger, options.ceilings, releases, inner=wire, origin=profile.origin
        )
        self.recorder = Recorder(guard, profile.origin, redactor, clock.now, self._record, guard.callback_received)
        self._receiver = None if options.receiver is None else Receiver(options.run, clock, options.receiver)
        self.context = RunContext(
            profile=profile,
            run=options.run,
            prompts=target.prompts,
            limited=profile.limited,
            earlier=self._ledger.finished()[-MOST_EARLIER:],
        )
        self.header = make_header(
            profile,
            seed=options.seed,
            budget=budget,
            selected=options.selected,
            receiver=redactor.text(f"{self._receiver.url}/hook/").removesuffix("/hook/") if self._receiver else None,
            key_searched=all(is_distinctive(key) for key in target.keys.get("default", ())),
            again=tuple(map(redactor.text, options.again)),
        )
        self._write(self.header)

    def _write(self, record: Record) -> None:
        """Append a record to the trace file, if there is one: a killed run leaves its records."""
        if self._file is not None and self._file.write(line := dump_record(record)) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._options.trace_path))

    def _record(self, record: Exchange | Callback) -> None:
        """Append a record to the trace, without what only the probes need, such as the signature of a medium's URL.

        If that fails nothing more is written, nor sent, since its cost would not be recorded.
        """
        try:
            self._write(without_secrets(record, self._hiding))
        except OSError as error:
            self._file = None
            self._guard.stopped = f"the trace cannot be written ({error}): make room and run it again"

    def _funds(self) -> tuple[int | None, int | None]:
        """Generations that were granted and for which the ledger has room; None if generations cost nothing."""
        if not self._profile.limited:
            return None, None
        options = self._options
        granted = remaining(options.max_generations, options.ceilings.run)
        if granted:
            # A ledger that cannot be written is reported before anything is sent.
            self._ledger.prepare()
        return granted, remaining(granted, self._ledger.room(options.ceilings))

    def observe(self, probes: Sequence[Probe], on_progress: Callable[[Progress], None] | None) -> Trace:
        """Carry out the probes that this target allows, phase by phase; none after a hopeless smoke test."""
        profile, reason = self._profile, None
        free = [
            probe for probe in probes if profile.has(probe.needs) and not (profile.limited and probe.only_unlimited)
        ]
        able = in_order(free, profile, self._options.selected)
        # Closed before the footer, which counts what arrived: nothing may arrive after it.
        with closing(self.schedule(len(able), on_progress)) as schedule:
            try:
                for phase in ("smoke", "main", "late"):
                    schedule.run([probe for probe in able if probe.phase == phase])
                    trouble = unusable(self.recorder.exchanges)
                    if trouble is not None and trouble.hopeless:
                        break
                if trouble is None:
                    schedule.linger(self._last_callback_due())
                reason = trouble.reason if trouble else None
            except StandstillError as error:
                reason = str(error)
        states = {probe.name: "skipped" for probe in probes if probe not in able} | schedule.states
        return self._finish(states, reason)

    def schedule(self, probes: int = 0, on_progress: Callable[[Progress], None] | None = None) -> Schedule:
        """A schedule that listens at the receiver, and must be closed."""
        return Schedule(self.recorder, self.context, self.clock, self._receiver, on_progress, probes)

    def _last_callback_due(self) -> float:
        """Until when callbacks count, in seconds of the run: a while after the last request with a webhook ended or was refused."""
        exchanges, receiver = self.recorder.exchanges, self.header.receiver or "no receiver"
        ends = {g.submit.number: g.ends[0].finished for g in find_generations(exchanges, ()) if g.ends}
        given = [
            e for e in exchanges if receiver in "\n".join([str(e.request_body), *dict(e.request_headers).values()])
        ]
        return max((ends.get(e.number, e.finished) + self._profile.settle for e in given), default=0.0)

    def _finish(self, states: dict[str, str], reason: str | None) -> Trace:
        recorder = self.recorder
        footer = Footer(
            exchanges=len(recorder.exchanges),
            callbacks=len(recorder.callbacks),
            seconds=self.clock.now(),
            probes=states,
            unusable=reason,
            spend_stopped=self._spend_stopped(),
            generations_spent=self._guard.spent,
            generations_released=self._guard.released,
        )
        self._write(footer)
        if self._profile.limited:
            with suppress(LedgerError):  # it must not prevent the report
                for generation in find_generations(recorder.exchanges, ()):
                    if generation.outcome == "COMPLETED" and generation.submit.account == "default":
                        urls = media_urls(generation.ends[0])
                        self._ledger.finish(generation.request_id, urls[0] if urls else None)
        exchanges = tuple(without_secrets(each, self._hiding) for each in recorder.exchanges)
        callbacks = tuple(without_secrets(each, self._hiding) for each in recorder.callbacks)
        return Trace(self.header, exchanges, callbacks, footer)

    def _spend_stopped(self) -> str | None:
        """Why the spend guard ended the run or kept requests from being sent; None if the budget was used as meant."""
        guard, most, run = self._guard, self._options.max_generations, self._options.ceilings.run
        if guard.stopped is not None or not guard.refused:
            return guard.stopped
        # The account `broken` exists to get a 500, which counts as spent.
        spent = [e for e in self.recorder.exchanges if e.intent == "refuse" and e.spent]
        accidents = [exchange for exchange in spent if exchange.account != "broken" or exchange.succeeded]
        if accidents:
            said = f"{len(accidents)} request(s) that should have been refused spent the budget"
            return f"{said}: see exchange {accidents[0].number}"
        if guard.ceiling is None and run is not None and run < most:
            return f"the ceiling run = {run} is reached"
        return guard.ceiling


class ConversationError(RuntimeError):
    """A conversation that could not be carried to its end because of a bug in it."""


class Dialogue:
    """Carries out conversations one after the other; `steps` are those since the last mark, with their results."""

    def __init__(self, session: _Session, schedule: Schedule) -> None:
        self._session, self._schedule = session, schedule
        self.context = session.context
        self.steps: list[tuple[Step, StepResult]] = []
        self._opened_before: set[str] = set()
        self._exchanges_before = self._callbacks_before = 0

    def mark(self) -> None:
        """Begin anew: `steps` and `trace` show what comes from now on."""
        recorder = self._session.recorder
        self._opened_before |= {receiver_token(str(url)) for step, url in self.steps if isinstance(step, ReceiverUrl)}
        self.steps = []
        self._exchanges_before, self._callbacks_before = len(recorder.exchanges), len(recorder.callbacks)

    def run(self, conversation: Conversation[T], name: str) -> T:
        """Carry a conversation to its end and return what it returns; its own failure is a `ConversationError`.

        Raises `BudgetExhaustedError` for a request whose generation was not granted, `SpendStoppedError` once the run was ended.
        """
        results: list[T] = []

        def noted(_: RunContext) -> Conversation[None]:
            try:
                step = next(conversation)
                while True:
                    outcome = yield step
                    self.steps.append((step, outcome))
                    step = conversation.send(outcome)
            except StopIteration as stop:
                results.append(stop.value)

        self._schedule.run((Probe(name=name, feeds=(), conversation=noted),))
        if results:
            return results[0]
        state = self._schedule.states[name]
        if self._schedule.stopped is not None:
            raise SpendStoppedError(self._schedule.stopped)
        if state == "unfunded":
            raise BudgetExhaustedError(f"{name}: no generation is left to reserve: raise the budget")
        raise ConversationError(f"{name}: {state}")

    def trace(self, *, ended: bool = False) -> Trace:
        """What was observed since the mark; with a footer only if it has `ended`, so that what did not arrive counts as missing."""
        session, earlier = self._session, self._opened_before
        exchanges = tuple(session.recorder.exchanges[self._exchanges_before :])
        # All except late ones, to a URL that was opened before the mark.
        recent = session.recorder.callbacks[self._callbacks_before :]
        callbacks = tuple(callback for callback in recent if receiver_token(callback.target) not in earlier)
        footer = Footer(exchanges=len(exchanges), callbacks=len(callbacks), seconds=session.clock.now())
        return Trace(session.header, exchanges, callbacks, footer if ended else None)


def run(
    target: Target,
    probes: Sequence[Probe],
    options: RunOptions,
    *,
    clock: RunClock | None = None,
    network: Network | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trace:
    """Carry out the probes and return what was observed; `network` replaces the network (an app of this process), `clock` real time.

    Whatever happens, the receiver and all connections are closed; the trace file has a footer only if this function returns.
    Raises OSError if the receiver cannot listen or the trace cannot be written, `LedgerError` if the ledger cannot be used; an
    exception after the first request has a note that names the trace.
    """
    with ExitStack() as stack:
        session = _Session(target, options, clock, network, stack)
        try:
            return session.observe(probes, on_progress)
        except BaseException as error:
            remedy = f"what was recorded is judged by: pixazo-contracts judge {options.trace_path}"
            error.add_note(remedy if options.trace_path else "nothing was kept without --out")
            raise


@contextmanager
def open_dialogue(
    target: Target, options: RunOptions, *, clock: RunClock | None = None, network: Network | None = None
) -> Generator[Dialogue]:
    """A dialogue through the same layers as a run; `clock` and `network` as for `run`. Everything is closed afterwards."""
    with ExitStack() as stack:
        session = _Session(target, options, clock, network, stack)
        yield Dialogue(session, stack.enter_context(closing(session.schedule())))
