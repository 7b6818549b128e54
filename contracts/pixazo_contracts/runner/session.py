"""Carries out probes against a target and gives a trace: the only file that knows the HTTP library."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import httpx2

from pixazo_contracts.clauses import CLAUSE_SET
from pixazo_contracts.probes import Probe, Send, Setting, Unusable, media_urls, unusable
from pixazo_contracts.trace import (
    Ceilings,
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

from .clock import RealClock, RunClock
from .dialogue import Dialogue
from .layers.credential import KeyInjector
from .layers.ledger import Ledger, LedgerError
from .layers.pacing import Pacing
from .layers.recorder import Recorder
from .layers.spend import SpendGuard, remaining
from .layers.transport import Reply
from .plan import in_order
from .receiver import Receiver
from .schedule import Progress, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from pixazo_contracts.trace import Callback, Exchange


#: The longest answer that is read, in bytes: of a download, and of anything else.
MOST_MEDIA: Final = 64 * 1024 * 1024
MOST_ANSWER: Final = 8 * 1024 * 1024

#: Requests at once and the least gap between requests, in seconds, where the target is on this machine and where it is not.
LOCAL_WORKERS: Final = 16
REMOTE_WORKERS: Final = 4
REMOTE_GAP: Final = 0.2

#: A time-out, in seconds, is the profile's deadline within these bounds. It holds for each step, down to each byte; a whole
#: request may take this many times as long, and a download this many times.
SHORTEST_TIMEOUT: Final = 10.0
LONGEST_TIMEOUT: Final = 120.0
PATIENCE: Final = 2
MEDIA_PATIENCE: Final = 10

#: Generations of earlier runs that are read again.
MOST_EARLIER: Final = 10

#: Idle connections are dropped before servers drop them: many do after five seconds.
KEEPALIVE: Final = 2.0


class HttpTransport:
    """The wire: one pool of connections, no redirects, no cookies of ours, bounded answers."""

    def __init__(self, profile: Profile, transport: httpx2.BaseTransport | None = None) -> None:
        self._timeout = timeout = min(max(profile.deadline, SHORTEST_TIMEOUT), LONGEST_TIMEOUT)
        self._client = httpx2.Client(
            timeout=timeout,
            follow_redirects=False,
            trust_env=not profile.loopback,
            transport=transport,
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=KEEPALIVE),
            headers={"User-Agent": f"pixazo-contracts/{version('pixazo-testkit')}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(self, request: Send) -> Reply:
        """Send one request and read its answer, up to a bound; one that drips for ever is left to a thread of its own."""
        answer: Future[Reply] = Future()
        threading.Thread(target=self._answer, args=(request, answer), name="wire", daemon=True).start()
        try:
            return answer.result(self._timeout * (MEDIA_PATIENCE if request.operation == "media" else PATIENCE))
        except TimeoutError:
            return Reply(status=None, error="timeout")

    def _answer(self, request: Send, answer: Future[Reply]) -> None:
        try:
            answer.set_result(self._carry(request))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answer.set_exception(error)

    def _carry(self, request: Send) -> Reply:
        try:
            return self._exchange(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return Reply(status=None, error="connect")
        except httpx2.TimeoutException:
            return Reply(status=None, error="timeout")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return Reply(status=None, error="lost")

    def _exchange(self, request: Send) -> Reply:
        most = MOST_MEDIA if request.operation == "media" else MOST_ANSWER
        with self._client.stream(
            request.method, request.url, headers=list(request.headers), content=request.body
        ) as response:
            self._client.cookies.clear()
            body, whole = bytearray(), _says_its_end(response)
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > most:
                    whole = False
                    break
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
            return Reply(status=response.status_code, headers=headers, body=bytes(body), whole=whole)


def _says_its_end(response: httpx2.Response) -> bool:
    """Whether an answer says how long it is: one that ends with its connection may have been cut anywhere."""
    return not {"content-length", "transfer-encoding"}.isdisjoint(response.headers) or response.http_version == "HTTP/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverAddress:
    """Where the receiver listens, and how the gateway reaches it where that is not the same."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None


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


