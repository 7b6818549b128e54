"""The value of the fixture `pixazo`: a fresh world, and all that a test can do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from pixazo_simulator.control import ControlClient, Delivery, Exchange, Explanation, Generation
from pixazo_simulator.script import Call as AnyCall
from pixazo_simulator.script import (
    MediaCall,
    MediaConditions,
    RequestConditions,
    StatusConditions,
    SubmitCall,
    SubmitConditions,
    WebhookConditions,
    When,
)
from pixazo_simulator.spec import PolicyFields

from .clock import Clock
from .history import Deliveries, Journal
from .record import Record, complaints, report
from .waiting import wait_for
from .wallet import Wallet

__tracebackhide__ = True  # a failure belongs to the line of the test

Call = Literal["generate", "imageToVideo", "submit", "status", "media", "request"]
"""What can be waited for as exchanges of the journal: `submit` is either submission, `request` any request."""


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
        self,
        call: Literal["webhook"],
        /,
        *,
        after: int = ...,
        name: str | None = ...,
        **match: Unpack[WebhookConditions],
    ) -> When: ...
    @overload
    def when(
        self,
        call: Literal["request"],
        /,
        *,
        after: int = ...,
        name: str | None = ...,
        **match: Unpack[RequestConditions],
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

        A `body` that is a string is sent as it is, any other as JSON; the key of this world is sent when `headers` hold none (an empty one is no key).
        """
        return self.control.explain(method, path, headers=headers, body=body)

    @overload
    def wait_for(
        self, what: Literal["webhook"], /, *, count: int = ..., timeout: float = ..., **conditions: Any
    ) -> Sequence[Delivery]: ...
    @overload
    def wait_for(
        self, what: Literal["generation"], /, *, count: int = ..., timeout: float = ..., **conditions: Any
    ) -> Sequence[Generation]: ...
    @overload
    def wait_for(
        self, what: Call, /, *, count: int = ..., timeout: float = ..., **conditions: Any
    ) -> Sequence[Exchange]: ...
    def wait_for(self, what: str, /, *, count: int = 1, timeout: float = 5.0, **conditions: Any) -> Sequence[Any]:
        """Block until `count` of `what` have happened that fulfil the conditions, and return them.

        `what` is a call as in `when`, or `generation`; `timeout` is in real seconds. Raises TimeoutError that says what has happened.
        """
        return wait_for(self.control, what, count, timeout, conditions)

    def assert_clean(self) -> None:
        """Raise AssertionError if a request was unexpected or a rule unused, as the end of a strict test would."""
        if found := complaints(self.record()):
            raise AssertionError(report(found))

    def record(self) -> Record:
        """All that happened so far, without the key."""
        exchanges, dropped = self._exchanges()
        return Record(
            nodeid=self._nodeid,
            seed=self.seed,
            exchanges=exchanges,
            deliveries=self.control.deliveries().deliveries,
            generations=self.control.generations().generations,
            rules=self.control.script().rules,
            unfinished=[problem for each in self._rules if (problem := each.incomplete)],
            clock=self.control.clock(),
            unmatched=[]
            if self._first_unmatched is None
            else self.control.unmatched(after=self._first_unmatched).exchanges,
            dropped=dropped,
        )

    def _exchanges(self) -> tuple[list[Exchange], int]:
        """The whole journal, read page by page, and the number of exchanges that are no longer kept."""
        page = self.control.journal(after=0)
        found = list(page.exchanges)
        while page.exchanges:
            page = self.control.journal(after=found[-1].number)
            found += page.exchanges
        return found, page.dropped

    def __repr__(self) -> str:
        return f"<pixazo world at {self.url}, seed {self.seed}>"
