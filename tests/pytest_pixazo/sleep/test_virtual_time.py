"""Sleeps of the app advance the world's clock: what counts as the app, and what as a sleep; and the queue of wakeups."""

from __future__ import annotations

import asyncio
import math
import re
import sched
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from types import FunctionType, ModuleType
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import KEY_HEADER, Caller
from tests.command import run_process
from tests.patience import PATIENCE
from tests.pytest_pixazo.sleep import sleeping_app
from tests.pytest_pixazo.sleep.sleeping_app import Poller, Settings, by_default, by_keyword, by_name, by_other_name
from tests.receiver import Receiver

from pixazo_client import AsyncPixazoClient, PixazoClient, RequestHandle
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pytest_pixazo import BeforeReply, Callback, Delay, Inbox, Pixazo
from pytest_pixazo.sleep import SleepLimitError, Sleeps, WorldClock, virtual_sleep, virtual_time
from pytest_pixazo.sleep.virtual_time import SWEEP, TimerQueue, Wakeup

FORK = """
import os, time
from pytest_pixazo.sleep import WorldClock, virtual_sleep

with virtual_sleep(WorldClock(lambda seconds: None)) as sleeps:
    if not (child := os.fork()):
        time.sleep(0.001)
        print("child", "virtual" if sleeps.count else "real", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(5)
print("parent", sleeps.total)
"""

REAL = {name: getattr(time, name) for name in ("sleep", "time", "monotonic", "perf_counter", "monotonic_ns", "time_ns")}


def poll(caller: Caller, request_id: str) -> list[str]:
    """Read the status every 5 s until it is COMPLETED."""
    seen = [caller.status(request_id)]
    while seen[-1] != "COMPLETED":
        time.sleep(5)
        seen.append(caller.status(request_id))
    return seen


