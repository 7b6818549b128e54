"""Carries out probes, or conversations one by one, against a target within the budget, and gives a trace."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pixazo_contracts.clauses import CLAUSE_SET
from pixazo_contracts.probes import Probe, RunContext, Send, Unusable, media_urls, unusable
from pixazo_contracts.trace import (
    Callback,
    Ceilings,
    Exchange,
    Footer,
    Header,
    Profile,
    Redactor,
    Target,
    Trace,
    capable,
    dump_record,
    is_distinctive,
)

from .credential import KeyInjector
from .dialogue import Dialogue
from .ledger import Ledger, LedgerError
from .plan import in_order
from .receiver import Receiver, ReceiverAddress
from .recorder import Recorder
from .run_clock import RunClock
from .schedule import Pacing, Progress, Schedule
from .spend import Releases, SpendGuard, remaining
from .transport import HttpTransport, Network

#: Requests at once and the least gap between requests, in seconds, where the target is on this machine and where it is not.
LOCAL_WORKERS: Final = 16
REMOTE_WORKERS: Final = 4
REMOTE_GAP: Final = 0.2

#: Generations of earlier runs that are read again.
MOST_EARLIER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is carried out. `max_generations` counts only for limited targets; `trace_path` is written as it goes."""

    seed: int = 0
    max_generations: int = 0
    ceilings: Ceilings = field(default_factory=Ceilings)
    ledger_path: Path | None = None
    receiver: ReceiverAddress | None = field(default_factory=ReceiverAddress)
    selected: tuple[str, ...] = ()
    trace_path: Path | None = None
    run: str = field(default_factory=lambda: secrets.token_hex(4))


def _trace_writer(path: Path | None, closing: ExitStack) -> Callable[[Header | Exchange | Callback | Footer], None]:
    """What appends a record to the trace file, so that a run that dies leaves what it saw; without a path, nothing."""
    if path is None:
        return lambda _: None
    path.parent.mkdir(parents=True, exist_ok=True)
    file = closing.enter_context(path.open("wb"))

    def write(record: Header | Exchange | Callback | Footer) -> None:
        file.write(dump_record(record))
        file.flush()

    return write


