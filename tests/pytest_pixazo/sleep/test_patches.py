"""Sleeps and deadlines of tasks follow the world's clock: on asyncio, uvloop and trio, and with anyio."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from types import FunctionType
from typing import Any

import anyio
import httpx2
import pytest
import trio
import uvloop
from tests.caller import KEY_HEADER, Caller
from tests.patience import PATIENCE

from pixazo_simulator.server.simulator import Simulator
from pytest_pixazo.sleep import SleepLimitError, Sleeps, WorldClock, quiescence, virtual_sleep
from pytest_pixazo.sleep.quiescence import real_clock

Main = Callable[[], Coroutine[Any, Any, Any]]
"""What a loop is run for."""


def on_asyncio(main: Main) -> Any:
    """Run on asyncio's own loop."""
    return asyncio.run(_coroutine(main))


def on_uvloop(main: Main) -> Any:
    """Run on uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_coroutine(main))


def on_trio(main: Main) -> Any:
    """Run on trio."""
    return trio.run(_coroutine, main)


async def _coroutine(main: Main) -> Any:
    return await main()


ON_ASYNCIO = {"asyncio": on_asyncio, "uvloop": on_uvloop}
ANYWHERE = {**ON_ASYNCIO, "trio": on_trio}
"""The loops, each as a function that runs something on it."""

anywhere = pytest.mark.parametrize("run", ANYWHERE.values(), ids=ANYWHERE)
on_both = pytest.mark.parametrize("run", ON_ASYNCIO.values(), ids=ON_ASYNCIO)

SLEEPS = [
    pytest.param(on_asyncio, asyncio, id="asyncio"),
    pytest.param(on_uvloop, asyncio, id="uvloop"),
    pytest.param(on_trio, trio, id="trio"),
    pytest.param(on_asyncio, anyio, id="anyio on asyncio"),
    pytest.param(on_uvloop, anyio, id="anyio on uvloop"),
    pytest.param(on_trio, anyio, id="anyio on trio"),
]
"""Each loop, and the libraries whose `sleep` an app may call there."""


async def together(*functions: Main) -> None:
    """Run tasks concurrently."""
    async with anyio.create_task_group() as group:
        for function in functions:
            group.start_soon(function)


@pytest.mark.parametrize(("run", "library"), SLEEPS)
def test_tasks_overlap(sleeps: Sleeps, run: Callable[[Main], Any], library: Any) -> None:
    """Four tasks that sleep 10, 5, 7 and 5 s move the clock by 10 s; they wake in the order of their deadlines, then of their sleeps."""
    woken: list[str] = []

    def nap(name: str, seconds: float) -> Main:
        async def nap() -> None:
            await library.sleep(seconds)
            woken.append(name)

        return nap

    async def main() -> None:
        await together(nap("long", 10), nap("short", 5), nap("middle", 7))

    run(main)
    assert woken == ["short", "middle", "long"]
    assert (sleeps.count, sleeps.total) == (3, 10.0)


@on_both
def test_equal_deadlines_wake_in_the_order_of_falling_asleep(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """As in asyncio itself."""
    woken: list[int] = []

    async def nap(number: int) -> None:
        await asyncio.sleep(5)
        woken.append(number)

    async def main() -> None:
        await asyncio.gather(*(nap(number) for number in range(20)))

    run(main)
    assert woken == list(range(20))
    assert sleeps.total == 5


@pytest.mark.parametrize(("run", "library"), SLEEPS)
def test_sleep_of_zero(sleeps: Sleeps, run: Callable[[Main], Any], library: Any) -> None:
    """`sleep(0)` lets other tasks run and does not move the clock."""
    turns: list[str] = []

    def turn(name: str) -> Main:
        async def turn() -> None:
            for _ in range(3):
                turns.append(name)
                await library.sleep(0)

        return turn

    async def main() -> None:
        await together(turn("one"), turn("two"))

    run(main)
    assert sorted(turns[:2]) == sorted(turns[2:4]) == sorted(turns[4:]) == ["one", "two"]
    assert (sleeps.count, sleeps.total) == (0, 0.0)


def test_the_result_of_asyncio_s_sleep(sleeps: Sleeps) -> None:
    """`asyncio.sleep(delay, result)` returns it; a negative delay counts as none."""

    async def main() -> list[object]:
        return [await asyncio.sleep(5, "result"), await asyncio.sleep(-1, "at once")]

    assert asyncio.run(main()) == ["result", "at once"]
    assert sleeps.lengths == [5.0]


@pytest.mark.parametrize(
    ("run", "library", "seconds", "error"),
    [
        (on_asyncio, asyncio, "5", TypeError),
        (on_asyncio, asyncio, None, TypeError),
        (on_trio, trio, -1, ValueError),
        (on_trio, trio, math.nan, ValueError),
        (on_trio, anyio, math.nan, ValueError),
    ],
)
def test_what_cannot_be_slept(
    sleeps: Sleeps, run: Callable[[Main], Any], library: Any, seconds: Any, error: type[Exception]
) -> None:
    """It is refused as by the original function."""

    async def main() -> None:
        await library.sleep(seconds)

    with pytest.raises(error):
        run(main)
    assert sleeps.count == 0


@anywhere
def test_a_cancelled_sleep_moves_nothing(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """The clock moves no further than the sleeps that complete; the rest of the thousand seconds never passes."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 1000)
            await anyio.sleep(5)
            group.cancel_scope.cancel()
        await anyio.sleep(1)

    run(main)
    assert (sleeps.count, sleeps.total) == (3, 6.0)