def of(module: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, as if it were defined in another module."""
    assert isinstance(function, FunctionType)
    return FunctionType(function.__code__, {"__name__": module, "time": time, "asyncio": asyncio})


def app_of(function: Callable[[], None], advance: Callable[[float], object], limit: float) -> None:
    """Run an app in a thread, in virtual time with a limit, until it ends."""
    with virtual_sleep(WorldClock(advance), limit=limit):
        thread = threading.Thread(target=function)
        thread.start()
        thread.join()


def doze(advance: Callable[[float], object], *lengths: float) -> None:
    """Sleep so long in virtual time, again and again."""
    with virtual_sleep(WorldClock(advance)):
        for seconds in lengths:
            time.sleep(seconds)


def test_a_quarter_of_an_hour_shows_every_state(sleeps: Sleeps, caller: Caller) -> None:
    """A generation of 900 s is polled 181 times, 5 s apart in the journal, and each of its states is seen."""
    seen = poll(caller, caller.accepted("A bear [[sim:after 900]]"))
    assert list(dict.fromkeys(seen)) == ["QUEUED", "PROCESSING", "COMPLETED"]
    assert (sleeps.count, sleeps.total, sleeps.lengths) == (180, 900.0, [5.0] * 180)
    journal = caller.sim("journal?limit=200")["exchanges"]
    times = [exchange["at"] for exchange in journal if exchange["method"] == "GET"]
    assert times[:3] == ["2026-03-31T10:00:00.000Z", "2026-03-31T10:00:05.000Z", "2026-03-31T10:00:10.000Z"]
    assert (len(times), times[-1]) == (181, "2026-03-31T10:15:00.000Z")


def test_webhooks_arrive_during_a_sleep(sleeps: Sleeps, caller: Caller, receiver: Receiver) -> None:
    """A callback that falls due has been received when the sleep ends, and not earlier."""
    caller.accepted(webhook=receiver.url)
    time.sleep(14.999)
    assert receiver.received == []
    time.sleep(0.001)
    assert len(receiver.received) == 1
    assert sleeps.total == 15


@pytest.mark.parametrize("sleep", [lambda: time.sleep(1), lambda: asyncio.run(asyncio.sleep(1))])
@pytest.mark.parametrize("moves", ["advance", "run_until", "client", "submission"])
def test_an_endpoint_may_sleep_whatever_moves_the_clock(
    pixazo: Pixazo, pixazo_webhooks: Inbox, pixazo_sleep: Sleeps, moves: str, sleep: Callable[[], None]
) -> None:
    """The delivery waits for the endpoint, so the endpoint cannot wait for the clock: its sleep ends after a tenth of a second."""

    def endpoint(_: Callback) -> None:
        sleep()

    pixazo_webhooks.deliver_to(endpoint)
    if moves == "submission":
        pixazo.when("webhook").fault(BeforeReply())
    with pixazo.client() as client:
        handle = client.generate("A bear", webhook_url=pixazo_webhooks.url)
        if moves == "client":
            handle.wait()
        elif moves != "submission":
            pixazo.clock.advance(15) if moves == "advance" else pixazo.clock.run_until()
    assert pixazo.webhooks[0].delivered
    assert (pixazo_sleep.count, pixazo_sleep.total) == (1, 0)


def test_a_scheduler_reads_the_clock_that_it_moves(sleeps: Sleeps) -> None:
    """That of the standard library, with its own defaults."""
    planned, called = sched.scheduler(), list[float]()
    for seconds in (30, 60):
        planned.enter(seconds, 1, lambda: called.append(round(sleeps.total)))
    planned.run()
    assert called == [30, 60]


@pytest.mark.parametrize(
    "sleep",
    [
        by_name,
        lambda: asyncio.run(by_other_name()),
        by_default,
        by_keyword,
        lambda: Poller().wait(),
        lambda: Poller().nap(5),
        lambda: Poller().rest(5),
        lambda: Settings().nap(5),
        lambda: ThreadPoolExecutor(1).submit(time.sleep, 5).result(),
    ],
    ids=["name", "asyncio", "default", "keyword", "method", "attribute", "static", "field", "pool"],
)
def test_wherever_the_app_keeps_it(sleeps: Sleeps, sleep: Callable[[], None]) -> None:
    """A function that was bound earlier by a name, a default, an attribute or a field moves the clock as well."""
    sleep()
    assert (sleeps.count, sleeps.total) == (1, 5.0)


@pytest.mark.slow
def test_afterwards_all_is_as_it_was(advance: Callable[[float], object]) -> None:
    """Names, defaults, attributes and methods of loops are restored; also in a module that was imported meanwhile."""
    sleep, call_at, enter = asyncio.sleep, asyncio.BaseEventLoop.call_at, asyncio.BaseEventLoop.time
    late = ModuleType("imported_meanwhile")
    with virtual_sleep(WorldClock(advance)):
        exec("from time import sleep, monotonic as tell", late.__dict__)
        sys.modules[late.__name__] = late
        assert time.sleep is not REAL["sleep"]
        assert late.sleep is not REAL["sleep"]
    del sys.modules[late.__name__]
    assert {name: getattr(time, name) for name in REAL} == REAL
    assert (late.sleep, late.tell) == (REAL["sleep"], REAL["monotonic"])
    assert (asyncio.sleep, asyncio.BaseEventLoop.call_at, asyncio.BaseEventLoop.time) == (sleep, call_at, enter)
    assert vars(sleeping_app)["sleep"] is vars(sleeping_app)["Poller"].nap is REAL["sleep"]
    assert by_default.__defaults__ == Poller.wait.__defaults__ == (REAL["sleep"],)
    assert by_keyword.__kwdefaults__ == {"nap": REAL["sleep"]}
    assert isinstance(vars(Poller)["rest"], staticmethod)


@pytest.mark.slow
def test_a_module_that_binds_it_later_is_seen(
    advance: Callable[[float], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even after a search without result; and what the module bound by itself meanwhile stays."""
    module = ModuleType("searched_before")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    doze(advance, 5)
    exec("from time import sleep", module.__dict__)
    with virtual_sleep(WorldClock(advance)) as sleeps:
        module.sleep(5)
        exec("def sleep(): return 'its own'", module.__dict__)
    assert sleeps.total == 5
    assert module.sleep() == "its own"


@pytest.mark.slow
def test_a_name_that_a_test_replaced_is_seen_again(
    advance: Callable[[float], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a test that patched the app's own name before it asked for virtual sleep."""
    with monkeypatch.context() as patch:
        patch.setattr(sleeping_app, "sleep", float)
        doze(advance, 5)
    with virtual_sleep(WorldClock(advance)) as sleeps:
        by_name()
    assert sleeps.total == 5


@pytest.mark.slow
def test_what_was_kept_from_one_test_works_in_the_next(advance: Callable[[float], object]) -> None:
    """An object made while sleep was virtual sleeps in real time afterwards, and virtually in the next test."""
    with virtual_sleep(WorldClock(advance)):
        settings = Settings()
    settings.nap(0.001)
    with virtual_sleep(WorldClock(advance)) as sleeps:
        settings.nap(5)
    assert sleeps.total == 5


@pytest.mark.parametrize(
    ("seconds", "error", "expected"),
    [
        (-1, ValueError, "sleep length must be non-negative"),
        (math.nan, ValueError, "Invalid value NaN"),
        ("5", TypeError, "cannot be interpreted as an integer"),
        (None, TypeError, "cannot be interpreted as an integer"),
        (1e10, OverflowError, "timestamp"),
        (math.inf, OverflowError, "timestamp"),
    ],
)
def test_what_cannot_be_slept(sleeps: Sleeps, seconds: Any, error: type[Exception], expected: str) -> None:
    """It is refused with the original's error, and does not move the clock."""
    with pytest.raises(error, match=re.escape(expected)):
        time.sleep(seconds)
    assert (sleeps.count, sleeps.total) == (0, 0.0)


@pytest.mark.parametrize("seconds", [0, 0.0, False])
def test_sleep_of_zero(sleeps: Sleeps, seconds: float) -> None:
    """`sleep(0)` lets other threads run."""
    time.sleep(seconds)
    assert sleeps.count == 0


def test_fractions_add_up(sleeps: Sleeps, simulator: Simulator, caller: Caller) -> None:
    """Sleeps shorter than the millisecond of the world's clock are summed before they are rounded up."""
    before = simulator.monotonic(api_key=caller.key)
    for _ in range(10):
        time.sleep(0.00025)
    assert sleeps.total == 0.0025
    assert round(simulator.monotonic(api_key=caller.key) - before, 6) == 0.003


def test_threads_overlap(sleeps: Sleeps) -> None:
    """Three threads that sleep 10, 5 and 7 s at the same time move the clock by 10 s, and wake in the order of their deadlines."""
    woken: list[int] = []

    def nap(seconds: int) -> None:
        time.sleep(seconds)
        woken.append(seconds)

    threads = [threading.Thread(target=nap, args=(seconds,)) for seconds in (10, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert woken == [5, 7, 10]
    assert (sleeps.count, sleeps.total) == (3, 10.0)


def test_threads_that_poll_see_each_other_s_time(sleeps: Sleeps, caller: Caller) -> None:
    """Four threads poll until 20, 40, 60 and 100 s: no request is overtaken, each comes at the time it would really come."""
    ends = (20, 40, 60, 100)
    request_ids = [caller.accepted(f"[[sim:after {end}]]") for end in ends]
    with ThreadPoolExecutor(4) as pool:
        polls = [len(seen) for seen in pool.map(poll, [caller] * 4, request_ids)]
    assert polls == [5, 9, 13, 21]
    assert sleeps.total == 100


@pytest.mark.parametrize(
    "module", ["uvicorn.server", "_pytest.runner", "subprocess", "pixazo_simulator.webhooks.sender"]
)
def test_servers_and_runners_sleep_in_real_time(sleeps: Sleeps, module: str) -> None:
    """Servers, test runners and code that waits for a process are not the app."""

    async def pause() -> None:
        await asyncio.sleep(0.001)

    of(module, lambda: time.sleep(0.001))()
    asyncio.run(of(module, pause)())
    assert sleeps.count == 0


def test_the_simulator_s_own_thread_sleeps_in_real_time(sleeps: Sleeps) -> None:
    """Otherwise an app that it calls in process would wait for a clock that waits for the app."""
    thread = threading.Thread(target=lambda: time.sleep(0.001), name="pixazo-sim:8900")
    thread.start()
    thread.join()
    assert sleeps.count == 0


def test_a_retry_of_urllib3_is_the_app_s_wait() -> None:
    """`Retry-After: 2` is waited for on the world's clock, and then the call succeeds."""
    key = "sim-throttled-briefly"
    retry = urllib3.Retry(1, status_forcelist=[429])
    with Simulator() as simulator, urllib3.PoolManager(retries=retry) as pool:
        with virtual_sleep(WorldClock(lambda seconds: simulator.advance(seconds, api_key=key))) as sleeps:
            response = pool.request("GET", f"{simulator.url}/v2/requests/status/unknown", headers={KEY_HEADER: key})
        assert response.status == 404
    assert sleeps.lengths == [2.0]


def test_one_at_a_time(sleeps: Sleeps, advance: Callable[[float], object]) -> None:
    """A second context within the first is refused with the remedy, and the first stays active."""
    expected = "virtual_sleep is already active: a process has one time.sleep; use the active context"
    with pytest.raises(RuntimeError, match=re.escape(expected)), virtual_sleep(WorldClock(advance)):
        pass
    time.sleep(5)
    assert sleeps.total == 5


def test_an_app_that_never_ends_is_ended(advance: Callable[[float], object]) -> None:
    """At the limit, whatever the app catches; and the test fails, even if the app ran in another thread."""
    refusals: list[str] = []

    def forever() -> None:
        while True:
            with suppress(Exception):
                time.sleep(7)

    def unseen() -> None:
        try:
            forever()
        except SleepLimitError as error:
            refusals.append(str(error))

    with pytest.raises(SleepLimitError) as raised:
        app_of(unseen, advance, limit=600)
    expected = (
        "the app has slept 595 s and would exceed the limit of 600 s: give its loop an end with a counter, a time-out,"
        " time.monotonic() or datetime.now(), or raise the limit, as with pixazo_sleep.limit = 86400"
    )
    assert refusals == [str(raised.value)] == [expected]


def test_a_deadline_beyond_the_limit() -> None:
    """Does not pass when all sleeps end: the app would blame its own time-out."""
    queue, sleep, deadline = TimerQueue(), Wakeup(601, int), Wakeup(7200, int, drives=False)
    queue.enter(deadline)
    queue.enter(sleep)
    assert (queue.take_sleeps(), queue.take(7200)) == ([sleep], [deadline])


def test_an_hour_is_the_limit(advance: Callable[[float], object]) -> None:
    """By default, 3,600 s can be slept and not a millisecond more."""
    doze(advance, 3600)
    with pytest.raises(SleepLimitError, match="would exceed the limit of 3,600 s"):
        doze(advance, 3600, 0.001)


def test_a_thread_that_sleeps_beyond_the_limit_may_be_left_behind(advance: Callable[[float], object]) -> None:
    """Its sleep ends with the test, not with an error."""
    begun = threading.Event()

    def sleep_for_a_day() -> None:
        begun.set()
        time.sleep(86_400)

    with ThreadPoolExecutor(1) as pool, virtual_sleep(WorldClock(advance)) as sleeps:
        left = pool.submit(sleep_for_a_day)
        begun.wait(PATIENCE)
        time.sleep(5)
    left.result(PATIENCE)
    assert sleeps.total == 5


def test_the_limit_can_be_raised(advance: Callable[[float], object]) -> None:
    """A test can raise it at any time."""
    with virtual_sleep(WorldClock(advance)) as sleeps:
        sleeps.limit = 86_400
        time.sleep(50_000)
    assert sleeps.total == 50_000


def wait_for_success(handle: RequestHandle) -> None:
    """Poll as an app that knows neither a deadline nor another end."""
    while handle.status().status != "COMPLETED":
        time.sleep(60)


@pytest.mark.parametrize(("end", "named"), [("stuck", "is PROCESSING and never ends"), ("error", "has ended as ERROR")])
def test_a_generation_for_which_an_app_waits_for_ever_is_named(
    pixazo_client: PixazoClient, pixazo_sleep: Sleeps, end: str, named: str
) -> None:
    """The error that ends the loop names it, also where the app does not know its end. A misspelt limit would change nothing."""
    handle = pixazo_client.generate(f"A bear [[sim:{end}]]")
    pixazo_sleep.limit = 600
    with pytest.raises(
        AttributeError, match=r"Sleeps.limits cannot be set \(did you mean limit\?\): set pixazo_sleep.limit"
    ):
        pixazo_sleep.limits = 5  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(SleepLimitError, match=rf"the limit of 600 s \(.*{handle.request_id} {named}\): give its loop"):
        wait_for_success(handle)
    pixazo_sleep.exceeded = False  # it was meant so


def test_an_app_of_another_world_waits_for_ever(pixazo: Pixazo, pixazo_sleep: Sleeps) -> None:
    """The error names what would have moved that world's clock."""
    with pixazo.fresh() as other, other.client() as client:
        with pytest.raises(
            SleepLimitError, match=r"\(the world .* has no generation: .* that world's virtual_sleep\(\)\)"
        ):
            wait_for_success(client.generate("A bear"))
        pixazo_sleep.exceeded = False  # it was meant so


def test_a_response_that_a_fault_delays_is_waited_for(
    pixazo: Pixazo, pixazo_sleep: Sleeps, pixazo_async_client: AsyncPixazoClient
) -> None:
    """In real time, in which other tasks would otherwise sleep for hours, and the client's time-out would pass."""
    pixazo.when("generate").fault(Delay(0.2))

    async def main() -> None:
        ordering = asyncio.create_task(pixazo_async_client.generate("A bear"))
        while not ordering.done():  # noqa: ASYNC110 - its sleeps are what is tested
            await asyncio.sleep(60)
        await ordering

    asyncio.run(main())
    assert pixazo_sleep.total <= 120


@pytest.mark.slow
def test_the_next_test_has_a_world_of_its_own(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Whether the test, or a fixture at its beginning or end, sleeps too long: pytest tears down the rest."""
    run_tests(
        """
        import time

        import pytest

        @pytest.fixture
        def first(pixazo_sleep, pixazo_client, request):
            if request.node.name == "test_first_fixture":
                time.sleep(7200)
            pixazo_client.generate("A bear")
            yield
            if request.node.name == "test_last_fixture":
                time.sleep(7200)

        def test_app(first):
            time.sleep(7200)

        def test_first_fixture(first, pixazo):
            pass

        def test_last_fixture(first, pixazo):
            assert len(pixazo.generations) == 1

        def test_next(pixazo):
            assert not pixazo.generations
        """
    ).assert_outcomes(passed=2, failed=1, errors=4)


def test_a_clock_that_cannot_be_moved_is_an_error_of_sleep() -> None:
    """The error of `advance` is raised by `sleep`."""
    simulator = Simulator()
    with virtual_sleep(WorldClock(simulator.advance)), pytest.raises(SimulatorError, match="is not running"):
        time.sleep(5)


def test_a_sleep_at_the_end_is_woken() -> None:
    """A thread that outlives the test continues, and no longer moves the clock."""
    entered, left = threading.Event(), threading.Event()
    moves: list[float] = []

    def advance(seconds: float) -> None:
        moves.append(seconds)
        entered.set()
        left.wait(PATIENCE)

    with virtual_sleep(WorldClock(advance)) as sleeps:
        threads = [threading.Thread(target=time.sleep, args=(seconds,)) for seconds in (5, 600)]
        for thread in threads:
            thread.start()
        assert entered.wait(PATIENCE)
    left.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert [thread.is_alive() for thread in threads] == [False, False]
    assert (sleeps.count, moves) == (2, [5.0])


@pytest.mark.slow
def test_a_sleep_that_began_in_a_slow_move_lasts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends early only where the move waits for it, which is told by more than the real time that a busy machine takes."""
    hours = count(step=3600)
    monkeypatch.setattr(virtual_time, "real_clock", lambda: next(hours))
    monkeypatch.setattr(virtual_time, "SLICES", 1_000_000)
    thread = threading.Thread(target=lambda: time.sleep(600), daemon=True)

    def advance(seconds: float) -> None:
        if seconds == 5:
            thread.start()
            while sleeps.count < 2:
                REAL["sleep"](0)

    with virtual_sleep(WorldClock(advance)) as sleeps:
        time.sleep(5)
        thread.join(PATIENCE)
    assert (thread.is_alive(), sleeps.total) == (False, 600)


@pytest.mark.slow
def test_lengths_are_bounded() -> None:
    """Of more than 10,000 sleeps the lengths of the last 10,000 are kept; all are counted."""
    with virtual_sleep(WorldClock(lambda _: None), limit=86_400) as sleeps:
        for each in range(10_002):
            time.sleep(1 + each / 1000)
    assert (len(sleeps.lengths), sleeps.lengths[0], sleeps.count) == (10_000, 1.002, 10_002)


def test_a_forked_child_sleeps_in_real_time() -> None:
    """The child has no thread that moves the clock; it still ends."""
    done = run_process(sys.executable, "-c", FORK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child real\nparent 5.0\n", "")


def wakeup(due: int, *, drives: bool = True, alive: bool = True) -> Wakeup:
    """A wakeup that calls nothing."""
    return Wakeup(due, lambda: None, drives=drives, alive=lambda: alive)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans(), st.booleans())), st.integers(0, 20))
def test_which_wakeups_are_taken(entries: list[tuple[int, bool, bool, bool]], until: int) -> None:
    """Those due by then that neither left nor died, in the order of their time, then of their entry; each once."""
    queue = TimerQueue()
    entered = [wakeup(due, drives=drives, alive=alive) for due, drives, alive, _ in entries]
    for each in entered:
        queue.enter(each)
    for each, (_, _, _, leaves) in zip(entered, entries, strict=True):
        if leaves:
            queue.leave(each)
    expected = [
        each
        for each, (due, _, alive, leaves) in sorted(zip(entered, entries, strict=True), key=lambda pair: pair[1][0])
        if due <= until and alive and not leaves
    ]
    assert queue.take(until) == expected
    assert all(each.woken for each in expected)
    assert queue.take(until) == []


def test_time_moves_for_sleepers_only() -> None:
    """A deadline is met on the way to the wakeup of a sleep; alone it does not move the clock."""
    queue = TimerQueue()
    queue.enter(wakeup(3, drives=False))
    assert queue.next_due() is None
    sleeper = wakeup(5)
    queue.enter(sleeper)
    assert queue.next_due() == 3
    queue.take(3)
    assert queue.next_due() == 5
    queue.leave(sleeper)
    assert queue.next_due() is None


def test_a_dead_deadline_is_ignored() -> None:
    """The clock does not stop at a deadline that was cancelled."""
    queue = TimerQueue()
    queue.enter(wakeup(3, drives=False, alive=False))
    queue.enter(wakeup(5))
    assert queue.next_due() == 5


def test_dead_deadlines_are_swept_away() -> None:
    """Time-outs that were never reached do not pile up; pending ones stay."""
    queue = TimerQueue()
    queue.enter(wakeup(7))
    for due in range(10 * SWEEP):
        queue.enter(wakeup(due, drives=False, alive=False))
        assert len(queue._heap) <= 2 * SWEEP  # pyright: ignore[reportPrivateUsage]
    assert queue.next_due() == 7
