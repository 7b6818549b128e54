"""Dates follow what the app sleeps, also where freezegun or time-machine have set them; and both work as before afterwards."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from types import FunctionType
from typing import Any

import freezegun
import pytest
import time_machine
from freezegun import freeze_time
from tests.patience import PATIENCE
from tests.pytest_pixazo.sleep.sleeping_app import instant, pause_until, reading

from pixazo_simulator.server import threaded
from pytest_pixazo.sleep import SleepLimitError, Sleeps, WorldClock, virtual_sleep

DAY = "2026-01-02 03:04:05"
TOOLS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "none": nullcontext,
    "freezegun": lambda: freeze_time(DAY),
    "freezegun, ticking": lambda: freeze_time(DAY, tick=True),
    "freezegun, real asyncio": lambda: freeze_time(DAY, real_asyncio=True),
    "time-machine": lambda: time_machine.travel(DAY, tick=False),
    "time-machine, ticking": lambda: time_machine.travel(DAY),
}
CLOCKS: dict[str, Callable[[], Any]] = {
    "datetime.now": lambda: datetime.now(),  # noqa: DTZ005
    "datetime.now(UTC)": lambda: datetime.now(UTC),
    "datetime.now(zone)": lambda: datetime.now(tz=timezone(timedelta(hours=9))),
    "datetime.today": lambda: datetime.today(),  # noqa: DTZ002
    "datetime by name": instant,
    "time.time": lambda: time.time(),
    "time.time_ns": lambda: time.time_ns() / 10**9,
    "time.monotonic": lambda: time.monotonic(),
    "time.monotonic by name": reading,
    "time.monotonic_ns": lambda: time.monotonic_ns() / 10**9,
    "time.perf_counter": lambda: time.perf_counter(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns() / 10**9,
    "time.gmtime": lambda: time.mktime(time.gmtime()),
    "time.localtime": lambda: time.mktime(time.localtime()),
    "time.strftime": lambda: datetime.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S"),  # noqa: DTZ007
}
HOUR = 3600


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Any]]:
    """What freezes time, if anything."""
    return TOOLS[request.param]


@pytest.fixture(params=["frozen first", "frozen meanwhile"])
def sleeps_in(
    request: pytest.FixtureRequest, tool: Callable[[], AbstractContextManager[Any]]
) -> Iterator[Callable[[], Sleeps]]:
    """Begins virtual sleep and frozen time, in either order; both end in the reverse one."""
    with ExitStack() as stack:

        def enter() -> Sleeps:
            if request.param == "frozen first":
                stack.enter_context(tool())
            sleeps = stack.enter_context(virtual_sleep(WorldClock(lambda _: None), limit=10 * 24 * HOUR))
            if request.param == "frozen meanwhile":
                stack.enter_context(tool())
            return sleeps

        yield enter


def seconds(difference: Any) -> float:
    """A difference of two readings of a clock."""
    return difference.total_seconds() if isinstance(difference, timedelta) else float(difference)


def test_every_clock_shows_what_was_slept(sleeps_in: Callable[[], Sleeps]) -> None:
    """Once, neither more nor less; a clock that stands still stands still otherwise."""
    sleeps_in()
    before = {name: read() for name, read in CLOCKS.items()}
    day = date.today()  # noqa: DTZ011
    time.sleep(HOUR)
    time.sleep(47 * HOUR)
    passed = {name: seconds(read() - before[name]) for name, read in CLOCKS.items()}
    assert [name for name, each in passed.items() if not 48 * HOUR - 1 <= each < 49 * HOUR] == []
    assert date.today() - day in (timedelta(days=2), timedelta(days=3))  # noqa: DTZ011


def test_a_deadline_by_date_comes(sleeps_in: Callable[[], Sleeps]) -> None:
    """The loop of an app that polls until `datetime.now()` has passed its deadline ends, in either form of import."""
    sleeps = sleeps_in()
    pause_until(datetime.now() + timedelta(seconds=600), 60)  # noqa: DTZ005
    assert 10 <= sleeps.count <= 11


def test_time_outs_of_tasks_come(sleeps_in: Callable[[], Sleeps]) -> None:
    """They count what was slept once, also after an earlier sleep."""
    sleeps = sleeps_in()

    async def poll() -> None:
        while True:  # noqa: ASYNC110 - as apps do
            await asyncio.sleep(60)

    async def main() -> None:
        await asyncio.sleep(HOUR)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(poll(), 600)

    asyncio.run(main())
    assert 10 <= sleeps.count - 1 <= 11
    assert HOUR + 540 <= sleeps.total <= HOUR + 660


@pytest.mark.slow
def test_frozen_time_is_where_it_was_put() -> None:
    """What was slept before does not show, and `move_to` is exact."""
    with virtual_sleep(WorldClock(lambda _: None), limit=2 * HOUR):
        time.sleep(HOUR)
        with freeze_time(DAY) as frozen:
            time.sleep(5)
            assert str(datetime.now()) == "2026-01-02 03:04:10"  # noqa: DTZ005
            frozen.move_to("2026-02-03")
            assert str(instant()) == "2026-02-03 00:00:00"
        with time_machine.travel(DAY, tick=False) as traveller:
            time.sleep(5)
            assert time.strftime("%H:%M:%S") == "03:04:10"
            traveller.move_to("2026-02-03")
            assert str(datetime.now(UTC)) == "2026-02-03 00:00:00+00:00"
        time.sleep(5)
        assert abs(time.time() - REAL_TIME() - HOUR - 15) < HOUR / 2


REAL_TIME = partial(time.time)


@pytest.mark.exhaustive
def test_a_thread_in_a_system_call_does_not_stop_frozen_time(tool: Callable[[], AbstractContextManager[Any]]) -> None:
    """How long such a thread is waited for is measured in real time."""
    reading, writing = os.pipe()
    thread = threading.Thread(target=os.read, args=(reading, 1), daemon=True)
    thread.start()
    try:
        with virtual_sleep(WorldClock(lambda _: None)) as sleeps, tool():
            time.sleep(HOUR)
    finally:
        os.write(writing, b"x")
        thread.join(PATIENCE)
        os.close(reading)
        os.close(writing)
    assert sleeps.total == HOUR


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("is_frozen_first", [True, False])
def test_all_is_as_it_was(tool: Callable[[], AbstractContextManager[Any]], *, is_frozen_first: bool) -> None:
    """The class of dates, clocks and loops; also a later freeze finds the names of every module, and a later sleep the loops."""
    methods = {name: vars(datetime)[name] for name in ("now", "utcnow")}
    clocks = {name: getattr(time, name) for name in ("time", "monotonic", "localtime", "strftime")}
    loop = asyncio.BaseEventLoop.time
    both = [tool(), virtual_sleep(WorldClock(lambda _: None))]
    with ExitStack() as stack:
        for each in both if is_frozen_first else reversed(both):
            stack.enter_context(each)
        time.sleep(HOUR)
    assert {name: vars(datetime)[name] for name in methods} == methods
    assert {name: getattr(time, name) for name in clocks} == clocks
    assert asyncio.BaseEventLoop.time is asyncio.SelectorEventLoop.time is loop
    with freeze_time(DAY):
        assert str(instant()) == DAY
        assert reading() == freezegun.api.fake_monotonic()
    assert type(instant()) is datetime


def test_dates_stay_dates(sleeps: Sleeps) -> None:
    """They are of the same class as before, can be compared, pickled and made by subclasses; the class is what names are bound to."""

    class Own(datetime):
        """Of an app."""

    earlier = datetime(2026, 1, 2, tzinfo=UTC)
    time.sleep(HOUR)
    now = datetime.now(UTC)
    assert type(now) is datetime
    assert isinstance(earlier, datetime)
    assert issubclass(Own, datetime)
    assert earlier < now == pickle.loads(pickle.dumps(now))
    assert type(Own.now()) is Own
    with pytest.raises(TypeError, match="tzinfo"):
        datetime.now("UTC")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert sleeps.total == HOUR


def test_utcnow_follows_and_warns_its_caller(sleeps: Sleeps) -> None:
    """As Python does from 3.12 on, once, with the line that calls it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = datetime.utcnow()  # noqa: DTZ003  # pyright: ignore[reportDeprecated]
        time.sleep(HOUR)
        assert HOUR <= (datetime.utcnow() - before).total_seconds() < 2 * HOUR  # noqa: DTZ003  # pyright: ignore[reportDeprecated]
    expected = [__file__] * 2 if sys.version_info >= (3, 12) else []
    assert [each.filename for each in caught] == expected
    assert sleeps.total == HOUR


