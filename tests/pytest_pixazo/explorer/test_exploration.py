"""The order explorer: which orders break which app, and how they are reported."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies
from tests.patience import PATIENCE

from pixazo_simulator import Simulator
from pytest_pixazo.explorer import exploration, run
from pytest_pixazo.explorer.exploration import BrokenOrderError, Exploration, explore, longer_orders
from pytest_pixazo.explorer.run import InvalidAppError, Order, Scene, Sees, orders
from pytest_pixazo.webhooks.receivers import Callback


class Webhooks:
    """An app that learns the end by webhook, and refuses a callback about a request that it does not know yet."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.states: dict[str, str] = {}
        self.taken = 0

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The gateway's answer."""
        connection = HTTPConnection(urlsplit(self.scene.url).netloc, timeout=PATIENCE)
        headers = {"Ocp-Apim-Subscription-Key": self.scene.api_key, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers | self.webhook())
        reported: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return reported

    def webhook(self) -> dict[str, str]:
        """The header that asks for a callback."""
        return {"X-Webhook-URL": self.scene.webhook_url}

    def submit(self) -> None:
        self.states[self.call("POST", "/minimax-hailuo-ai/v1/generate", {"prompt": "A bear"})["request_id"]] = "QUEUED"

    def receive(self, callback: Callback) -> int:
        if callback.request_id not in self.states or callback.status is None:
            return 503
        self.taken += 1
        self.states[callback.request_id] = callback.status
        return 200

    def result(self) -> str:
        (state,) = self.states.values()
        return state


class Both(Webhooks):
    """Also polls; an older response does not overwrite the end."""

    def poll(self) -> None:
        for request_id in self.states:
            seen = self.call("GET", f"/v2/requests/status/{request_id}")["status"]
            if self.states[request_id] != "COMPLETED":
                self.states[request_id] = seen


class Polls:
    """Takes no webhooks."""

    def __init__(self, scene: Scene) -> None:
        self._app = Both(scene)
        self.submit, self.poll, self.result = self._app.submit, self._app.poll, self._app.result


def counterexample(make_app: Callable[[Scene], Any], simulator: Simulator, **options: Any) -> str:
    """The report of the smallest order that breaks the app."""
    with pytest.raises(BrokenOrderError) as caught:
        explore(make_app, gateway=simulator, **options)
    return str(caught.value)


@pytest.mark.slow
def test_apps_that_stand_every_order(simulator: Simulator) -> None:
    """The result counts the orders: those of up to four events, and longer ones."""
    both = explore(Both, gateway=simulator, examples=20)
    assert (both.size, both.exhaustive) == (4, 63)
    assert 10 <= both.drawn <= 20
    assert str(Exploration(4, 63, 20)) == "83 orders: all 63 of up to 4 events, 20 longer ones"
    assert explore(Webhooks, gateway=simulator, examples=0) == Exploration(4, 9, 0)
    assert explore(Polls, gateway=simulator, examples=0) == Exploration(4, 10, 0)


def test_a_simulator_is_started_without_a_gateway() -> None:
    """Without `gateway`, a simulator is started for the exploration."""
    assert explore(Webhooks, size=2, examples=0).exhaustive == 2


def test_no_world_is_left_over(simulator: Simulator) -> None:
    """Each order has a world of its own, which is deleted."""
    control = simulator.control()
    worlds = control.health().worlds
    explore(Webhooks, size=2, examples=0, gateway=simulator)
    assert control.health().worlds == worlds


def test_a_callback_thrown_away_before_its_id_is_known(simulator: Simulator) -> None:
    """The classic bug takes two events."""

    class Forgetful(Webhooks):
        def receive(self, callback: Callback) -> int:
            super().receive(callback)
            return 200

    assert counterexample(Forgetful, simulator) == (
        "the smallest order that breaks the app, of 1 tried:\n"
        "  1. the webhook COMPLETED arrives before the 202, and the app answers 200\n"
        "  2. the 202 arrives\n"
        "and then result() is 'QUEUED', not 'COMPLETED'"
    )


