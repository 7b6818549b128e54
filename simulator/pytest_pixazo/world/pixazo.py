"""The value of the fixture `pixazo`: a fresh world, its time and its money, and everything that a test can do with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack, cast, overload
from urllib.parse import urlsplit

import anyio
import pytest
from msgspec.structs import replace

from pixazo_simulator.control import (
    ControlClient,
    ControlError,
    Delivery,
    Entry,
    Event,
    Exchange,
    Explanation,
    Generation,
    InitialGeneration,
    JournalPage,
    PolicyFields,
    WaitResult,
)
from pixazo_simulator.script import Call as AnyCall
from pixazo_simulator.script import Condition, SubmitCall, When, read_matcher
from pytest_pixazo.settable import Settable

from .conditions import (
    REQUESTS,
    Call,
    DeliveryConditions,
    ExchangeConditions,
    GenerationConditions,
    MediaRule,
    RequestCall,
    RequestRule,
    StatusRule,
    SubmitRule,
    WebhookCall,
    WebhookRule,
    asked,
    plain,
)
from .history import Deliveries, Journal, delivery_table, exchange_table, generation_table, generations_ahead, outlook
from .record import Record, billed_besides, complaints, report

if TYPE_CHECKING:
    from pixazo_client import AsyncPixazoClient, PixazoClient
    from pixazo_simulator import Simulator, Transport
    from pixazo_simulator.control import Run
    from pixazo_simulator.script.weather import Forecast
    from pytest_pixazo.sleep import Sleeps, WorldClock
    from pytest_pixazo.webhooks import Inbox

__tracebackhide__ = True  # a failure belongs to the line of the test

_REFUSALS = (404, 405)
"""The status code of an inbox for requests that it refuses."""
Times = int | None
TIMED_OUT, NOT_VERIFIED = 408, 406
_STRAY_WEATHER = "pixazo.weather(...) strikes within a block only: write `with pixazo.weather(...):`"
_TABLES: Mapping[str, Callable[[ControlClient], str]] = {
    "exchanges": lambda control: exchange_table(control.journal().exchanges),
    "deliveries": lambda control: delivery_table(control.deliveries().deliveries),
    "generations": lambda control: generation_table(control.generations().generations),
}


def _step(call: Any) -> tuple[Call, Mapping[str, Condition]]:
    """The call of a sequence, and its conditions. Raises ValueError with the remedy for anything else."""
    match call:
        case str():
            return cast("Call", call), {}
        case (str(), Mapping()):
            return cast("tuple[Call, Mapping[str, Condition]]", call)
        case _:
            problem = f'assert_sequence {call!r} is not a call: give each as an argument of its own, "status" or ("status", {{"status": 200}})'
            raise ValueError(problem)


def _blocked(call: str) -> str:
    """What a call that waited in vain adds to its error if it blocked the tasks of an event loop meanwhile."""
    with suppress(RuntimeError):  # no event loop runs in this thread
        anyio.get_current_task()
        return f"; this call blocked the event loop, on which the app may run: `await anyio.to_thread.run_sync(lambda: {call}(...))`"
    return ""


class Clock(Settable):
    """The clock of a world. It can be advanced, never turned back.

    `sleep` advances it and returns immediately, `monotonic` reads it in seconds, for an app or client that takes such functions.
    """

    _remedy = "a clock is moved by pixazo.clock.advance(...)"

    sleep: Callable[[float], object]
    monotonic: Callable[[], float]

    def __init__(self, control: ControlClient, simulator: Simulator | None) -> None:
        self._control, self._simulator = control, simulator
        if simulator:  # not through JSON: polling loops do little else
            self.sleep = partial(simulator.advance, api_key=control.api_key)
            self.monotonic = partial(simulator.monotonic, api_key=control.api_key)
        else:
            self.sleep, self.monotonic = control.advance, lambda: self.now.timestamp()  # noqa: PLW0108 - it reads the clock each time

    @property
    def now(self) -> datetime:
        """The current instant, in UTC."""
        return self._control.clock().now

    def advance(self, seconds: float | None = None, *, until: datetime | str | None = None) -> list[Event]:
        """Let time pass and return what fell due, in order; webhooks that fell due have been attempted.

        `until="next"` stops at the next instant at which anything falls due; when nothing is pending no time passes, and the list is empty:
        `while events := pixazo.clock.advance(until="next"):`. An instant (a `datetime` with a time zone, or a string of RFC 3339) sets the
        clock to it. Raises ControlError for a negative number, for an instant in the past, and when more webhooks are due than one advance
        attempts: the clock then stops early, and `body["events"]` of the error is what fell due until then.
        """
        is_plain = until is None and isinstance(seconds, int | float) and seconds is not True
        # Without JSON where something falls due, but only later: polling loops do little else.
        if (
            self._simulator
            and is_plain
            and self._simulator.advance_quietly(seconds or 0, api_key=self._control.api_key)
        ):
            return []
        return self._control.advance(seconds, until=until)

    def run_until(
        self, condition: Callable[[], object] | None = None, *, step: float = 1.0, limit: float = 3600.0
    ) -> list[Event]:
        """Advance by `step` seconds at a time until the condition holds, by default until all generations have ended.

        Returns what fell due. Raises TimeoutError after `limit` seconds of this clock, with the generations that are still
        running, and TypeError for a condition that returns an awaitable, which would always hold.
        """
        holds = condition or (lambda: self.running() is None)
        events: list[Event] = []
        passed = 0.0
        while not plain(holds(), "run_until calls a plain function: read what it waits for with a blocking call"):
            if passed >= limit:
                raise TimeoutError(
                    f"the condition does not hold after {limit:g} s of the world's clock:"
                    f" {self.running() or 'every generation has ended'}{_blocked('pixazo.clock.run_until')}"
                )
            events += self.advance(step)
            passed += step
        return events

    def running(self) -> str | None:
        """The status of each generation that has not ended, and how it will end, in one line; None when all have."""
        running = [each for each in self._control.generations().generations if not each.is_terminal]
        return generations_ahead(running, self.now) if running else None

    def __repr__(self) -> str:
        state = self._control.clock()
        return f"<{state.clock} clock at {state.now}>"


class Wallet(Settable):
    """The wallet of a world's key."""

    _settable, _remedy = ("balance",), "set wallet.balance"

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def balance(self) -> Decimal:
        """What can be spent now, in US dollars. Set it to any amount that is not negative: `wallet.balance = "0.05"`."""
        return self._control.ledger(limit=1).balance

    @balance.setter
    def balance(self, dollars: Decimal | str | int) -> None:
        self._control.change_world(balance=str(dollars))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The latest debits, refunds and other entries of the ledger, at most 1,000, oldest first; debits are negative."""
        return tuple(self._control.ledger().entries)

    @property
    def spent(self) -> Decimal:
        """Debits less refunds, in US dollars."""
        return -sum((each.amount for each in self.entries if each.kind in ("debit", "refund")), Decimal(0))

    def __repr__(self) -> str:
        return f"<wallet with {self.balance} USD>"


class WorldOptions(TypedDict, total=False):
    """How a fresh world starts, as the arguments of the marker `pixazo` that have the same names."""

    balance: Decimal | str | float
    clock: str
    generations: Sequence[InitialGeneration]
    policy: PolicyFields
    profile: str
    seed: int
    start: datetime | str
    strict: bool


class WorldFactory:
    """Opens worlds, in tests and in fixtures of any scope: `with pixazo_factory.fresh(balance="0.35") as world`."""

    def __init__(self, fresh: Callable[..., AbstractContextManager[Pixazo]]) -> None:
        self._fresh = fresh

    def fresh(self, **options: Unpack[WorldOptions]) -> AbstractContextManager[Pixazo]:
        """A world that is open within a `with` block; arguments that are left out come from the marker `pixazo`, as for the fixture `pixazo`.

        In a test its marker counts, in a fixture of a wider scope that of the class or module. Worlds opened one after the other are alike in
        seed, ids and draws. A strict one raises AssertionError at its end, as `assert_clean` does. Raises ValueError for a wrong option.
        """
        return self._fresh(**options)


class Pixazo(Settable):
    """One test's world on a running gateway. Nothing in it is shared with another test.

    `url` and `api_key` are for the app under test, `clock` is its time, `wallet` its money; `control` has every route of `/_sim`.
    `seed` and `start`, the instant at which the clock began (None if it runs by itself), repeat the world. All of it blocks,
    needs no event loop, and may be used from any thread.
    """

    _settable = ("is_repetition", "judged")
    _remedy = "a world begins as @pytest.mark.pixazo(...) says; pixazo.policy(...) and pixazo.wallet.balance change it"

    control: ControlClient
    clock: Clock
    seed: int
    start: str | None
    wallet: Wallet

    def __init__(
        self,
        control: ControlClient,
        simulator: Simulator | None,
        *,
        nodeid: str,
        seed: int,
        start: str | None,
        first_unmatched: int | None,
        fresh: Callable[..., AbstractContextManager[Pixazo]],
        left: Callable[[BaseException], None],
    ) -> None:
        self.control = control
        self.clock = Clock(control, simulator)
        self.seed = seed
        self.start = start
        self.wallet = Wallet(control)
        self._nodeid = nodeid
        self._first_unmatched = first_unmatched
        self._fresh = fresh
        self._simulator = simulator  # that of this process
        self._left = left  # called when an error leaves a block that is then undone
        self._undone: list[Record] = []
        self.is_repetition = False
        """Whether it repeats the work of another world of the test: bill and reports leave it out."""
        self.judged: set[int] = set()
        """The requests without a world for which worlds of single tests have answered, by number."""
        self._rules: list[When] = []
        self._not_begun: list[Forecast] = []
        self._inboxes: list[Inbox] = []

    @property
    def url(self) -> str:
        """The origin to use instead of `https://gateway.pixazo.ai`."""
        return self.control.url

    @property
    def api_key(self) -> str:
        """The key that opens this world only."""
        return str(self.control.api_key)

    def fresh(self, **options: Unpack[WorldOptions]) -> AbstractContextManager[Pixazo]:
        """Another world of this test, as `WorldFactory.fresh`: `with pixazo.fresh(balance="0.35") as world`."""
        return self._fresh(**options)

    def transport(self) -> Transport:
        """A transport for clients of httpx2 and httpx that uses no socket: `httpx.AsyncClient(transport=pixazo.transport())`.

        Requests to any host go to the simulator, where their key opens the world. Raises RuntimeError if that runs in another process.
        """
        if self._simulator is None:
            raise RuntimeError(
                f"the simulator at {self.url} runs in another process, which a transport cannot reach: give the app pixazo.url, or run without --pixazo-sim-url"
            )
        return self._simulator.transport()

    def client(self) -> AbstractContextManager[PixazoClient]:
        """A client of this world within a `with` block, as `pixazo_client`."""
        from .clients import client_of

        return client_of(self.clock.sleep, **self._of_client())

    def async_client(self) -> AbstractContextManager[AsyncPixazoClient]:
        """A client for asyncio and trio within a `with` block, as `pixazo_async_client`."""
        from .clients import async_client_of

        return async_client_of(self.clock.sleep, **self._of_client())

    def _of_client(self) -> dict[str, Any]:
        return {"seed": self.seed, "api_key": self.api_key, "base_url": self.url, "monotonic": self.clock.monotonic}

    @contextmanager
    def env(self) -> Generator[Self]:
        """Within a `with` block the environment variables name this world, as with `pixazo_env`."""
        host = urlsplit(self.url).hostname  # excepted from proxies
        known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")  # curl and Python prefer the lower-case name
        no_proxy = ",".join(filter(None, (known, host)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIXAZO_BASE_URL", self.url)
            patch.setenv("PIXAZO_API_KEY", self.api_key)
            patch.setenv("no_proxy", no_proxy)
            patch.setenv("NO_PROXY", no_proxy)
            yield self

    def virtual_sleep(self) -> AbstractContextManager[Sleeps]:
        """Within a `with` block the sleeps of the app advance the clock of this world, as with `pixazo_sleep`."""
        from pytest_pixazo.sleep import virtual_sleep

        return virtual_sleep(self._world_clock())

    def _world_clock(self) -> WorldClock:
        from pytest_pixazo.sleep import WorldClock

        simulator = self._simulator
        if simulator is None:
            return WorldClock(self.clock.sleep, self._awaited)
        return WorldClock(
            self.clock.sleep,
            self._awaited,
            is_advancing=partial(simulator.is_advancing, api_key=self.api_key),
            is_delaying=partial(simulator.is_delaying, api_key=self.api_key),
        )

    def _awaited(self) -> str:
        """The generations that an app may be waiting for, or the end of the last one when none is running."""
        if running := self.clock.running():
            return running
        if not (all_of_them := self.generations):
            return "the world whose clock this moved has no generation: an app of another world needs that world's virtual_sleep()"
        return f"no generation is running, and {all_of_them[-1].request_id} has ended as {all_of_them[-1].status}"

    def inbox(self) -> AbstractContextManager[Inbox]:
        """An inbox for the callbacks of this world within a `with` block, as `pixazo_webhooks`."""
        from pytest_pixazo.webhooks import Inbox

        inbox = Inbox(self.control)
        self._inboxes.append(inbox)
        return inbox

    @property
    def journal(self) -> Journal:
        """The requests and responses so far."""
        return Journal(*self._exchanges())

    @property
    def generations(self) -> Sequence[Generation]:
        """The accepted generations, as they are now, oldest first (the latest 1,000)."""
        return tuple(self.control.generations().generations)

    @property
    def webhooks(self) -> Deliveries:
        """The webhook deliveries so far with every attempt, oldest first (the latest 1,000)."""
        return Deliveries(self.control, self._explained(self.control.deliveries().deliveries))

    def _explained(self, found: list[Delivery]) -> list[Delivery]:
        """Deliveries; attempts that an inbox of this world refused have the inbox's reason as their problem."""
        reasons = {each.url: each.problem for inbox in self._inboxes for each in inbox.refused}

        def explained(delivery: Delivery) -> Delivery:
            attempts = (
                replace(each, problem=f"answered {each.status}: {reasons[delivery.url]}")
                if each.status in _REFUSALS
                else each
                for each in delivery.attempts
            )
            return replace(delivery, attempts=tuple(attempts)) if delivery.url in reasons else delivery

        return [*map(explained, found)]

    @overload
    def when(self, call: SubmitCall, /, **match: Unpack[SubmitRule]) -> When: ...
    @overload
    def when(self, call: Literal["status"], /, **match: Unpack[StatusRule]) -> When: ...
    @overload
    def when(self, call: Literal["media"], /, **match: Unpack[MediaRule]) -> When: ...
    @overload
    def when(self, call: WebhookCall, /, **match: Unpack[WebhookRule]) -> When: ...
    @overload
    def when(self, call: RequestCall, /, **match: Unpack[RequestRule]) -> When: ...
    def when(self, call: AnyCall, /, **match: Any) -> When:
        """Begin a rule for these calls; the next verb says what happens to them, such as `.reply(429, times=2)`.

        `call` is generate, imageToVideo, submit (any of them), status, media, webhook or request (any but webhook). From its first verb
        on, the first `after` matching calls pass, and the rule applies to the others with `probability`, not before `since` or from
        `until` on (seconds of the world's clock from now, or instants). Raises ValueError with the nearest known name.
        """
        rule = When(self.control, call, **match)
        self._rules.append(rule)
        return rule

    def weather(
        self, seed: int | None = None, days: int | None = None, *, only: str | None = None
    ) -> AbstractContextManager[None]:
        """Within a `with` block, incidents drawn from a seed hit the app; at its end the books must balance.

        A day, the default, is 8 generations long. Instead of a seed, `only` gives exactly these incidents, as a failure prints them. Raises
        AssertionError when a generation was charged twice, FAILED as equal ones had twice before, was never read to its end, or never
        downloaded although others were; an error of the app gets a note. Raises ValueError for incidents that cannot be read.
        """
        from .weather import incidents_of

        incidents = incidents_of(seed, days, only)
        self._not_begun.append(incidents)
        return self._struck_by(incidents)

    @contextmanager
    def _struck_by(self, incidents: Forecast) -> Generator[None]:
        from .weather import struck_by

        # A decorated function begins its block each time it is called.
        self._not_begun = [each for each in self._not_begun if each is not incidents]
        with struck_by(self.control, incidents):
            yield

    def endure(
        self,
        app: Callable[[Pixazo], object],
        seed: int | None = None,
        days: int | None = None,
        *,
        only: str | None = None,
    ) -> None:
        """Run an app in a fresh world in this weather, as `weather` does; raise AssertionError with the fewest incidents that break it.

        `app` is called with the world, then with another fresh world for each attempt to find fewer incidents, and to see whether
        the fewest break it again. Variables that name this world (`pixazo_env`) then name the fresh one, and virtual sleeps
        (`pixazo_sleep`) advance its clock. Incidents are shrunk for each kind of problem, such as `charged twice`, or the type of
        an error of the app; SystemExit is one unless its code is 0. Bill and reports cover the first run only. Raises TypeError
        for an app that returns an awaitable, and AssertionError when it submits nothing in the world that it is called with.
        """
        __tracebackhide__ = True
        from pytest_pixazo.sleep import active_sleeps

        from .weather import endure, incidents_of, under_incidents

        sleeps = active_sleeps()
        named = os.environ.get("PIXAZO_BASE_URL"), os.environ.get("PIXAZO_API_KEY")

        def run(incidents: Forecast, runs: list[Run]) -> object:
            with self.fresh() as world:
                world.is_repetition = bool(runs)
                naming = world.env() if named == (self.url, self.api_key) else nullcontext()
                sleeping = sleeps.in_another_world(world._world_clock()) if sleeps else nullcontext()  # noqa: SLF001 - of this class
                with naming, under_incidents(world.control, incidents, runs), sleeping:
                    return app(world)

        endure(run, incidents_of(seed, days, only))

    def policy(self, **fields: Unpack[PolicyFields]) -> Mapping[str, str]:
        """Change policy fields of this world from now on, and return all of them: `pixazo.policy(read_delay=2)`."""
        return self.control.change_world(policy=fields).policy

    def explain(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Explanation:
        """What would happen to this request, and why, rule by rule; nothing is sent and nothing changes.

        A string `body` is sent as it is, any other as JSON. The key of this world is sent unless `headers` have one, even empty.
        """
        return self.control.explain(method, path, headers=headers, body=body)

    # fmt: off
    @overload
    def wait_for(
        self, what: WebhookCall, /, *, count: int = ..., timeout: float = ..., **conditions: Unpack[DeliveryConditions]
    ) -> Sequence[Delivery]: ...
    @overload
    def wait_for(
        self, what: Literal["generation"], /, *, count: int = ..., timeout: float = ..., **conditions: Unpack[GenerationConditions]
    ) -> Sequence[Generation]: ...
    @overload
    def wait_for(
        self, what: Call, /, *, count: int = ..., timeout: float = ..., **conditions: Unpack[ExchangeConditions]
    ) -> Sequence[Exchange]: ...
    # fmt: on
    def wait_for(self, what: str, /, *, count: int = 1, timeout: float = 5.0, **conditions: Any) -> Sequence[Any]:
        """Block until `count` of `what` that fulfil the conditions have happened, and return them.

        `what` is a call as in `when`, or `generation`; `timeout` is in real seconds. Raises TimeoutError that says what has happened.
        """
        where, given = asked("wait_for", what, conditions)
        try:
            result = self.control.wait_for({where: {**given, "count": count}}, timeout=timeout)
        except ControlError as error:
            if error.status != TIMED_OUT:
                raise
            wanted = [f"{count} x {what}", *(f"{name} {read_matcher(each)}" for name, each in conditions.items())]
            waited = f"waited {timeout:g} s for {', '.join(wanted)}{_blocked('pixazo.wait_for')}"
            raise TimeoutError(f"{waited}; {self._instead(where, error.body)}") from None
        found: Sequence[Any] = getattr(result, where)
        return found

    def _instead(self, where: str, body: Mapping[str, Any]) -> str:
        """How many there are, what came nearest to one more, what is pending on a manual clock, and everything there is."""
        near = body.get("nearest")
        nearest_one = f"nearest is {near['what']}: {', and '.join(near['differences'])}; " if near else ""
        exchanges, _ = self._exchanges()
        ahead = outlook(self.control.clock(), self.control.generations().generations, exchanges)
        return (
            f"{len(body.get(where, ()))} arrived; {nearest_one}{f'{ahead}; ' if ahead else ''}"
            f"everything there is:\n{_TABLES[where](self.control)}"
        )

    # fmt: off
    @overload
    def assert_called(
        self, what: WebhookCall, /, *, times: Times = ..., at_least: Times = ..., at_most: Times = ..., **conditions: Unpack[DeliveryConditions]
    ) -> Sequence[Delivery]: ...
    @overload
    def assert_called(
        self, what: Literal["generation"], /, *, times: Times = ..., at_least: Times = ..., at_most: Times = ..., **conditions: Unpack[GenerationConditions]
    ) -> Sequence[Generation]: ...
    @overload
    def assert_called(
        self, what: Call, /, *, times: Times = ..., at_least: Times = ..., at_most: Times = ..., **conditions: Unpack[ExchangeConditions]
    ) -> Sequence[Exchange]: ...
    # fmt: on
    def assert_called(
        self, what: str, /, *, times: Times = None, at_least: Times = None, at_most: Times = None, **conditions: Any
    ) -> Sequence[Any]:
        """Return each `what` so far that fulfils the conditions, as in `wait_for`; raise AssertionError if their number is wrong.

        The right number is one or more, exactly `times`, or what `at_least` and `at_most` allow.
        """
        where, given = asked("assert_called", what, conditions)
        if times is not None:
            at_least = at_most = times
        bounds = {name: each for name, each in (("at_least", at_least), ("at_most", at_most)) if each is not None}
        found: Sequence[Any] = getattr(self._verified(where, {where: given, **bounds}), where)
        return found

    def assert_never(self, what: Call | Literal["webhook", "generation"], /, **conditions: Condition) -> None:
        """Raise AssertionError if any `what` so far fulfils the conditions, as in `wait_for`."""
        where, given = asked("assert_never", what, conditions)
        self._verified(where, {where: given, "at_most": 0})

    def assert_sequence(self, *calls: Call | tuple[Call, Mapping[str, Condition]]) -> Sequence[Exchange]:
        """Return the first exchanges that are these calls in this order; other exchanges may lie between them.

        A call may have conditions: `("status", {"status": 200})`. Raises AssertionError with the first call that did not follow.
        """
        steps = [asked("assert_sequence", *_step(call), REQUESTS)[1] for call in calls]
        return self._verified("exchanges", {"sequence": steps}).exchanges

    def _verified(self, where: str, expected: Mapping[str, Any]) -> WaitResult:
        try:
            return self.control.verify(expected)
        except ControlError as error:
            if error.status != NOT_VERIFIED:
                raise
            raise AssertionError(f"{error.message}; everything there is:\n{_TABLES[where](self.control)}") from None

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """At the end of the `with` block, restore the state that the world has at the beginning, including its clock and script.

        What an app or an inbox has received stays there, and what was done in the block counts for checks and reports.
        """
        number, before = self.control.keep_state(), {each.request_id for each in self.control.bill().generations}
        try:
            yield
        except BaseException as error:
            self._left(error)
            raise
        finally:
            record = self.record()
            self._undone.append(replace(record, undone=[], bill=billed_besides(record.bill, before)))
            self.control.restore_state(number)
            self.control.forget_state(number)

    def assert_clean(self) -> None:
        """Raise AssertionError if a request was unexpected or a rule unused, as the end of a strict test would."""
        if found := complaints(self.record()):
            raise AssertionError(report(found))

    def record(self) -> Record:
        """Everything that has happened so far, without the key."""
        seen = self.control.record(unmatched_after=self._first_unmatched, elapsed=True)
        exchanges, dropped = self._exchanges(seen.journal)
        unmatched = [each for each in seen.unmatched.exchanges if each.number not in self.judged]
        return Record(
            nodeid=self._nodeid,
            seed=self.seed,
            start=self.start,
            exchanges=exchanges,
            deliveries=self._explained(seen.deliveries.deliveries),
            generations=seen.generations.generations,
            rules=seen.script.rules,
            unfinished=[
                *filter(None, (each.incomplete for each in self._rules)),
                *[_STRAY_WEATHER] * len(self._not_begun),
            ],
            clock=seen.clock,
            bill=self.control.bill() if seen.generations.generations else None,
            unmatched=[each for each in unmatched if each.former is None],
            late=[each for each in unmatched if each.former],
            dropped=dropped,
            inbox_problems=[problem for each in self._inboxes for problem in each.problems],
            undone=[*self._undone],
        )

    def _exchanges(self, first: JournalPage | None = None) -> tuple[list[Exchange], int]:
        """The whole journal, of which the first page may be known, and the number of exchanges that are no longer kept."""
        page = first or self.control.journal(after=0, elapsed=True)
        found = list(page.exchanges)
        while page.exchanges and found[-1].number < page.total:
            page = self.control.journal(after=found[-1].number, elapsed=True)
            found += page.exchanges
        return found, page.dropped

    def __repr__(self) -> str:
        return f"<pixazo world at {self.url}, seed {self.seed}>"