class _TraceFile:
    """The trace on disk, a line as soon as there is one; without a path, nowhere."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._file = None if path is None else path.open("wb")

    def write(self, record: Header | Exchange | Callback | Footer) -> None:
        """Append a record and have it out of our hands."""
        if self._file is not None:
            self._file.write(dump_record(record))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _skipped(probe: Probe, profile: Profile) -> bool:
    return not profile.has(probe.needs) or (profile.limited and probe.only_unlimited)


def _header(profile: Profile, target: Target, options: RunOptions, budget: int | None, hook: str | None) -> Header:
    return Header(
        suite=version("pixazo-testkit"),
        clause_set=CLAUSE_SET,
        profile_hash=profile.hash,
        profile=profile,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seed=options.seed,
        budget=budget,
        selected=options.selected,
        receiver=hook,
        key_searched=all(is_distinctive(key) for key in target.keys.get("default", ())),
    )


def _receiver(options: RunOptions, clock: RunClock) -> Receiver | None:
    address = options.receiver
    if address is None:
        return None
    return Receiver(options.run, clock, host=address.host, port=address.port, public_url=address.public_url)


def _stopped(guard: SpendGuard, exchanges: Sequence[Exchange]) -> str | None:
    """Why the spend guard ended the run or kept requests from being sent, beyond a budget that was used as meant."""
    if guard.stopped is not None or not guard.refused:
        return guard.stopped
    accidents = [exchange for exchange in exchanges if exchange.intent == "refuse" and exchange.spent]
    if accidents:
        return f"{len(accidents)} request(s) that should have been refused spent the budget: see exchange {accidents[0].number}"
    return guard.ceiling


def _remember(ledger: Ledger, trace: Trace) -> None:
    """Note what finished, so that later runs can see how long it stays; a ledger that failed must not cost us the report."""
    with suppress(LedgerError):
        for generation in trace.generations:
            if generation.outcome == "COMPLETED" and generation.submit.account == "default":
                urls = media_urls(generation.ends[0])
                ledger.finish(generation.request_id, urls[0] if urls else None)


class _Session:
    """One run: the chain of layers from the recorder down to the wire, the receiver beside it, the schedule above."""

    def __init__(
        self,
        target: Target,
        options: RunOptions,
        clock: RunClock,
        transport: httpx2.BaseTransport | None,
        closing: ExitStack,
    ) -> None:
        self._profile = profile = capable(target, receiver=options.receiver is not None)
        self._target = target = Target(profile, target.keys, target.prompts)
        self._options, self._clock, self._closing = options, clock, closing
        self._ledger = Ledger(options.ledger_path, options.run)
        self._granted, self._budget = self._funds()
        self._file = _TraceFile(options.trace_path)
        closing.callback(self._file.close)
        wire = HttpTransport(profile, transport)
        closing.callback(wire.close)
        redactor = Redactor(key for keys in target.keys.values() for key in keys)
        self._guard = SpendGuard(
            KeyInjector(wire, target, options.run),
            profile.origin,
            self._granted,
            self._ledger,
            options.ceilings,
            run=options.run,
            strike=redactor.text,
        )
        self._recorder = Recorder(
            self._guard, profile.origin, redactor, clock.now, self._file.write, self._guard.called
        )
        self._receiver = _receiver(options, clock)
        hook = self._receiver.url if self._receiver else None
        self._header = _header(profile, target, options, self._budget, hook)
        self._file.write(self._header)

    def _funds(self) -> tuple[int | None, int | None]:
        """Generations that were granted, and those for which the ledger has room as well; None where they cost nothing."""
        if not self._profile.limited:
            return None, None
        options = self._options
        granted = remaining(options.max_generations, options.ceilings.run)
        if granted:
            self._ledger.prepare()
        return granted, remaining(granted, self._ledger.room(options.ceilings))

    def observe(self, probes: Sequence[Probe], on_progress: Callable[[Progress], None] | None) -> Trace:
        """Carry out the probes that this target allows, and return the trace."""
        able = [
            probe
            for probe in in_order(probes, self._profile, self._options.selected)
            if not _skipped(probe, self._profile)
        ]
        schedule = self._schedule(len(able), on_progress)
        try:
            trouble = _carry_out(schedule, self._recorder, able)
        finally:
            # Before the footer: it counts what arrived, and nothing may arrive after it.
            schedule.close()
        states = {probe.name: "skipped" for probe in probes if probe not in able} | schedule.states
        return self._finish(states, trouble.reason if trouble else None)

    def converse(self) -> Dialogue:
        """Hold talks one by one, as the caller goes along, instead of carrying out probes."""
        schedule = self._schedule(0, None)
        self._closing.callback(schedule.close)
        return Dialogue(schedule, self._recorder, self._setting(), self._header, self._clock)

    def _setting(self) -> Setting:
        return Setting(
            profile=self._profile,
            run=self._options.run,
            prompts=self._target.prompts,
            accounts={role: len(keys) for role, keys in self._target.keys.items()},
            limited=self._profile.limited,
            earlier=self._ledger.finished()[-MOST_EARLIER:],
        )

    def _schedule(self, probes: int, on_progress: Callable[[Progress], None] | None) -> Schedule:
        local = self._profile.loopback
        return Schedule(
            self._recorder,
            self._setting(),
            self._clock,
            Pacing(0.0 if local else REMOTE_GAP),
            receiver=self._receiver,
            workers=LOCAL_WORKERS if local else REMOTE_WORKERS,
            on_progress=on_progress,
            probes=probes,
        )

    def _finish(self, states: dict[str, str], reason: str | None) -> Trace:
        recorder = self._recorder
        run = self._options.ceilings.run
        cut = f"the ceiling run = {run} is reached" if run is not None and run < self._options.max_generations else None
        footer = Footer(
            exchanges=len(recorder.exchanges),
            callbacks=len(recorder.callbacks),
            seconds=self._clock.now(),
            probes=states,
            unusable=reason,
            spend_stopped=_stopped(self._guard, recorder.exchanges) or (cut if self._guard.refused else None),
            generations_spent=self._guard.spent,
            generations_released=self._guard.released,
        )
        trace = Trace(self._header, tuple(recorder.exchanges), tuple(recorder.callbacks), footer)
        self._file.write(footer)
        if self._profile.limited:
            _remember(self._ledger, trace)
        return trace


def _carry_out(schedule: Schedule, recorder: Recorder, probes: Sequence[Probe]) -> Unusable | None:
    """Phase by phase; a target that does not answer or refuses the key is left alone after the smoke test."""
    schedule.run([probe for probe in probes if probe.phase == "smoke"])
    trouble = unusable(recorder.exchanges)
    if trouble is None or not trouble.hopeless:
        for phase in ("main", "late"):
            schedule.run([probe for probe in probes if probe.phase == phase])
    return trouble


def run(
    target: Target,
    probes: Sequence[Probe],
    options: RunOptions,
    *,
    clock: RunClock | None = None,
    transport: httpx2.BaseTransport | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trace:
    """Carry out the probes and return what was observed.

    `transport` replaces the wire (an app in this process), `clock` real time. Whatever happens, the receiver and all
    connections are closed; the trace file has a footer only if this function returns. Raises OSError if the receiver
    cannot listen or the trace cannot be written.
    """
    with ExitStack() as closing:
        session = _Session(target, options, clock or RealClock(), transport, closing)
        return session.observe(probes, on_progress)


@contextmanager
def converse(
    target: Target,
    options: RunOptions,
    *,
    clock: RunClock | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> Generator[Dialogue]:
    """A dialogue over the same chain as a run: recorder, spend guard, key injector, wire, and the receiver beside it.

    `clock` and `transport` as for `run`; afterwards the receiver and all connections are closed.
    """
    with ExitStack() as closing:
        yield _Session(target, options, clock or RealClock(), transport, closing).converse()


def fetch(profile: Profile, path: str, *, transport: httpx2.BaseTransport | None = None) -> bytes | None:
    """GET a path at the target without any key, beside the trace: the body of a 200, else None."""
    wire = HttpTransport(profile, transport)
    try:
        url = profile.origin.rstrip("/") + path
        reply = wire.send(Send(operation="other", url=url, case="invitation", account=""))
        return reply.body if reply.status == 200 else None
    finally:
        wire.close()
