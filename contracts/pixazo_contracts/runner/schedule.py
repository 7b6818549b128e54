"""Carries out many conversations at once: one thread schedules the steps, a pool of threads sends."""

from __future__ import annotations

import sched
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from queue import PriorityQueue, Queue
from typing import Final

from pixazo_contracts.probes import (
    AwaitCallbacks,
    Conversation,
    Pause,
    Probe,
    Recall,
    ReceiverUrl,
    RunContext,
    Send,
    Step,
    StepResult,
    Together,
    read,
    unknown_id,
)
from pixazo_contracts.trace import THROTTLED, UNWELL, Callback, Exchange, receiver_token, split_url, whole_number

from .receiver import Receiver
from .recorder import Recorder
from .run_clock import RunClock, StandstillError
from .spend import BudgetExhaustedError, SpendStoppedError

#: Simultaneous requests to a target on this machine: enough that a few slow responses do not delay other conversations.
LOCAL_WORKERS: Final = 16

#: Elsewhere fewer, and never closer together than this gap in seconds: the page mentions a rate limit without a number, so a
#: run must not look like an attack. A request that is still too fast gets a 429, which delays all requests.
REMOTE_WORKERS: Final = 4
REMOTE_GAP: Final = 0.2

#: The least wait after a 429, in seconds.
SHORTEST_HOLD: Final = 1.0

#: A 429 may mean: until a generation has ended. Each futile wait is twice as long as the one before; a request that still gets
#: one after this many, or once they add up to a deadline, is not refused for its pace.
MOST_VAIN_WAITS: Final = 6

#: Where generations cost money, an operation whose first few valid submits (this many) all failed gets no more that may cost any.
MOST_IN_VAIN: Final = 3

#: After this many 429s, a read whose 429 states no wait is not retried: such a target throttles at any pace, and each wait may
#: take a whole deadline. Submits, and what gets a stated wait, are retried as long as waits help, for this many deadlines in all.
MOST_HOLDS: Final = 20
MOST_DEADLINES: Final = 10

#: A target hangs if so many requests in a row timed out, this many for each worker, and then a read like that of the smoke test.
MOST_SILENT: Final = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run."""

    probes_done: int
    probes: int
    exchanges: int
    seconds: float


@dataclass(eq=False, slots=True)
class _Running:
    """A conversation under way: what it has sent, whether as a single request, and the exchanges so far.

    `tripped`: a request that should have been refused was counted as a generation. `urgent`: what it follows passes soon.
    """

    probe: Probe
    conversation: Conversation[None]
    sends: tuple[Send, ...] = ()
    single: bool = False
    received: dict[int, Exchange] = field(default_factory=dict[int, Exchange])
    tripped: bool = False
    urgent: bool = False
    over: bool = False


def _sends(step: Step) -> tuple[Send, ...]:
    return (step,) if isinstance(step, Send) else step.sends if isinstance(step, Together) else ()


class _Pace:
    """Says when the next request may be sent: a gap after the one before, and not before the wait of a 429 is over."""

    def __init__(self, gap: float, deadline: float) -> None:
        self._gap, self._most_wait = gap, deadline
        self._next_slot = self._held_until = self._counted_until = 0.0
        self._holds = 0
        self._left = MOST_DEADLINES * deadline
        self.served, self._in_vain, self._vain_seconds = True, 0, 0.0

    def slot(self, now: float) -> float:
        """Take the next instant, in seconds of the run's clock, at which a request may be sent."""
        at = max(now, self._next_slot, self._held_until)
        self._next_slot = at + self._gap
        return at

    def hold(self, now: float, wait: float, *, is_promised: bool) -> bool:
        """Delay all requests for `wait` seconds, doubled by each futile wait; returns whether this request is sent again.

        `is_promised`: the request is served once some wait is over. `served` is set when a submit was not throttled.
        """
        self._holds += 1
        # Of several simultaneous 429s only the first counts as a wait: each of the others ends a little later.
        first = now >= self._counted_until
        if first:
            self._in_vain = 0 if self.served else self._in_vain + 1
            self._vain_seconds = 0.0 if self.served else self._vain_seconds
            self.served = False
        until = now + min(wait * 2.0**self._in_vain, self._most_wait)
        if first:
            self._left -= until - now
            self._vain_seconds += until - now
            self._counted_until = until
        is_vain = self._in_vain >= MOST_VAIN_WAITS or self._vain_seconds > self._most_wait
        again = not is_vain and self._left > 0 and (is_promised or self._holds <= MOST_HOLDS)
        # Once no wait helps, each of the other requests still gets its 429: none of them waits for that.
        if again:
            self._held_until = max(self._held_until, until)
        return again