def test_the_clocks_of_servers_and_http_libraries_are_real(sleeps: Sleeps) -> None:
    """Those of dates, too."""

    def read() -> tuple[float, ...]:
        return datetime.now(UTC).timestamp(), time.time(), time.monotonic(), time.perf_counter()

    assert isinstance(read, FunctionType)
    known = {"__name__": "httpcore._sync.http11", "datetime": datetime, "UTC": UTC, "time": time}
    library: Any = FunctionType(read.__code__, known)
    time.sleep(HOUR)
    assert [HOUR / 2 < app - real <= HOUR for app, real in zip(read(), library(), strict=True)] == [True] * 4
    assert sleeps.total == HOUR


def test_the_simulator_s_loop_keeps_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asyncio's own loop serves: else its time-outs, and those of `wait_for`, would never come under freezegun."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = threaded._new_loop()  # pyright: ignore[reportPrivateUsage]
    try:
        before = loop.time()
        with freeze_time(DAY):
            assert before <= loop.time() < before + HOUR
    finally:
        loop.close()


def test_an_endless_loop_under_frozen_time_is_ended(tool: Callable[[], AbstractContextManager[Any]]) -> None:
    """At the limit."""

    def forever() -> None:
        with virtual_sleep(WorldClock(lambda _: None), limit=600), tool():
            while True:
                time.sleep(7)

    with pytest.raises(SleepLimitError, match="has slept 595 s"):
        forever()