class _Session:
    """One run: the chain of layers from the recorder down to the network, the receiver beside it, the schedule above."""

    def __init__(
        self, target: Target, options: RunOptions, clock: RunClock, network: Network | None, closing: ExitStack
    ) -> None:
        self._profile = profile = capable(target, receiver=options.receiver is not None)
        self._target = target = Target(profile, target.keys, target.prompts)
        self._options, self._clock, self._closing = options, clock, closing
        self._ledger = Ledger(options.ledger_path, options.run)
        granted, budget = self._funds()
        self._write = _trace_writer(options.trace_path, closing)
        wire = HttpTransport(profile, network)
        closing.callback(wire.close)
        redactor = Redactor(key for keys in target.keys.values() for key in keys)
        self._guard = SpendGuard(
            KeyInjector(wire, target, options.run),
            profile.origin,
            granted,
            self._ledger,
            options.ceilings,
            Releases(options.run, redactor.text),
        )
        self._recorder = Recorder(
            self._guard, profile.origin, redactor, clock.now, self._write, self._guard.callback_received
        )
        self._receiver = None if options.receiver is None else Receiver(options.run, clock, options.receiver)
        self._header = Header(
            suite=version("pixazo-testkit"),
            clause_set=CLAUSE_SET,
            profile_hash=profile.hash,
            profile=profile,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            seed=options.seed,
            budget=budget,
            selected=options.selected,
            receiver=self._receiver.url if self._receiver else None,
            key_searched=all(is_distinctive(key) for key in target.keys.get("default", ())),
        )
        self._write(self._header)

    def _funds(self) -> tuple[int | None, int | None]:
        """Generations that were granted, and those for which the ledger has room as well; None if generations cost nothing."""
        if not self._profile.limited:
            return None, None
        options = self._options
        granted = remaining(options.max_generations, options.ceilings.run)
        if granted:
            # A ledger that cannot be written is reported before anything is sent.
            self._ledger.prepare()
        return granted, remaining(granted, self._ledger.room(options.ceilings))

    def observe(self, probes: Sequence[Probe], on_progress: Callable[[Progress], None] | None) -> Trace:
        """Carry out the probes that this target allows, and return the trace."""
        profile = self._profile
        able = [
            probe
            for probe in in_order(probes, profile, self._options.selected)
            if profile.has(probe.needs) and not (profile.limited and probe.only_unlimited)
        ]
        schedule = self._schedule(len(able), on_progress)
        try:
            trouble = self._carry_out(schedule, able)
        finally:
            # Before the footer: it counts what arrived, and nothing may arrive after it.
            schedule.close()
        states = {probe.name: "skipped" for probe in probes if probe not in able} | schedule.states
        return self._finish(states, trouble.reason if trouble else None)

    def dialogue(self) -> Dialogue:
        """Carry out conversations one by one, as the caller goes along, instead of probes."""
        schedule = self._schedule(0, None)
        self._closing.callback(schedule.close)
        return Dialogue(schedule, self._recorder, self._context(), self._header, self._clock)

    def _context(self) -> RunContext:
        return RunContext(
            profile=self._profile,
            run=self._options.run,
            prompts=self._target.prompts,
            limited=self._profile.limited,
            earlier=self._ledger.finished()[-MOST_EARLIER:],
        )

    def _schedule(self, probes: int, on_progress: Callable[[Progress], None] | None) -> Schedule:
        local = self._profile.loopback
        return Schedule(
            self._recorder,
            self._context(),
            self._clock,
            Pacing(0.0 if local else REMOTE_GAP),
            receiver=self._receiver,
            workers=LOCAL_WORKERS if local else REMOTE_WORKERS,
            on_progress=on_progress,
            probes=probes,
        )

    def _carry_out(self, schedule: Schedule, probes: Sequence[Probe]) -> Unusable | None:
        """Phase by phase; a target that does not respond or refuses the key gets nothing after the smoke test."""
        schedule.run([probe for probe in probes if probe.phase == "smoke"])
        trouble = unusable(self._recorder.exchanges)
        if trouble is None or not trouble.hopeless:
            for phase in ("main", "late"):
                schedule.run([probe for probe in probes if probe.phase == phase])
        return trouble

    def _finish(self, states: dict[str, str], reason: str | None) -> Trace:
        recorder = self._recorder
        footer = Footer(
            exchanges=len(recorder.exchanges),
            callbacks=len(recorder.callbacks),
            seconds=self._clock.now(),
            probes=states,
            unusable=reason,
            spend_stopped=self._spend_stopped(),
            generations_spent=self._guard.spent,
            generations_released=self._guard.released,
        )
        trace = Trace(self._header, tuple(recorder.exchanges), tuple(recorder.callbacks), footer)
        self._write(footer)
        if self._profile.limited:
            self._note_finished(trace)
        return trace

    def _spend_stopped(self) -> str | None:
        """Why the spend guard ended the run or kept requests from being sent; None if the budget was used as meant."""
        guard, most, run = self._guard, self._options.max_generations, self._options.ceilings.run
        if guard.stopped is not None or not guard.refused:
            return guard.stopped
        accidents = [e for e in self._recorder.exchanges if e.intent == "refuse" and e.spent]
        if accidents:
            where = f"see exchange {accidents[0].number}"
            return f"{len(accidents)} request(s) that should have been refused spent the budget: {where}"
        if guard.ceiling is None and run is not None and run < most:
            return f"the ceiling run = {run} is reached"
        return guard.ceiling

    def _note_finished(self, trace: Trace) -> None:
        """Note what finished, so that later runs can see how long it stays; a ledger that fails must not cost the report."""
        with suppress(LedgerError):
            for generation in trace.generations:
                if generation.outcome == "COMPLETED" and generation.submit.account == "default":
                    urls = media_urls(generation.ends[0])
                    self._ledger.finish(generation.request_id, urls[0] if urls else None)


def run(
    target: Target,
    probes: Sequence[Probe],
    options: RunOptions,
    *,
    clock: RunClock | None = None,
    network: Network | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trace:
    """Carry out the probes and return what was observed.

    `network` replaces the network (by an app in this process), `clock` real time. Whatever happens, the receiver and all
    connections are closed; the trace file has a footer only if this function returns. Raises OSError if the receiver
    cannot listen or the trace cannot be written, `LedgerError` if the ledger cannot be used.
    """
    with ExitStack() as closing:
        return _Session(target, options, clock or RunClock(), network, closing).observe(probes, on_progress)


@contextmanager
def open_dialogue(
    target: Target, options: RunOptions, *, clock: RunClock | None = None, network: Network | None = None
) -> Generator[Dialogue]:
    """A dialogue through the same layers as a run: recorder, spend guard, key injector, network, and the receiver beside them.

    `clock` and `network` as for `run`; afterwards the receiver and all connections are closed.
    """
    with ExitStack() as closing:
        yield _Session(target, options, clock or RunClock(), network, closing).dialogue()


def fetch(profile: Profile, path: str, *, network: Network | None = None) -> bytes | None:
    """GET a path at the target without any key, outside the trace: the body of a 200, else None."""
    wire = HttpTransport(profile, network)
    try:
        url = profile.origin.rstrip("/") + path
        reply = wire.send(Send(operation="other", url=url, case="discovery", account=""))
        return reply.body if reply.status == 200 else None
    finally:
        wire.close()
