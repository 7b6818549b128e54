"""Looks for an order of poll, webhook, retry and duplicate that breaks an app."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pixazo_simulator.server import Simulator

from .run import POLICY, AppError, AppUnderTest, EventStep, InvalidAppError, Kind, Order, Run, Scene, Sees, orders

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from pixazo_simulator import ControlClient


A = TypeVar("A", bound=AppUnderTest)


class RunningSimulator(Protocol):
    """A running simulator, such as the fixture `pixazo_simulator` gives."""

    def control(self) -> ControlClient:
        """Its control client."""
        ...


class BrokenOrderError(AssertionError):
    """An order broke the app; the message describes the smallest one found, and how the app failed."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """How many orders were tried: all up to `size` events, and longer ones that Hypothesis drew."""

    size: int
    exhaustive: int
    drawn: int

    def __str__(self) -> str:
        return f"{self.exhaustive + self.drawn} orders: all {self.exhaustive} of up to {self.size} events, {self.drawn} longer ones"


def explore(
    make_app: Callable[[Scene], A],
    *,
    outcome: str = "COMPLETED",
    expected: object = None,
    check: Callable[[A], object] | None = None,
    size: int = 4,
    examples: int = 50,
    gateway: RunningSimulator | None = None,
    patience: float = 0.5,
) -> Exploration:
    """Carry out every legal order of up to `size` events on the app, then `examples` longer ones drawn by Hypothesis.

    `make_app(scene)` makes the app, in a fresh world for each order. It has `submit()` and `result()`, and `poll()` if it polls,
    `receive(callback)` if it takes webhooks (it returns the status code of the response; None means 204), `close()` if it holds
    resources. In the end, when the gateway has retried what the app refused, `result()` must equal `expected`, by default the
    `outcome` of the generation (COMPLETED, FAILED or ERROR), and `check(app)` must not raise.

    `gateway` is a running simulator, by default one started for this call. A response that a webhook overtakes is held back until
    `receive` has returned, for `patience` real seconds at most. Raises BrokenOrderError with the smallest order that breaks the
    app, InvalidAppError when the app does not meet this contract.
    """
    __tracebackhide__ = True
    wanted = outcome if expected is None else expected

    def judge(app: A) -> None:
        if (result := app.result()) != wanted:
            raise AppError(f"result() is {result!r}, not {wanted!r}")
        if check and inspect.isawaitable(check(app)):
            raise InvalidAppError("check returned an awaitable: make it a plain function that calls asyncio.run")

    if examples and find_spec("hypothesis") is None:
        needs = "longer orders are drawn by Hypothesis: pip install hypothesis, or explore(..., examples=0)"
        raise ModuleNotFoundError(needs)
    try:
        with Simulator() if gateway is None else nullcontext(gateway) as running:
            explorer = _Explorer(running.control(), make_app, judge, outcome, patience)
            exhaustive = explorer.all_up_to(size)
            drawn = explorer.draw(examples) if examples else 0
    except (BrokenOrderError, InvalidAppError) as error:
        raise error.with_traceback(None) from error.__cause__  # its traceback is of no interest to the user
    return Exploration(size, exhaustive, drawn)


@dataclass
class _Explorer:
    """One call of `explore`: the gateway, the app, and how many orders were tried."""

    gateway: ControlClient
    make_app: Callable[[Scene], Any]
    judge: Callable[[Any], None]
    outcome: str
    patience: float
    tried: int = 0

    def __post_init__(self) -> None:
        with self._run() as run:
            self._abilities = run.abilities(self.make_app)

    def all_up_to(self, size: int) -> int:
        """Try every order of up to `size` events, smallest first; return how many there are."""
        for each in range(1, size + 1):
            for order in orders(each, **self._abilities):
                self._attempt(order)
        return self.tried

    def draw(self, examples: int) -> int:
        """Try this many longer orders, and more to find the smallest that breaks the app; return how many were tried."""
        import hypothesis
        from hypothesis.errors import Flaky

        # The same orders every time, without time limits, and with nothing stored on disk.
        settings = hypothesis.settings(
            max_examples=examples, derandomize=True, database=None, deadline=None, report_multiple_bugs=False,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )  # fmt: skip
        before = self.tried
        try:
            settings(hypothesis.given(longer_orders(self._abilities))(self._attempt))()
        except Flaky as error:
            raise BrokenOrderError(
                f"an order broke the app once but not again: is the app non-deterministic?\n{error}"
            ) from error
        return self.tried - before

    def _attempt(self, order: Order) -> None:
        self.tried += 1
        with self._run() as run:
            try:
                run.carry_out(self.make_app, order, self.judge)
            except AppError as failure:
                lines = "\n".join(f"  {number}. {line}" for number, line in enumerate(run.lines, 1))
                raise BrokenOrderError(
                    f"the smallest order that breaks the app, of {self.tried} tried:\n{lines}\nand then {failure}"
                ) from failure.__cause__

    @contextmanager
    def _run(self) -> Generator[Run]:
        script = [] if self.outcome == "COMPLETED" else [{"when": "submit", "end": {"status": self.outcome}}]
        world = self.gateway.create_world(clock="manual", profile="documented", policy=POLICY, script=script)
        try:
            yield Run(world, self.patience)
        finally:
            world.delete_world()


def longer_orders(abilities: dict[str, bool]) -> SearchStrategy[Order]:
    """Orders for an app with these abilities: some polls while the generation runs, then callbacks and polls."""
    from hypothesis import strategies

    most = 4 if abilities["polls"] else 0
    running = strategies.lists(strategies.sampled_from([Sees.PROCESSING, Sees.QUEUED]), max_size=most).map(sorted)
    overtaken = strategies.sampled_from([0, 0, 0, 1, 2] if abilities["callbacks"] else [0])
    ended = [EventStep(Kind.CALLBACK), EventStep(Kind.POLL, Sees.END), EventStep(Kind.POLL, Sees.END, overtaken=1)]

    def compose(polls: list[Sees], overtaking: int, tail: list[EventStep]) -> Order:
        before = [EventStep(Kind.SUBMIT), *(EventStep(Kind.POLL, sees) for sees in polls)]
        before[-1] = replace(before[-1], overtaken=overtaking)
        order = Order(())
        for step in (*before, *tail):
            if step in order.continuations(**abilities):
                order = order.then(step)
        return order if order.sees is Sees.END else order.then(next(order.continuations(**abilities)))

    return strategies.builds(compose, running, overtaken, strategies.lists(strategies.sampled_from(ended), max_size=6))
