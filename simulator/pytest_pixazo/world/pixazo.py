"""The value of the fixture `pixazo`: a fresh world, its time and its money, and all that a test can do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict, Unpack, overload

from pixazo_simulator.control import (
    ControlClient,
    ControlError,
    Delivery,
    Entry,
    Event,
    Exchange,
    Explanation,
    Generation,
)
from pixazo_simulator.script import Call as AnyCall
from pixazo_simulator.script import (
    Condition,
    Matcher,
    MediaCall,
    MediaConditions,
    RequestConditions,
    StatusConditions,
    SubmitCall,
    SubmitConditions,
    WebhookConditions,
    When,
    read_matcher,
)
from pixazo_simulator.spec import SUBMITS, PolicyFields, nearest

from .history import Deliveries, Journal, delivery_table, exchange_table, generation_table, generations_ahead, outlook
from .record import Record, complaints, report

__tracebackhide__ = True  # a failure belongs to the line of the test

RequestCall = Literal["request"]
WebhookCall = Literal["webhook"]
Call = Literal["generate", "imageToVideo", "submit", "status", "media", "request"]
"""What can be waited for as exchanges of the journal: `submit` is either submission, `request` any request."""


class ExchangeConditions(TypedDict, total=False):
    """What exchanges of the journal must fulfil; `path` has no query, `after` leaves out those up to this number."""

    after: int
    operation: Condition
    method: Condition
    path: Condition
    status: Condition
    request_id: Condition
    rule: Condition
    reason: Condition


class DeliveryConditions(TypedDict, total=False):
    """What attempted deliveries must fulfil; `status` is the last status code of the receiver, `attempts` the number of attempts."""

    request_id: Condition
    url: Condition
    channel: Condition
    delivered: Condition
    status: Condition
    attempts: Condition


class GenerationConditions(TypedDict, total=False):
    """What generations must fulfil, as they are now."""

    request_id: Condition
    operation: Condition
    status: Condition


TIMED_OUT = 408
_WHAT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{word: ("exchanges", {"operation": word}) for word in (*sorted(SUBMITS), "status", "media")},
    "submit": ("exchanges", {"operation": {"one_of": sorted(SUBMITS)}}),
    "request": ("exchanges", {}),
    "webhook": ("deliveries", {}),
    "generation": ("generations", {}),
}
"""What can be waited for: the list in which it appears, and the condition that it means there."""
_TABLES: Mapping[str, Callable[[ControlClient], str]] = {
    "exchanges": lambda control: exchange_table(control.journal().exchanges),
    "deliveries": lambda control: delivery_table(control.deliveries().deliveries),
    "generations": lambda control: generation_table(control.generations().generations),
}


class Clock:
    """The clock of a world. It can be advanced, never turned back.

    `sleep` and `monotonic` are for an app, or a client, that takes such functions: `sleep` advances the clock and returns at
    once, `monotonic` reads it, in seconds.
    """

    def __init__(
        self,
        control: ControlClient,
        *,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._control = control
        self.sleep = sleep or control.advance
        self.monotonic = monotonic or self._read

    @property
    def now(self) -> datetime:
        """The current instant, in UTC."""
        return self._control.clock().now

    def _read(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> list[Event]:
        """Let time pass and return what fell due, in order; webhooks that fell due have been attempted.

        Raises ControlError for a negative number of seconds, and when more webhooks are due than one advance attempts: the
        clock has stopped before the end, and `body["events"]` of the error is what fell due until then.
        """
        return self._control.advance(seconds)

    def run_until(
        self, condition: Callable[[], object] | None = None, *, step: float = 1.0, limit: float = 3600.0
    ) -> list[Event]:
        """Advance by `step` seconds at a time until the condition holds, by default until every generation has ended.

        Returns all that fell due. Raises TimeoutError after `limit` seconds of this clock, with the generations that still run.
        """
        holds = condition or self._is_idle
        events: list[Event] = []
        passed = 0.0
        while not holds():
            if passed >= limit:
                raise TimeoutError(
                    f"the condition does not hold after {limit:g} s of the world's clock:"
                    f" {self.running() or 'every generation has ended'}"
                )
            events += self.advance(step)
            passed += step
        return events

    def _is_idle(self) -> bool:
        return all(each.is_terminal for each in self._control.generations().generations)

    def running(self) -> str | None:
        """The status of each generation that has not ended, and how it will end, in one line; None when all have."""
        running = [each for each in self._control.generations().generations if not each.is_terminal]
        return generations_ahead(running, self.now) if running else None

    def __repr__(self) -> str:
        state = self._control.clock()
        return f"<{state.clock} clock at {state.now}>"


class Wallet:
    """The wallet behind the key of a world."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def balance(self) -> Decimal:
        """What can be spent now, in US dollars. Set it to any sum that is not negative: `wallet.balance = "0.05"`."""
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