class Schedule:
    """Runs probes to their ends; `states` says by probe how it ended, `stopped` why the spend guard ended the run."""

    def __init__(
        self,
        recorder: Recorder,
        context: RunContext,
        clock: RunClock,
        receiver: Receiver | None,
        on_progress: Callable[[Progress], None] | None,
        probes: int,
    ) -> None:
        self._recorder, self._context, self._clock, self._receiver = recorder, context, clock, receiver
        self._on_progress, self._total = on_progress, probes
        local = context.profile.loopback
        self._pace = _Pace(0.0 if local else REMOTE_GAP, context.profile.deadline)
        workers = LOCAL_WORKERS if local else REMOTE_WORKERS
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="probe")
        self._silent, self._most_silent = 0, MOST_SILENT * workers
        self._due: PriorityQueue[tuple[bool, int, _Running, int]] = PriorityQueue()
        self._numbers = count()
        self._inbox: Queue[tuple[_Running, int, Exchange | BaseException] | Callback] = Queue()
        self._ready: deque[tuple[_Running, StepResult]] = deque()
        self._timers = sched.scheduler(clock.now)
        self._live = 0
        self._under_way = 0
        self._waiting: dict[_Running, tuple[AwaitCallbacks, sched.Event]] = {}
        self.stopped: str | None = None
        self.states: dict[str, str] = {}
        if receiver is not None:
            receiver.start(recorder, self._inbox.put)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._receiver is not None:
            self._receiver.close()

    def run(self, probes: Sequence[Probe]) -> None:
        """Carry conversations to their ends, one by one where each may cost money, unless the spend guard ends the run."""
        for probe in probes:
            if self.stopped is not None:
                self.states[probe.name] = "unfunded"
                continue
            self._live += 1
            self._ready.append((_Running(probe, probe.conversation(self._context)), None))
            if self._context.limited:
                self._drain()
        self._drain()

    def linger(self, until: float) -> None:
        """Wait until that instant, in seconds of the run, for callbacks that no conversation awaits any more."""
        while (left := until - self._clock.now()) > 0:
            self._clock.receive(self._inbox, left, busy=False)

    def _drain(self) -> None:
        while self._live:
            while self._ready:
                self._resume(*self._ready.popleft())
            if self._live:
                seconds = self._timers.run(blocking=False)
                if not self._ready:
                    self._wait(seconds)

    def _resume(self, running: _Running, result: StepResult) -> None:
        if running.over:
            return
        try:
            step = running.conversation.send(result)
        except StopIteration:
            self._end(running, "done")
        except Exception as error:  # noqa: BLE001 - a bug in one probe must not end the run
            self._end(running, f"error: {error!r}")
        else:
            if running.tripped and any(send.method not in {"GET", "HEAD"} for send in _sends(step)):
                # The gateway charged for a request that it should have refused. The probe may still read, but sends nothing more that could cost money.
                self._end(running, "done")
            elif self._context.limited and any(self._is_in_vain(send) for send in _sends(step)):
                self._end(running, "stopped")
            else:
                self._begin(running, step)

    def _is_in_vain(self, send: Send) -> bool:
        """Whether a request would only waste money: the first valid submits to its operation were all paid for and not accepted."""
        if send.intent == "refuse":
            return False
        valid = [e for e in self._recorder.exchanges if e.is_submit and e.intent == "accept" and e.account == "default"]
        tried = [exchange for exchange in valid if exchange.operation == send.operation]
        return len(tried) >= MOST_IN_VAIN and not any(exchange.succeeded for exchange in tried)

    def _end(self, running: _Running, state: str) -> None:
        running.over = True
        running.conversation.close()
        self._live -= 1
        self.states[running.probe.name] = state
        if self._on_progress is not None:
            done, exchanges = len(self.states), len(self._recorder.exchanges)
            self._on_progress(Progress(done, self._total, exchanges, self._clock.now()))

    def _begin(self, running: _Running, step: Step) -> None:
        match step:
            case Send() | Together():
                running.sends, running.single = _sends(step), isinstance(step, Send)
                running.received.clear()
                for index in range(len(running.sends)):
                    self._launch(running, index)
                if not running.sends:
                    self._ready.append((running, ()))
            case Pause():
                self._timers.enter(step.seconds, 0, self._ready.append, ((running, None),))
            case ReceiverUrl():
                if self._receiver is None:
                    self._end(running, "skipped")
                else:
                    self._ready.append((running, self._receiver.open(step)))
            case AwaitCallbacks():
                self._waiting[running] = step, self._timers.enter(step.seconds, 0, self._end_wait, (running,))
                self._end_wait_if_complete(running)
            case Recall():
                self._ready.append((running, tuple(self._recorder.exchanges)))

    def _launch(self, running: _Running, index: int) -> None:
        at = self._pace.slot(self._clock.now())
        self._timers.enterabs(at, 0, self._dispatch, (running, index))

    def _dispatch(self, running: _Running, index: int) -> None:
        """Have a thread of the pool send what is most urgent then: the states of an accepted request and a throttle pass."""
        if not running.over:
            self._under_way += 1
            self._due.put((not running.urgent, next(self._numbers), running, index))
            self._pool.submit(self._send_next)

    def _send_next(self) -> None:
        *_, running, index = self._due.get()
        try:
            outcome: Exchange | BaseException = self._recorder.send(running.sends[index], running.probe.name)
        except BaseException as error:  # noqa: BLE001 - the thread that schedules decides about it
            outcome = error
        self._inbox.put((running, index, outcome))

    def _arrived(self, step: AwaitCallbacks) -> tuple[Callback, ...]:
        """The callbacks that reached the URL of a step, whatever their query."""
        token, called = f"/{receiver_token(step.url)}", self._recorder.callbacks
        at_path = (callback for callback in called if not callback.target.startswith("/redirected/"))
        return tuple(callback for callback in at_path if split_url(callback.target).path.endswith(token))

    def _end_wait_if_complete(self, running: _Running) -> None:
        step, timer = self._waiting[running]
        if len(self._arrived(step)) >= step.count:
            # A remaining timer would keep the run waiting, or end the next wait of the same conversation.
            self._timers.cancel(timer)
            self._end_wait(running)

    def _end_wait(self, running: _Running) -> None:
        step, _ = self._waiting.pop(running)
        self._ready.append((running, self._arrived(step)))

    def _wait(self, seconds: float | None) -> None:
        """Wait for the next event, until a timer is due (None: there is none)."""
        match self._clock.receive(self._inbox, seconds, busy=self._under_way > 0):
            case Callback():
                for running in list(self._waiting):
                    self._end_wait_if_complete(running)
            case None:
                pass
            case running, index, outcome:
                self._under_way -= 1
                self._settle(running, index, outcome)

    def _settle(self, running: _Running, index: int, result: Exchange | BaseException) -> None:
        if isinstance(result, Exchange):
            self._clock.watch(result)
            self._silent = self._silent + 1 if result.error == "timeout" else 0
            if self._silent == self._most_silent:
                self._check_that_it_responds()
        if running.over:
            return
        if isinstance(result, BudgetExhaustedError):
            self.stopped = str(result) if isinstance(result, SpendStoppedError) else self.stopped
            self._end(running, "unfunded")
        elif isinstance(result, BaseException):
            self._end(running, f"error: {result!r}")
        elif not self._retried(running, index, result):
            running.received[index] = result
            # Another probe may have sent what this one follows.
            follows = result.accepted_id is not None or result.state is not None or result.account in THROTTLED
            running.urgent = running.urgent or follows
            running.tripped = running.tripped or (result.spent and result.intent == "refuse")
            if len(running.received) == len(running.sends):
                exchanges = tuple(running.received[index] for index in range(len(running.sends)))
                self._ready.append((running, exchanges[0] if running.single else exchanges))

    def _check_that_it_responds(self) -> None:
        """Raise `StandstillError` if a plain read times out, too: the target may hang for some kind of request only, as clauses report."""
        self._silent = 0
        with suppress(SpendStoppedError):
            step = read(unknown_id(self._context.run, "hangs"), case="whether it responds")
            if self._recorder.send(step, "smoke").error == "timeout":
                said = f"the target no longer responds (timeout of {self._most_silent} requests in a row)"
                raise StandstillError(f"{said}: see why it hangs")

    def _retried(self, running: _Running, index: int, exchange: Exchange) -> bool:
        """Whether a 429, or a 503 that states a wait, delays all requests and this one is sent again.

        A request that counted as a generation is never sent again.
        """
        stated = exchange.header("retry-after")
        waits = exchange.status == 429 or (exchange.status == 503 and stated is not None)
        if not waits or exchange.account in UNWELL:
            self._pace.served = self._pace.served or (exchange.is_submit and exchange.account not in UNWELL)
            return False
        profile, now = self._context.profile, self._clock.now()
        asked = whole_number(stated)
        wait = max(SHORTEST_HOLD, profile.pace) if asked is None else asked
        # A limit of unfinished generations names no wait, but that submits are accepted in turn shows that waiting helps.
        is_promised = stated is not None or exchange.is_submit
        if not self._pace.hold(now, wait, is_promised=is_promised) or exchange.spent:
            return False
        self._launch(running, index)
        return True