@pytest.mark.exhaustive
def test_both_together_in_tests(run_tests: Callable[..., pytest.RunResult]) -> None:
    """A freezing fixture before or after ours, a decorator, a class: an app with a deadline by date gets its video, or its time-out."""
    run_tests(FROZEN_TESTS).assert_outcomes(passed=5)


FROZEN_TESTS = """
import time
from datetime import datetime, timedelta

import pytest
import time_machine
from freezegun import freeze_time

from pixazo_client import PixazoClient
from pytest_pixazo import Stuck

def wait(seconds):
    with PixazoClient() as client:
        handle = client.generate("A bear")
        deadline = datetime.now() + timedelta(seconds=seconds)
        while datetime.now() < deadline:
            if handle.status().succeeded:
                return True
            time.sleep(5)
    return False

@pytest.fixture
def freezer():
    with freeze_time("2026-01-02") as frozen:
        yield frozen

def test_before(freezer, pixazo_env, pixazo_sleep):
    assert wait(60)
    assert datetime.now() == datetime(2026, 1, 2, 0, 0, 15)

def test_after(pixazo, pixazo_env, pixazo_sleep, freezer):
    pixazo.when("generate").fault(Stuck())
    assert not wait(60)
    assert datetime.now() == datetime(2026, 1, 2, 0, 1)
    with pytest.raises(TimeoutError):
        pixazo.wait_for("media", timeout=0.1)

@freeze_time("2026-01-02")
def test_decorated(pixazo_env, pixazo_sleep):
    assert wait(60)

@freeze_time("2026-01-02")
class TestClass:
    def test_in_it(self, pixazo_env, pixazo_sleep):
        assert wait(60)

@time_machine.travel("2026-01-02", tick=False)
def test_travelling(pixazo_env, pixazo_sleep):
    assert wait(60)
"""