class Pixazo:
    """One test's world on a running gateway. Nothing in it is shared with another test.

    `url` and `api_key` are for the app under test, `seed` repeats the world, `clock` is its time, `wallet` its money. `control` has
    every route of `/_sim`. All of it blocks, needs no event loop, and may be used from any thread.
    """

    control: ControlClient
    clock: Clock
    seed: int
    wallet: Wallet

    def __init__(
        self, control: ControlClient, clock: Clock, *, nodeid: str, seed: int, first_unmatched: int | None
    ) -> None:
        self.control = control
        self.clock = clock
        self.seed = seed
        self.wallet = Wallet(control)
        self._nodeid = nodeid
        self._first_unmatched = first_unmatched
        self._rules: list[When] = []

    @property
    def url(self) -> str:
        """The origin to use instead of `https://gateway.pixazo.ai`."""
        return self.control.url

    @property
    def api_key(self) -> str:
        """The key that opens this world, and no other."""
        return str(self.control.api_key)

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
        return Deliveries(self.control, self.control.deliveries().deliveries)

    @overload
    def when(
        self, call: SubmitCall, /, *, after: int = ..., name: str | None = ..., **match: Unpack[SubmitConditions]
    ) -> When: ...
    @overload
    def when(
        self, call: Literal["status"], /, *, after: int = ..., name: str | None = ..., **match: Unpack[StatusConditions]
    ) -> When: ...
    @overload
    def when(
        self, call: MediaCall, /, *, after: int = ..., name: str | None = ..., **match: Unpack[MediaConditions]
    ) -> When: ...
    @overload
    def when(
        self, call: WebhookCall, /, *, after: int = ..., name: str | None = ..., **match: Unpack[WebhookConditions]
    ) -> When: ...
    @overload
    def when(
        self, call: RequestCall, /, *, after: int = ..., name: str | None = ..., **match: Unpack[RequestConditions]
    ) -> When: ...
    def when(self, call: AnyCall, /, *, after: int = 0, name: str | None = None, **match: Any) -> When:
        """Begin a rule for these calls; the next verb says what happens then, such as `.reply(429, times=2)`.

        `call` is generate, imageToVideo, submit (either), status, media, webhook or request (any but webhook). The rule is active
        from the first verb on; the first `after` matching calls are let through. Raises ValueError with the nearest known name.
        """
        rule = When(self.control, call, after=after, name=name, **match)
        self._rules.append(rule)
        return rule

    def policy(self, **fields: Unpack[PolicyFields]) -> Mapping[str, str]:
        """Change policy fields of this world from now on, and return all of them: `pixazo.policy(read_delay=2)`."""
        return self.control.change_world(policy=fields).policy

    def explain(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Explanation:
        """What would happen to this request, and why, rule by rule; nothing is sent and nothing changes.

        A `body` that is a string is sent as it is, any other as JSON; the key of this world is sent when `headers` hold none (an empty one means that none is sent).
        """
        return self.control.explain(method, path, headers=headers, body=body)

    @overload
    def wait_for(
        self, what: WebhookCall, /, *, count: int = ..., timeout: float = ..., **conditions: Unpack[DeliveryConditions]
    ) -> Sequence[Delivery]: ...
    @overload
    def wait_for(
        self,
        what: Literal["generation"],
        /,
        *,
        count: int = ...,
        timeout: float = ...,
        **conditions: Unpack[GenerationConditions],
    ) -> Sequence[Generation]: ...
    @overload
    def wait_for(
        self, what: Call, /, *, count: int = ..., timeout: float = ..., **conditions: Unpack[ExchangeConditions]
    ) -> Sequence[Exchange]: ...
    def wait_for(self, what: str, /, *, count: int = 1, timeout: float = 5.0, **conditions: Any) -> Sequence[Any]:
        """Block until `count` of `what` have happened that fulfil the conditions, and return them.

        `what` is a call as in `when`, or `generation`; `timeout` is in real seconds. Raises TimeoutError that says what has happened.
        """
        if what not in _WHAT:
            raise ValueError(f"wait_for {what!r} is not one of {', '.join(_WHAT)}{nearest(what, tuple(_WHAT))}")
        where, meaning = _WHAT[what]
        given = {name: value.as_json() if isinstance(value, Matcher) else value for name, value in conditions.items()}
        try:
            result = self.control.wait_for({where: {**meaning, **given, "count": count}}, timeout=timeout)
        except ControlError as error:
            if error.status != TIMED_OUT:
                raise
            wanted = [f"{count} x {what}", *(f"{name} {read_matcher(each)}" for name, each in conditions.items())]
            instead = self._instead(where, error.body)
            raise TimeoutError(f"waited {timeout:g} s for {', '.join(wanted)}; {instead}") from None
        found: Sequence[Any] = getattr(result, where)
        return found

    def _instead(self, where: str, body: Mapping[str, Any]) -> str:
        """How many there are, what came nearest to one more, what is ahead on a manual clock, and all that there is."""
        near = body.get("nearest")
        nearest_one = f"nearest is {near['what']}: {', and '.join(near['differences'])}; " if near else ""
        exchanges, _ = self._exchanges(real=True)
        ahead = outlook(self.control.clock(), self.control.generations().generations, exchanges)
        return (
            f"{len(body.get(where, ()))} came; {nearest_one}{f'{ahead}; ' if ahead else ''}"
            f"all that there is:\n{_TABLES[where](self.control)}"
        )

    def assert_clean(self) -> None:
        """Raise AssertionError if a request was unexpected or a rule unused, as the end of a strict test would."""
        if found := complaints(self.record()):
            raise AssertionError(report(found))

    def record(self) -> Record:
        """All that happened so far, without the key."""
        exchanges, dropped = self._exchanges(real=True)
        unmatched: list[Exchange] = []
        if self._first_unmatched is not None:
            unmatched = self.control.unmatched(after=self._first_unmatched).exchanges
        return Record(
            nodeid=self._nodeid,
            seed=self.seed,
            exchanges=exchanges,
            deliveries=self.control.deliveries().deliveries,
            generations=self.control.generations().generations,
            rules=self.control.script().rules,
            unfinished=[problem for each in self._rules if (problem := each.incomplete)],
            clock=self.control.clock(),
            unmatched=unmatched,
            dropped=dropped,
        )

    def _exchanges(self, *, real: bool = False) -> tuple[list[Exchange], int]:
        """The whole journal, read page by page, with real times or without, and the number of exchanges that are no longer kept."""
        page = self.control.journal(after=0, real=real)
        found = list(page.exchanges)
        while page.exchanges:
            page = self.control.journal(after=found[-1].number, real=real)
            found += page.exchanges
        return found, page.dropped

    def __repr__(self) -> str:
        return f"<pixazo world at {self.url}, seed {self.seed}>"