def test_a_sleep_that_is_a_whole_task_waits_for_the_others(sleeps: Sleeps) -> None:
    """trio starts the function as it is; while another task works, the clock stands still."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1000)
            await trio.sleep(5)
            for _ in range(300):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert (sleeps.count, sleeps.total) == (2, 5.0)


async def with_timeout(nap: Main) -> None:
    """The block of asyncio."""
    async with asyncio.timeout(600):
        await nap()


async def with_timeout_at(nap: Main) -> None:
    """The same, by the loop's clock."""
    async with asyncio.timeout_at(asyncio.get_running_loop().time() + 600):
        await nap()


async def with_wait_for(nap: Main) -> None:
    """The function of asyncio."""
    await asyncio.wait_for(nap(), 600)


async def with_a_task(nap: Main) -> None:
    """A task that is nothing else, as `asyncio.run(asyncio.wait_for(main(), 600))` makes one."""
    await asyncio.gather(asyncio.wait_for(nap(), 600))


async def with_wait(nap: Main) -> None:
    """The one that does not raise."""
    task = asyncio.ensure_future(nap())
    assert await asyncio.wait([task], timeout=600) == (set(), {task})
    task.cancel()
    raise TimeoutError


async def with_call_later(nap: Main) -> None:
    """A timer of the app's own."""
    task = asyncio.ensure_future(nap())
    asyncio.get_running_loop().call_later(600, task.cancel)
    await asyncio.wait([task])
    raise TimeoutError


async def with_fail_after(nap: Main) -> None:
    """The block of anyio."""
    with anyio.fail_after(600):
        await nap()


async def with_a_scope(nap: Main) -> None:
    """The scope of anyio, by its clock."""
    with anyio.CancelScope(deadline=anyio.current_time() + 600):
        await nap()
    raise TimeoutError


async def with_trio(nap: Main) -> None:
    """The block of trio."""
    with trio.fail_after(600):
        await nap()


async def with_trio_at(nap: Main) -> None:
    """The same, by trio's clock."""
    with trio.move_on_at(trio.current_time() + 600):
        await nap()
    raise TimeoutError


OF_ASYNCIO = (with_timeout, with_timeout_at, with_wait_for, with_a_task, with_wait, with_call_later)
OF_ANYIO = (with_fail_after, with_a_scope)
LIMITED = [
    *((run, limit) for run in ON_ASYNCIO.values() for limit in (*OF_ASYNCIO, *OF_ANYIO)),
    *((on_trio, limit) for limit in (with_trio, with_trio_at, *OF_ANYIO)),
]


@pytest.mark.parametrize(
    ("run", "limit"),
    [
        pytest.param(
            run,
            limit,
            id=f"{run.__name__[3:]} {limit.__name__[5:]}",
            marks=pytest.mark.exhaustive if run is ON_ASYNCIO["uvloop"] else (),
        )
        for run, limit in LIMITED
    ],
)
def test_time_outs_count_what_was_slept(
    sleeps: Sleeps, run: Callable[[Main], Any], limit: Callable[[Main], Awaitable[None]]
) -> None:
    """An endless loop of 7 s sleeps is cut off at 600 s, in its 86th sleep; also when 100 s were slept before."""
    naps: list[float] = []

    async def nap() -> None:
        while True:
            naps.append(sleeps.total)
            await anyio.sleep(7)

    async def main() -> None:
        for expected in (600, 700 + 600):
            with pytest.raises((TimeoutError, trio.TooSlowError)):
                await limit(nap)
            assert round(sleeps.total) == expected
            await anyio.sleep(100)

    run(main)
    assert naps[:2] == [0.0, 7.0]
    assert (len(naps), round(sleeps.total)) == (172, 1400)