def test_a_poll_whose_older_response_overwrites_the_end(simulator: Simulator) -> None:
    """A race that no amount of polling in a test would show."""

    class Overwriting(Both):
        def poll(self) -> None:
            for request_id in self.states:
                self.states[request_id] = self.call("GET", f"/v2/requests/status/{request_id}")["status"]

    assert counterexample(Overwriting, simulator).splitlines()[1:] == [
        "  1. the 202 arrives",
        "  2. the webhook COMPLETED arrives before the poll's response PROCESSING, and the app answers 200",
        "  3. the poll's response PROCESSING arrives",
        "and then result() is 'PROCESSING', not 'COMPLETED'",
    ]


def test_a_duplicate_that_counts_twice(simulator: Simulator) -> None:
    """`check` decides what must happen only once; the report names the duplicate."""

    def once(app: Webhooks) -> None:
        if app.taken > 1:
            raise AssertionError(f"{app.taken} mails")

    assert counterexample(Webhooks, simulator, check=once).splitlines()[1:] == [
        "  1. the 202 arrives",
        "  2. the webhook COMPLETED arrives, and the app answers 200",
        "  3. the webhook COMPLETED arrives again (a duplicate), and the app answers 200",
        "and then the check raised AssertionError: 2 mails",
    ]


def test_a_late_webhook_that_undoes_what_a_poll_began(simulator: Simulator) -> None:
    """The poll saw the end first; the first delivery never reached the app."""

    class Downloading(Both):
        downloaded = False

        def receive(self, callback: Callback) -> int:
            super().receive(callback)
            return 200

        def poll(self) -> None:
            super().poll()
            if "COMPLETED" in self.states.values():
                self.states, self.downloaded = dict.fromkeys(self.states, "DOWNLOADED"), True

        def result(self) -> str:
            return "lost" if self.downloaded and "COMPLETED" in self.states.values() else "kept"

    assert counterexample(Downloading, simulator, expected="kept").splitlines()[1:] == [
        "  1. the 202 arrives",
        "  2. the poll's response COMPLETED arrives",
        "  3. the webhook COMPLETED arrives, and the app answers 200",
        "and then result() is 'lost', not 'kept'",
    ]


def test_what_the_app_refused_comes_again_before_the_check(simulator: Simulator) -> None:
    """The gateway retries 5 s, 300 s and 1,800 s after each refusal, and the report names each retry."""

    class Late(Webhooks):
        def receive(self, callback: Callback) -> int:
            self.taken += 1
            return 204 if self.taken == 4 else 500

        def result(self) -> str:
            return "?"

    output = counterexample(Late, simulator, size=2).splitlines()
    assert [line.partition(", ")[0] for line in output[1:6]] == [
        "  1. the webhook COMPLETED arrives before the 202",
        "  2. the 202 arrives",
        "  3. the webhook COMPLETED arrives again (a retry)",
        "  4. the webhook COMPLETED arrives again (a retry)",
        "  5. the webhook COMPLETED arrives again (a retry)",
    ]
    assert output[5].endswith(", and the app answers 204")


def test_an_app_that_raises_on_a_callback_has_answered_500(simulator: Simulator) -> None:
    """That alone breaks nothing: the app may accept the retry."""

    class Raising(Webhooks):
        def receive(self, callback: Callback) -> int:
            if callback.request_id not in self.states:
                raise LookupError("no such order")
            return super().receive(callback)

        def result(self) -> str:
            return "FAILED"

    assert counterexample(Raising, simulator).splitlines()[1:4] == [
        "  1. the webhook COMPLETED arrives before the 202, and the app raises LookupError: no such order",
        "  2. the 202 arrives",
        "  3. the webhook COMPLETED arrives again (a retry), and the app answers 200",
    ]


def test_an_app_that_always_refuses_is_given_up(simulator: Simulator) -> None:
    """After four attempts the gateway gives up."""

    class Refusing(Webhooks):
        def receive(self, callback: Callback) -> int:
            return 500

    lines = counterexample(Refusing, simulator).splitlines()
    assert [line.partition(", ")[2] for line in lines if "webhook" in line] == ["and the app answers 500"] * 4
    assert lines[-1] == "and then result() is 'QUEUED', not 'COMPLETED'"


