"""Carries many talks forward at once: one thread decides, a pool sends, nothing is waited for twice."""

from __future__ import annotations

import heapq
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from queue import Queue
from typing import TYPE_CHECKING, Final

from pixazo_contracts.probes import Await, AwaitCallbacks, Hook, Pause, Publish, Recall, Send, Together
from pixazo_contracts.trace import THROTTLED, Callback, Exchange

from .layers.pacing import retry_after
from .layers.spend import BudgetExhaustedError, SpendStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pixazo_contracts.probes import Answer, Probe, Setting, Talk, Wish

    from .clock import RunClock
    from .layers.pacing import Pacing
    from .layers.recorder import Recorder
    from .receiver import Receiver


#: How often one request is sent again after a 429, and the least wait before that, in seconds.
MOST_REPEATS: Final = 3
SHORTEST_HOLD: Final = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    probes_done: int
    probes: int
    exchanges: int
    seconds: float


@dataclass(eq=False, slots=True)
class _Talking:
    """A talk under way: what it has sent, whether as a single request, and the answers so far.

    `tripped`: a request that should have been refused was counted as a generation.
    """

    probe: Probe
    talk: Talk[None]
    sends: tuple[Send, ...] = ()
    single: bool = False
    awaited: dict[int, Exchange] = field(default_factory=dict[int, Exchange])
    repeats: int = 0
    tripped: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one request of a talk."""

    talking: _Talking
    index: int
    result: Exchange | Exception


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A talk that waits for callbacks."""

    talking: _Talking
    wish: AwaitCallbacks


def _may_cost(wish: Wish) -> bool:
    sends = (wish,) if isinstance(wish, Send) else wish.sends if isinstance(wish, Together) else ()
    return any(send.method not in {"GET", "HEAD"} for send in sends)