@anywhere
def test_time_outs_pass_in_real_time_too(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """While nothing sleeps, a hundredth of a second is real time, even after an hour was slept."""

    async def main() -> None:
        await anyio.sleep(3600)
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await anyio.sleep_forever()

    run(main)
    assert sleeps.lengths == [3600.0]


@on_both
def test_the_loop_s_clock(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """A deadline by `loop.time()` expires."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 600
        while loop.time() < deadline:  # noqa: ASYNC110 - as apps do
            await asyncio.sleep(60)

    run(main)
    assert sleeps.lengths == [60.0] * 10


def test_trio_s_clock(sleeps: Sleeps) -> None:
    """`sleep_until` keeps a steady pace, and returns at once for a time in the past."""

    async def main() -> None:
        tick = trio.current_time()
        for _ in range(10):
            tick += 60
            await trio.sleep_until(tick)
        await trio.sleep_until(tick - 60)

    trio.run(main)
    assert [round(seconds) for seconds in sleeps.lengths] == [60] * 10


@on_both
def test_time_outs_of_http_libraries_are_real(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """The time-out of an HTTP library, a minute, ignores the hour that the app slept; the app's own minute is over."""
    outcomes: list[str] = []

    async def wait(response: asyncio.Event) -> None:
        async with asyncio.timeout(PATIENCE):
            await response.wait()

    assert isinstance(wait, FunctionType)
    library: Callable[[asyncio.Event], Awaitable[None]] = FunctionType(
        wait.__code__, {"__name__": "httpcore._async.http11", "asyncio": asyncio, "PATIENCE": PATIENCE}
    )

    async def main() -> None:
        response = asyncio.Event()
        waits = [asyncio.ensure_future(_outcome(each(response))) for each in (wait, library)]
        await asyncio.sleep(3600)
        response.set()
        outcomes.extend(await asyncio.gather(*waits))

    run(main)
    assert outcomes == ["too late", "in time"]
    assert sleeps.total == 3600


async def _outcome(waiting: Awaitable[None]) -> str:
    try:
        await waiting
    except TimeoutError:
        return "too late"
    return "in time"


async def status(client: httpx2.AsyncClient, request_id: str) -> str:
    """Read a status."""
    word: str = (await client.get(f"/v2/requests/status/{request_id}")).json()["status"]
    return word


@asynccontextmanager
async def client_of(simulator: Simulator, caller: Caller) -> AsyncGenerator[httpx2.AsyncClient]:
    """An HTTP client of the app."""
    async with httpx2.AsyncClient(
        base_url=simulator.url, headers={KEY_HEADER: caller.key}, verify=False, trust_env=False
    ) as client:
        yield client


@anywhere
def test_no_request_is_overtaken(
    sleeps: Sleeps, simulator: Simulator, caller: Caller, run: Callable[[Main], Any]
) -> None:
    """Three tasks poll until 20, 40 and 60 s: each poll comes at the time it would really come, on connections opened while others sleep."""
    polls: dict[str, int] = {}
    idle = trio.Event() if run is on_trio else asyncio.Event()

    async def main() -> None:
        async with client_of(simulator, caller) as client:

            def poll(request_id: str) -> Main:
                async def poll() -> None:
                    polls[request_id] = 1
                    while await status(client, request_id) != "COMPLETED":
                        polls[request_id] += 1
                        await anyio.sleep(5)

                return poll

            async with anyio.create_task_group() as group:
                group.start_soon(idle.wait)  # a task that waits for something else all the time
                await together(*map(poll, request_ids))
                group.cancel_scope.cancel()

    request_ids = [caller.accepted(f"[[sim:after {end}]]") for end in (20, 40, 60)]
    run(main)
    assert [polls[request_id] for request_id in request_ids] == [5, 9, 13]
    assert sleeps.total == 60
    exchanges = caller.sim("journal?limit=100")["exchanges"]
    assert len({exchange["at"] for exchange in exchanges if exchange["method"] == "GET"}) == 13


@anywhere
def test_requests_in_threads_are_not_overtaken(sleeps: Sleeps, caller: Caller, run: Callable[[Main], Any]) -> None:
    """Nor are those that a task sends from a pool thread while another task sleeps."""
    polls: list[int] = []

    def poll(end: int) -> Main:
        async def poll() -> None:
            request_id = await anyio.to_thread.run_sync(caller.accepted, f"[[sim:after {end}]]")
            count = 1
            while await anyio.to_thread.run_sync(caller.status, request_id) != "COMPLETED":
                count += 1
                await anyio.sleep(5)
            polls.append(count)

        return poll

    async def main() -> None:
        await together(*map(poll, (20, 40, 60)))

    run(main)
    assert polls == [5, 9, 13]
    assert sleeps.total == 60


@anywhere
def test_sleeps_of_threads_and_tasks_overlap(sleeps: Sleeps, run: Callable[[Main], Any]) -> None:
    """A task, a thread of the pool and a blocking sleep in another task: 10 s in all."""
    woken: list[str] = []

    async def task() -> None:
        await anyio.sleep(10)
        woken.append("task")

    async def thread() -> None:
        await anyio.to_thread.run_sync(time.sleep, 7)
        woken.append("thread")

    async def blocking() -> None:
        await anyio.sleep(2)
        time.sleep(3)  # noqa: ASYNC251 - an app may do that
        woken.append("blocking")

    async def main() -> None:
        await together(task, thread, blocking)

    run(main)
    assert woken == ["blocking", "thread", "task"]
    assert (sleeps.count, sleeps.total) == (4, 10.0)


@anywhere
@pytest.mark.parametrize("answers_after", [0, 2])
def test_a_receiver_in_the_same_loop_is_called_back(
    sleeps: Sleeps, simulator: Simulator, caller: Caller, run: Callable[[Main], Any], answers_after: float
) -> None:
    """While a task sleeps, its loop can answer the callback that falls due, even if the receiver sleeps first."""
    received: list[tuple[float, bytes]] = []

    async def receive(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            received.append((sleeps.total, await stream.receive()))
            await anyio.sleep(answers_after)
            await stream.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def main() -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with listener, client_of(simulator, caller) as client, anyio.create_task_group() as group:
            group.start_soon(listener.serve, receive)
            request_id = caller.accepted(webhook=f"http://127.0.0.1:{port}/hook")
            while await status(client, request_id) != "COMPLETED":  # noqa: ASYNC110 - as apps do
                await anyio.sleep(5)
            group.cancel_scope.cancel()

    run(main)
    assert [(at, body.startswith(b"POST /hook ")) for at, body in received] == [(10.0, True)]
    (delivery,) = caller.sim("deliveries")["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [204]


@anywhere
def test_a_task_that_never_ends_is_ended(advance: Callable[[float], object], run: Callable[[Main], Any]) -> None:
    """At the limit, whatever it catches."""

    async def main() -> None:
        while True:
            try:
                await anyio.sleep(60)
            except Exception:  # noqa: BLE001 - as careless apps do
                continue

    with pytest.raises(SleepLimitError, match="has slept 600 s"):
        limited(run, main, advance)


@anywhere
def test_a_sleep_beyond_the_limit_harms_nobody_until_it_is_the_next_to_end(
    advance: Callable[[float], object], run: Callable[[Main], Any]
) -> None:
    """As one of a day in the background of an app that ends after 5 s."""

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 86_400)
            await anyio.sleep(5)
            tasks.cancel_scope.cancel()

    limited(run, main, advance)


def limited(run: Callable[[Main], Any], main: Main, advance: Callable[[float], object]) -> None:
    """Run for ten minutes of virtual time at most."""
    with virtual_sleep(WorldClock(advance), limit=600):
        run(main)


@pytest.mark.slow
@anywhere
def test_a_clock_that_cannot_be_moved_is_an_error_of_sleep(run: Callable[[Main], Any]) -> None:
    """The error of `advance` is raised by `sleep`."""

    async def main() -> None:
        await anyio.sleep(5)

    def advance(seconds: float) -> None:
        raise ConnectionRefusedError("no simulator")

    with virtual_sleep(WorldClock(advance)), pytest.raises(ConnectionRefusedError, match="no simulator"):
        run(main)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_in_an_async_test(sleeps: Sleeps, caller: Caller, anyio_backend: str) -> None:
    """The synchronous fixture works in an async test."""
    request_id = caller.accepted()
    await anyio.sleep(15)
    assert caller.status(request_id) == "COMPLETED"
    assert sleeps.total == 15


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_run_of_trio_in_guest_mode_is_seen_to_be_idle(sleeps: Sleeps, anyio_backend: str) -> None:
    """As anyio's plugin runs it: while one task waits, no sleep of another waits until the patience with a busy app is over."""
    began, idle = real_clock(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(idle.wait)
        for _ in range(10):
            await anyio.sleep(5)
        idle.set()
    assert sleeps.total == 50
    assert real_clock() - began < 5 * quiescence.PATIENCE