def test_a_callback_can_come_before_the_202_more_than_once(simulator: Simulator) -> None:
    """The first and its duplicate, both before the 202."""

    class Counting(Webhooks):
        early = 0

        def receive(self, callback: Callback) -> int:
            self.early += not self.states
            return 200

        def result(self) -> str:
            return "overrun" if self.early > 1 else "fine"

    assert counterexample(Counting, simulator, expected="fine").splitlines()[1:] == [
        "  1. the webhook COMPLETED arrives before the 202, and the app answers 200",
        "  2. the webhook COMPLETED arrives again (a duplicate) before the 202, and the app answers 200",
        "  3. the 202 arrives",
        "and then result() is 'overrun', not 'fine'",
    ]


@pytest.mark.slow
def test_what_overtakes_no_response_comes_after_it(simulator: Simulator) -> None:
    """An app that has stopped polling gives a callback nothing to overtake: it comes late instead."""

    class Stopping(Both):
        calls = 0

        def poll(self) -> None:
            if not self.calls and self.result() != "COMPLETED":
                super().poll()

        def receive(self, callback: Callback) -> int:
            self.calls += 1
            return 200

        def result(self) -> str:
            return "COMPLETED" if self.calls else super().result()

    seen: list[int] = []

    def count(app: Stopping) -> None:
        seen.append(app.calls)

    explore(Stopping, gateway=simulator, check=count, size=4, examples=0)
    assert sum(seen) == sum(
        order.arrivals for size in range(1, 5) for order in orders(size, polls=True, callbacks=True)
    )


def test_an_app_that_raises_itself_is_broken(simulator: Simulator) -> None:
    """The report names the error, which is the cause of the exception."""

    class Raising(Both):
        def poll(self) -> None:
            raise OSError("disk full")

    with pytest.raises(BrokenOrderError, match=r"and then poll\(\) raised OSError: disk full$") as caught:
        explore(Raising, gateway=simulator)
    assert isinstance(caught.value.__cause__, OSError)


def test_an_app_that_lets_the_callback_wait_is_no_deadlock(simulator: Simulator) -> None:
    """A lock around the submission is a valid repair: the 202 is passed on once `patience` is over."""

    class Locked(Webhooks):
        lock = threading.RLock()

        def submit(self) -> None:
            with self.lock:
                super().submit()

        def receive(self, callback: Callback) -> int:
            with self.lock:
                return super().receive(callback)

    assert explore(Locked, gateway=simulator, examples=0, size=3, patience=0.05).exhaustive == 5