class Schedule:
    """Runs probes until all their talks have ended; `states` says how each ended, `stopped` why the spend guard ended the run."""

    def __init__(
        self,
        recorder: Recorder,
        setting: Setting,
        clock: RunClock,
        pacing: Pacing,
        *,
        receiver: Receiver | None = None,
        workers: int = 16,
        on_progress: Callable[[Progress], None] | None = None,
        probes: int = 0,
    ) -> None:
        self._recorder, self._setting, self._clock, self._pacing = recorder, setting, clock, pacing
        self._receiver = receiver
        self._on_progress = on_progress
        self._total = probes
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="probe")
        self._inbox: Queue[_Sent | Callback] = Queue()
        self._ready: deque[tuple[_Talking, Answer]] = deque()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = count()
        self._live = 0
        self._on_the_way = 0
        self._waiters: list[_Waiter] = []
        self._awaiting: dict[str, list[_Talking]] = {}
        self._published: dict[str, Exchange | None] = {}
        self.stopped: str | None = None
        self.states: dict[str, str] = {}
        if receiver is not None:
            receiver.start(recorder.receive, self._inbox.put)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown()
        if self._receiver is not None:
            self._receiver.close()

    def run(self, probes: Sequence[Probe]) -> None:
        """Carry the probes' talks to their ends: side by side, or one after the other where each may cost money.

        None is begun once the spend guard has ended the run.
        """
        for probe in probes:
            if self.stopped is not None:
                self.states[probe.name] = "unfunded"
                continue
            self._live += 1
            self._ready.append((_Talking(probe, probe.talk(self._setting)), None))
            if self._setting.limited:
                self._drain()
        self._drain()

    def _drain(self) -> None:
        while self._live:
            while self._ready:
                self._step(*self._ready.popleft())
            if self._live and not self._fire():
                self._wait()

    def _step(self, talking: _Talking, answer: Answer) -> None:
        if talking.over:
            return
        try:
            wish = talking.talk.send(answer)
        except StopIteration:
            self._end(talking, "done")
        except Exception as error:  # noqa: BLE001 - a fault in one probe must not end the run
            self._end(talking, f"error: {error!r}")
        else:
            if talking.tripped and _may_cost(wish):
                # Breaker: one surprise a probe. What it still wants to read, it may.
                self._end(talking, "done")
            else:
                self._grant(talking, wish)

    def _end(self, talking: _Talking, state: str) -> None:
        talking.over = True
        talking.talk.close()
        self._live -= 1
        self.states[talking.probe.name] = state
        if self._on_progress is not None:
            done, exchanges = len(self.states), len(self._recorder.exchanges)
            self._on_progress(Progress(done, self._total, exchanges, self._clock.now()))

    def _grant(self, talking: _Talking, wish: Wish) -> None:
        match wish:
            case Send():
                talking.single = True
                self._send(talking, (wish,))
            case Together():
                talking.single = False
                self._send(talking, wish.sends)
            case Pause():
                self._later(self._clock.now() + wish.seconds, lambda: self._ready.append((talking, None)))
            case Hook():
                self._open(talking, wish)
            case AwaitCallbacks():
                self._await_callbacks(_Waiter(talking, wish))
            case Publish():
                self._publish(wish)
                self._ready.append((talking, None))
            case Await() if wish.name in self._published:
                self._ready.append((talking, self._published[wish.name]))
            case Await():
                self._awaiting.setdefault(wish.name, []).append(talking)
            case Recall():
                self._ready.append((talking, tuple(self._recorder.exchanges)))

    def _later(self, at: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at, next(self._tickets), action))

    def _send(self, talking: _Talking, sends: tuple[Send, ...]) -> None:
        talking.sends, talking.repeats = sends, 0
        talking.awaited.clear()
        for index in range(len(sends)):
            self._launch(talking, index)
        if not sends:
            self._ready.append((talking, ()))

    def _launch(self, talking: _Talking, index: int) -> None:
        now = self._clock.now()
        at = self._pacing.slot(now)
        if at <= now:
            self._dispatch(talking, index)
        else:
            self._later(at, lambda: self._dispatch(talking, index))

    def _dispatch(self, talking: _Talking, index: int) -> None:
        if not talking.over:
            self._on_the_way += 1
            self._pool.submit(self._carry, talking, index)

    def _carry(self, talking: _Talking, index: int) -> None:
        """In a thread of the pool: send, and put what came of it into the inbox."""
        try:
            result: Exchange | Exception = self._recorder.send(talking.sends[index], talking.probe.name)
        except Exception as error:  # noqa: BLE001 - it is raised where the talk is
            result = error
        self._inbox.put(_Sent(talking, index, result))

    def _open(self, talking: _Talking, wish: Hook) -> None:
        if self._receiver is None:
            self._end(talking, "skipped")
        else:
            self._ready.append((talking, self._receiver.open(wish)))

    def _publish(self, wish: Publish) -> None:
        self._published[wish.name] = wish.exchange
        for talking in self._awaiting.pop(wish.name, []):
            self._ready.append((talking, wish.exchange))

    def _arrived(self, wish: AwaitCallbacks) -> tuple[Callback, ...]:
        return self._receiver.arrived(wish.url, self._recorder.callbacks) if self._receiver is not None else ()

    def _await_callbacks(self, waiter: _Waiter) -> None:
        if not self._satisfy(waiter):
            self._waiters.append(waiter)
            self._later(self._clock.now() + waiter.wish.seconds, lambda: self._give_up(waiter))

    def _satisfy(self, waiter: _Waiter) -> bool:
        arrived = self._arrived(waiter.wish)
        if len(arrived) >= waiter.wish.count:
            self._ready.append((waiter.talking, arrived))
            return True
        return False

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._ready.append((waiter.talking, self._arrived(waiter.wish)))

    def _fire(self) -> bool:
        """Do what has fallen due; whether there was anything."""
        now, fired = self._clock.now(), False
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
            fired = True
        return fired

    def _wait(self) -> None:
        """Wait for the next event; where none can come, tell those who wait for a publication that there is none."""
        if not self._due and not self._on_the_way:
            for name in list(self._awaiting):
                self._publish_nothing(name)
            return
        seconds = max(0.0, self._due[0][0] - self._clock.now()) if self._due else None
        self._take(self._clock.receive(self._inbox, seconds, busy=self._on_the_way > 0))

    def _publish_nothing(self, name: str) -> None:
        """Nobody is left who could publish: this answer holds for those who wait now, not for ever."""
        for talking in self._awaiting.pop(name, []):
            self._ready.append((talking, None))

    def _take(self, event: _Sent | Callback | None) -> None:
        match event:
            case _Sent():
                self._on_the_way -= 1
                self._settle(event)
            case Callback():
                self._waiters = [waiter for waiter in self._waiters if not self._satisfy(waiter)]
            case None:
                pass

    def _settle(self, sent: _Sent) -> None:
        talking, result = sent.talking, sent.result
        if talking.over:
            return
        if isinstance(result, BudgetExhaustedError):
            self.stopped = str(result) if isinstance(result, SpendStoppedError) else self.stopped
            self._end(talking, "unfunded")
        elif isinstance(result, Exception):
            self._end(talking, f"error: {result!r}")
        elif not self._suspended(talking, sent.index, result):
            talking.awaited[sent.index] = result
            talking.tripped = talking.tripped or (result.spent and result.intent == "refuse")
            if len(talking.awaited) == len(talking.sends):
                self._answer(talking)

    def _answer(self, talking: _Talking) -> None:
        exchanges = tuple(talking.awaited[index] for index in range(len(talking.sends)))
        self._ready.append((talking, exchanges[0] if talking.single else exchanges))

    def _suspended(self, talking: _Talking, index: int, exchange: Exchange) -> bool:
        """Whether a 429 holds everything up and this request will be sent again; what was counted as a generation is not."""
        if exchange.status != 429 or exchange.account in THROTTLED or talking.repeats >= MOST_REPEATS:
            return False
        profile = self._setting.profile
        wait = retry_after(
            exchange.header("retry-after"), otherwise=max(SHORTEST_HOLD, profile.pace), at_most=profile.deadline
        )
        if not self._pacing.hold(self._clock.now() + wait) or exchange.spent:
            return False
        talking.repeats += 1
        self._launch(talking, index)
        return True
