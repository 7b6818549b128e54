"""What the fixture `pixazo` gives: a fresh world, and all that a test can do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import msgspec

from pixazo_simulator.script import When

from .journal import Journal
from .record import Record
from .strictness import complaints, report
from .values.delivery import Deliveries
from .values.explanation import Explanation
from .values.generation import Generation
from .waiting import wait_for
from .wallet import Wallet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pixazo_simulator.control import ControlClient
    from pixazo_simulator.script import Call as AnyCall
    from pixazo_simulator.script import (
        MediaCall,
        MediaConditions,
        RequestConditions,
        StatusConditions,
        SubmitCall,
        SubmitConditions,
        WebhookConditions,
    )
    from pixazo_simulator.spec import PolicyFields

    from .clock import Clock
    from .values.delivery import Delivery
    from .values.exchange import Exchange


__tracebackhide__ = True  # a failure belongs to the line of the test

Call = Literal["generate", "imageToVideo", "submit", "status", "media", "request"]
"""What can be waited for as exchanges of the journal: `submit` is either submit, `request` any."""


class Pixazo:
    """One test's world on a running gateway. Nothing in it is shared with another test.

    `url` and `api_key` are for the app under test, `seed` repeats the world, `clock` is its time, `wallet` its money. `control` has
    every operation of `/_sim` as plain JSON. All of it blocks, needs no event loop, and may be used from any thread.
    """

    def __init__(self, control: ControlClient, clock: Clock, *, nodeid: str, seed: int, lobby: int | None) -> None:
        self.control = control
        self.clock = clock
        self.seed = seed
        self.wallet = Wallet(control)
        self._nodeid = nodeid
        self._lobby = lobby
        self._begun: list[When] = []

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
        """What was said on the wire so far."""
        told, dropped = self._exchanges()
        return Journal.read(told, dropped)

    @property
    def generations(self) -> Sequence[Generation]:
        """What was accepted, as it is now, oldest first (the latest 1,000)."""
        return msgspec.convert(self.control.generations()["generations"], tuple[Generation, ...])

    @property
    def webhooks(self) -> Deliveries:
        """The callbacks so far with every attempt, oldest first (the latest 1,000)."""
        return Deliveries(self.control, self.control.deliveries()["deliveries"])

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
        """Begin a rule: when this is called, with these conditions, then what the next verb says, such as `.reply(429, times=2)`.

        `call` is generate, imageToVideo, submit (either), status, media, webhook or request (any but webhook). The rule holds from
        the first verb on; the first `after` matching calls are let through. Raises ValueError with the nearest known name.
        """
        begun = When(self.control, call, after=after, name=name, **match)
        self._begun.append(begun)
        return begun

    def policy(self, **fields: Unpack[PolicyFields]) -> Mapping[str, str]:
        """Change points that the vendor leaves open, from now on, and return all of them: `pixazo.policy(read_delay=2)`."""
        changed: dict[str, str] = self.control.change_world(policy=fields)["policy"]
        return changed

    def explain(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Explanation:
        """What would happen to this request, and why, rule by rule; nothing is sent and nothing changes.

        A `body` that is no text is sent as JSON; the key of this world is sent when `headers` hold none (an empty one is no key).
        """
        return msgspec.convert(self.control.explain(method, path, headers=headers, body=body), Explanation)

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
        """Block until so many of `what` are there, each of which fulfils the conditions, and return them.

        `what` is a word of `when`, or `generation`; `timeout` is in real seconds. Raises TimeoutError that says what is there.
        """
        return wait_for(self.control, what, count, timeout, conditions)

    def assert_clean(self) -> None:
        """Raise AssertionError if a request was unexpected or a rule unused, as the end of a strict test would."""
        if found := complaints(self.record()):
            raise AssertionError(report(found))

    def record(self) -> Record:
        """All that happened so far, as plain JSON values without the key."""
        exchanges, dropped = self._exchanges()
        return Record(
            nodeid=self._nodeid,
            seed=self.seed,
            exchanges=exchanges,
            deliveries=self.control.deliveries()["deliveries"],
            generations=self.control.generations()["generations"],
            rules=self.control.script()["rules"],
            unsaid=[told for each in self._begun if (told := each.incomplete)],
            clock=self.control.clock(),
            lobby=[] if self._lobby is None else self.control.lobby(after=self._lobby)["exchanges"],
            dropped=dropped,
        )

    def _exchanges(self) -> tuple[list[dict[str, Any]], int]:
        """The whole journal, which comes in pages."""
        page = self.control.journal(after=0)
        found: list[dict[str, Any]] = list(page["exchanges"])
        while page["exchanges"]:
            page = self.control.journal(after=found[-1]["number"])
            found += page["exchanges"]
        return found, page["dropped"]

    def __repr__(self) -> str:
        return f"<pixazo world at {self.url}, seed {self.seed}>"