def test_an_app_that_never_responds_is_reported(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `receive` that never returns is the app's failure."""
    monkeypatch.setattr(run, "SETTLING", 0.05)

    class Hanging(Webhooks):
        def __init__(self, scene: Scene) -> None:
            super().__init__(scene)
            self.forever = threading.Event()

        def receive(self, callback: Callback) -> int:
            self.forever.wait(PATIENCE)
            return 200

        def close(self) -> None:
            self.forever.set()

    assert counterexample(Hanging, simulator, patience=0.05).endswith("and then receive() did not return within 0.05 s")


def test_what_the_app_reads_while_it_takes_a_callback_is_part_of_that(simulator: Simulator) -> None:
    """An app may confirm a callback by reading the status: that read is not overtaken, and does not count as an event."""

    class Confirming(Both):
        def receive(self, callback: Callback) -> int:
            truth = self.call("GET", f"/v2/requests/status/{callback.request_id}")
            assert truth["status"] == callback.status
            return super().receive(callback)

    assert explore(Confirming, gateway=simulator, examples=0, size=3).exhaustive == 17
    assert counterexample(Confirming, simulator, expected="?").splitlines()[1:3] == [
        "  1. the webhook COMPLETED arrives before the 202, and the app answers 503",
        "  2. the 202 arrives",
    ]


@pytest.mark.slow
def test_hypothesis_finds_and_shrinks_what_is_larger(simulator: Simulator) -> None:
    """Even if only the smallest orders are tried exhaustively, the counterexample is minimal."""

    class Impatient(Both):
        polled = 0

        def poll(self) -> None:
            super().poll()
            self.polled += self.result() == "PROCESSING"

    def calm(app: Impatient) -> None:
        assert app.polled < 2 or app.taken < 2, "too much for it"

    lines = counterexample(Impatient, simulator, check=calm, size=1, examples=1000).splitlines()
    assert [line.partition(", ")[0][5:] for line in lines[1:6]] == [
        "the 202 arrives",
        "the poll's response PROCESSING arrives",
        "the poll's response PROCESSING arrives",
        "the webhook COMPLETED arrives",
        "the webhook COMPLETED arrives again (a duplicate)",
    ]


def test_the_same_orders_are_tried_every_time(simulator: Simulator) -> None:
    """By default the drawn orders are deterministic."""
    tried: list[list[str]] = []

    class Noting(Webhooks):
        def submit(self) -> None:
            super().submit()
            tried[-1].append("submitted")

        def receive(self, callback: Callback) -> int:
            tried[-1].append("received")
            return super().receive(callback)

    for _ in range(2):
        tried.append([])
        explore(Noting, gateway=simulator, size=1, examples=10)
    assert tried[0] == tried[1]


def test_an_app_that_behaves_at_random_is_reported(simulator: Simulator) -> None:
    """An order that breaks the app once and not again is not a counterexample."""
    broken = [True]

    def once(_: Webhooks) -> None:
        assert not broken.pop() if broken else True

    assert counterexample(Webhooks, simulator, check=once, size=1).startswith(
        "an order broke the app once but not again: is the app non-deterministic?"
    )


def test_hypothesis_is_not_needed_for_the_orders_up_to_a_size(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not installed, `examples=0` works."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.setattr(exploration, "find_spec", _not_found)
    assert explore(Webhooks, gateway=simulator, examples=0).exhaustive == 9
    with pytest.raises(ModuleNotFoundError, match=r"pip install hypothesis, or explore\(\.\.\., examples=0\)"):
        explore(Webhooks, gateway=simulator)


def _not_found(_: str) -> None:
    """No such module."""


@pytest.mark.slow
@pytest.mark.parametrize(("polls", "callbacks"), [(True, True), (True, False), (False, True)])
@given(data=strategies.data())
def test_longer_orders_are_legal_too(polls: bool, callbacks: bool, data: strategies.DataObject) -> None:
    """Each step is a continuation of those before it, and the app can know the end."""
    order = data.draw(longer_orders({"polls": polls, "callbacks": callbacks}))
    assert order.sees is Sees.END
    for number, step in enumerate(order.steps):
        assert step in Order(order.steps[:number]).continuations(polls=polls, callbacks=callbacks)


class Mute(Webhooks):
    """Asks for no callback."""

    def webhook(self) -> dict[str, str]:
        return {}


class Idle(Webhooks):
    """Submits nothing."""

    def submit(self) -> None: ...


class Deaf:
    """Can learn nothing."""

    def __init__(self, scene: Scene) -> None: ...

    def submit(self) -> None: ...

    def result(self) -> None: ...


class Awaited(Webhooks):
    """Would have to be awaited."""

    async def receive(self, callback: Callback) -> int:  # type: ignore[override]  # that is what is wrong
        return super().receive(callback)


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (Mute, "no callback arrived: submit() must send scene.webhook_url as X-Webhook-URL or callback_url"),
        (Idle, "submit() received no 202 from the gateway: submit once to scene.url with scene.api_key"),
        (Deaf, "the app has neither poll() nor receive(callback)"),
        (Awaited, "receive() is a coroutine function: make it a plain one that calls asyncio.run"),
    ],
)
def test_an_invalid_adapter_is_refused(app: Callable[[Scene], Any], expected: str, simulator: Simulator) -> None:
    """The remedy is in the message."""
    with pytest.raises(InvalidAppError) as caught:
        explore(app, gateway=simulator, size=2)
    assert str(caught.value).startswith(expected)


async def unawaited(_: Webhooks) -> None:
    raise AssertionError


@pytest.mark.filterwarnings("ignore:coroutine 'unawaited' was never awaited")
def test_a_check_that_is_a_coroutine_function(simulator: Simulator) -> None:
    """Is refused: it would never fail."""
    with pytest.raises(InvalidAppError, match="check returned an awaitable: make it a plain function"):
        explore(Webhooks, gateway=simulator, size=2, examples=0, check=unawaited)


def test_every_app_is_closed(simulator: Simulator) -> None:
    """An app is closed after its order, even when the order breaks it."""
    opened: list[Webhooks] = []
    closed: list[Webhooks] = []

    class Holding(Webhooks):
        def __init__(self, scene: Scene) -> None:
            super().__init__(scene)
            opened.append(self)

        def close(self) -> None:
            closed.append(self)

        def result(self) -> str:
            return "?"

    counterexample(Holding, simulator)
    assert len(opened) == 2
    assert opened == closed
