"""Waits: interval, deadline, transient failures, the end."""

from __future__ import annotations

import asyncio
import logging
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.scripted_gateway import (
    COMPLETED,
    ERROR,
    FAILED,
    ID,
    MEDIA_URL,
    PROCESSING,
    QUEUED,
    TRANSIENT,
    Failure,
    Reply,
    ScriptedGateway,
    envelope,
)

import pixazo_client
from pixazo_client import APIStatusError, DownloadError, Generation, Polling, WaitTimeoutError


@pytest.mark.parametrize(("jitter", "gap"), [(0.0, 5.0), (0.5, 7.5), (0.999, 9.995)])
def test_the_default_pace_is_five_to_ten_seconds(jitter: float, gap: float) -> None:
    """CLIENT-01, at the bounds and in the middle of the jitter."""
    gateway = ScriptedGateway("httpx2")
    handle = gateway.submit(polling=Polling(random=lambda: jitter))
    gateway.reply(QUEUED, QUEUED, PROCESSING, COMPLETED)
    handle.wait()
    assert [later - sooner for sooner, later in pairwise(gateway.reads)] == [pytest.approx(gap)] * 3


def test_the_default_intervals_are_random() -> None:
    """CLIENT-01: real draws are within the range, and differ."""
    gateway = ScriptedGateway("httpx2")
    handle = gateway.submit(polling=Polling())
    gateway.reply(*[QUEUED] * 50, COMPLETED)
    gateway.run(handle.wait())
    assert all(5 <= pause <= 10 for pause in gateway.pauses)
    assert len(set(gateway.pauses)) > 40


@pytest.mark.slow
@given(
    timeout=st.floats(0, 120),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=10),
    takes=st.floats(0, 30),
)
def test_no_pause_passes_the_deadline(timeout: float, draws: list[float], takes: float) -> None:
    """Whatever the jitter and the duration of reads. A read is made at the deadline if time allows it."""
    gateway = ScriptedGateway("httpx2")
    turns = iter(draws * 100)
    handle = gateway.submit(polling=Polling(random=lambda: next(turns)))
    gateway.reply(Reply(200, QUEUED, takes=takes))
    with pytest.raises(WaitTimeoutError) as caught:
        handle.wait(timeout)
    assert all(read <= 1000 + timeout + 1e-6 for read in gateway.reads)
    assert timeout - 1e-6 <= caught.value.elapsed <= timeout + takes + 1e-6
    if takes == 0:
        assert gateway.reads[-1] == pytest.approx(1000 + timeout)


def test_the_last_read_is_at_the_deadline(gateway: ScriptedGateway) -> None:
    """With 20 s and an interval of 7.5 s: at 0, 7.5, 15 and 20. The error has the last status."""
    handle = gateway.submit()
    gateway.reply(QUEUED, PROCESSING)
    with pytest.raises(
        WaitTimeoutError, match=rf"request '{ID}' did not end within 20\.0 s \(last status PROCESSING\)"
    ) as e:
        gateway.run(handle.wait(timeout=20))
    assert gateway.reads == [1000.0, 1007.5, 1015.0, 1020.0]
    assert isinstance(e.value, TimeoutError)
    assert (e.value.request_id, e.value.elapsed) == (ID, 20.0)
    assert e.value.last is not None
    assert e.value.last.status == "PROCESSING"
    assert e.value.__cause__ is None


def test_a_sleep_that_ends_early_does_not_add_reads(gateway: ScriptedGateway) -> None:
    """Clocks differ in the last digit: the read meant for the deadline is the last, even a moment before it."""
    handle = gateway.submit()
    gateway.early = 0.001
    gateway.reply(QUEUED)
    with pytest.raises(WaitTimeoutError):
        gateway.run(handle.wait(timeout=5))
    assert gateway.reads == [1000.0, 1004.999]


def test_a_result_at_the_deadline_is_in_time(gateway: ScriptedGateway) -> None:
    """The last read counts."""
    handle = gateway.submit()
    gateway.reply(QUEUED, QUEUED, COMPLETED)
    assert gateway.run(handle.wait(timeout=10)).succeeded
    assert gateway.reads == [1000.0, 1007.5, 1010.0]


def test_a_slow_response_past_the_deadline_is_the_last(gateway: ScriptedGateway) -> None:
    """Nothing is read after the deadline."""
    handle = gateway.submit()
    gateway.reply(Reply(200, QUEUED, takes=25))
    with pytest.raises(WaitTimeoutError) as caught:
        gateway.run(handle.wait(timeout=20))
    assert (gateway.reads, caught.value.elapsed) == ([1000.0], 25.0)


def test_a_timeout_of_zero_reads_once(gateway: ScriptedGateway) -> None:
    """It does not wait."""
    handle = gateway.submit()
    gateway.reply(COMPLETED)
    assert gateway.run(handle.wait(timeout=0)).succeeded
    gateway.reply(QUEUED)
    with pytest.raises(WaitTimeoutError):
        gateway.run(handle.wait(timeout=0))
    assert (len(gateway.reads), gateway.pauses) == (2, [])


def test_an_infinite_timeout_waits_as_long_as_it_takes(gateway: ScriptedGateway) -> None:
    """25 minutes in this test."""
    handle = gateway.submit()
    gateway.reply(*[QUEUED] * 200, COMPLETED)
    assert gateway.run(handle.wait(timeout=math.inf)).succeeded


@pytest.mark.parametrize("timeout", [-1.0, math.nan, "5", None])
def test_an_invalid_timeout_of_a_wait_is_refused(gateway: ScriptedGateway, timeout: Any) -> None:
    """Nothing is read."""
    handle = gateway.submit()
    with pytest.raises(ValueError, match="give seconds, 0 or more"):
        gateway.run(handle.wait(timeout=timeout))
    assert gateway.requests == []


@pytest.mark.parametrize(("shortest", "longest"), [(6.0, 5.0), (-1.0, 5.0), (math.nan, 5.0)])
def test_an_invalid_polling_is_refused(shortest: float, longest: float) -> None:
    """The message says what is valid."""
    with pytest.raises(ValueError, match="give 0 <= shortest <= longest"):
        Polling(shortest, longest)


@pytest.mark.parametrize("terminal", [COMPLETED, FAILED, ERROR])
def test_a_wait_stops_at_each_terminal_state(gateway: ScriptedGateway, terminal: dict[str, object]) -> None:
    """CLIENT-03: no read after a terminal status, whichever of the three."""
    handle = gateway.submit()
    gateway.reply(QUEUED, PROCESSING, terminal, QUEUED)
    generation = gateway.run(handle.wait(raise_on_failure=False))
    assert generation.status == terminal["status"]
    assert generation.is_terminal
    assert len(gateway.reads) == 3


@pytest.mark.parametrize(
    ("terminal", "kind", "message"),
    [
        (FAILED, pixazo_client.GenerationFailedError, f"request '{ID}' ended FAILED: content policy; change what"),
        (ERROR, pixazo_client.GenerationSystemError, f"request '{ID}' ended ERROR: upstream gone; a system error is not"),
        (envelope("FAILED"), pixazo_client.GenerationFailedError, "ended FAILED: no reason given"),
    ],
)  # fmt: skip
def test_a_failure_is_raised(
    gateway: ScriptedGateway, terminal: dict[str, object], kind: type[Any], message: str
) -> None:
    """With the reason, the id and the generation."""
    handle = gateway.submit()
    gateway.reply(terminal)
    with pytest.raises(pixazo_client.GenerationError, match=message) as caught:
        gateway.run(handle.wait())
    assert type(caught.value) is kind
    assert caught.value.request_id == ID
    assert caught.value.generation.status == terminal["status"]


@pytest.mark.parametrize(
    "trouble", [*TRANSIENT, Reply(200, b"<html>Welcome</html>"), Reply(200, b'{"request_id": "mini')]
)
def test_a_wait_survives_transient_failures(gateway: ScriptedGateway, trouble: Reply | Failure) -> None:
    """Many more of them than max_retries, at the usual interval."""
    handle = gateway.submit()
    gateway.reply(QUEUED, *[trouble] * 20, PROCESSING, *[trouble] * 20, COMPLETED)
    assert gateway.run(handle.wait()).succeeded
    assert gateway.pauses == [7.5] * 42


@pytest.mark.parametrize("error", [AssertionError("of a mock"), DownloadError("of a hook")])
@pytest.mark.parametrize("download", [False, True])
def test_an_error_of_the_program_ends_a_read(
    gateway: ScriptedGateway, error: Exception, download: bool, tmp_path: Path
) -> None:
    """A time limit such as Celery's is raised only once, wherever the program is: repeating the read would swallow it."""

    def fail(_: object) -> object:
        raise error

    client = gateway.client(http_client=gateway.http(fail))
    with pytest.raises(type(error)) as caught:
        gateway.run(client.download(MEDIA_URL, tmp_path) if download else client.get_handle(ID).wait())
    assert (caught.value, gateway.pauses) == (error, [])


@pytest.mark.parametrize(
    "error", [anyio.EndOfStream(), aiohttp.ServerDisconnectedError(), asyncio.IncompleteReadError(b"", 1)]
)
def test_an_error_of_another_library_ends_no_wait(gateway: ScriptedGateway, error: Exception) -> None:
    """A transport of the user's may use any, and leave its errors as they are."""

    def handle(request: Any) -> Any:
        if not gateway.pauses:
            raise error
        return gateway.handle(request)

    gateway.reply(COMPLETED)
    client = gateway.client(http_client=gateway.http(handle))
    assert gateway.run(client.get_handle(ID).wait()).succeeded


def test_a_wait_that_only_fails_ends_at_its_deadline(gateway: ScriptedGateway) -> None:
    """The last failure is the cause, and no status is known."""
    handle = gateway.submit()
    gateway.reply(Reply(500, {}), Failure("ReadTimeout"))
    with pytest.raises(WaitTimeoutError, match="no status was read") as caught:
        gateway.run(handle.wait(timeout=30))
    assert caught.value.last is None
    assert isinstance(caught.value.__cause__, pixazo_client.APITimeoutError)
    assert caught.value.__cause__.request_id == ID
    assert gateway.now == 1030.0


def test_a_later_success_forgets_earlier_failures(gateway: ScriptedGateway) -> None:
    """If the last read succeeded, the time-out has no cause."""
    handle = gateway.submit()
    gateway.reply(Reply(500, {}), QUEUED)
    with pytest.raises(WaitTimeoutError) as caught:
        gateway.run(handle.wait(timeout=30))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410])
def test_a_wait_ends_at_once_when_no_later_read_can_help(gateway: ScriptedGateway, status: int) -> None:
    """401, 402, 403, 404 and the like, with the request id; also as an HTML page."""
    handle = gateway.submit()
    gateway.reply(QUEUED, Reply(status, b"<html>No</html>"), COMPLETED)
    with pytest.raises(APIStatusError) as caught:
        gateway.run(handle.wait())
    assert (caught.value.status_code, caught.value.request_id) == (status, ID)
    assert len(gateway.reads) == 2


def test_a_throttled_wait_honours_retry_after(gateway: ScriptedGateway) -> None:
    """CLIENT-06: a longer Retry-After replaces the interval, even beyond a minute, but not beyond the deadline."""
    handle = gateway.submit()
    gateway.reply(
        Reply(429, {}, {"Retry-After": "2"}),
        Reply(429, {}, {"Retry-After": "90"}),
        Reply(429, {}, {"Retry-After": "900"}),
    )
    with pytest.raises(WaitTimeoutError):
        gateway.run(handle.wait(timeout=120))
    assert gateway.pauses == [7.5, 90.0, 22.5]


def test_an_unknown_status_is_reported_once(gateway: ScriptedGateway, caplog: pytest.LogCaptureFixture) -> None:
    """CLIENT-07: one warning per word; on_update receives it, and the wait continues."""
    caplog.set_level(logging.WARNING, "pixazo_client")
    handle = gateway.submit()
    gateway.reply(*map(envelope, ["THROTTLED", "THROTTLED", "QUEUED", "THROTTLED", "completed"]), COMPLETED)
    seen: list[str] = []
    assert gateway.run(handle.wait(on_update=lambda update: seen.append(update.status))).succeeded
    assert seen == ["THROTTLED", "QUEUED", "THROTTLED", "completed", "COMPLETED"]
    assert [record.getMessage() for record in caplog.records if record.name == "pixazo_client"] == [
        f"request '{ID}' has the unknown status 'THROTTLED': taken as not ended",
        f"request '{ID}' has the unknown status 'completed': taken as not ended",
    ]


def test_updates_are_the_states_that_differ(gateway: ScriptedGateway) -> None:
    """Repetitions are not updates; the first and the terminal state are."""
    handle = gateway.submit()
    later = envelope("QUEUED", updated_at="2026-03-31T10:00:05.000Z")
    gateway.reply(QUEUED, QUEUED, later, Failure("ReadError"), later, PROCESSING, PROCESSING, COMPLETED)
    updates = gateway.updates(handle, 600)
    assert [one.status for one in updates] == ["QUEUED", "QUEUED", "PROCESSING", "COMPLETED"]
    assert len(gateway.reads) == 8


def test_updates_stop_at_the_deadline(gateway: ScriptedGateway) -> None:
    """iter_updates has the deadline of wait."""
    handle = gateway.submit()
    gateway.reply(QUEUED)
    with pytest.raises(WaitTimeoutError):
        gateway.updates(handle, 12)
    assert gateway.reads == [1000.0, 1007.5, 1012.0]


def test_a_failed_generation_is_an_update_like_any_other(gateway: ScriptedGateway) -> None:
    """iter_updates does not raise for it."""
    handle = gateway.submit()
    gateway.reply(QUEUED, FAILED)
    assert [one.status for one in gateway.updates(handle, 60)] == ["QUEUED", "FAILED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_on_update_is_awaited(backend: str) -> None:
    """A coroutine function may be passed as well as a plain one."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    seen: list[str] = []

    async def on_update(update: Generation) -> None:
        seen.append(update.status)

    handle: Any = gateway.submit()
    gateway.reply(QUEUED, COMPLETED)
    gateway.run(handle.wait(on_update=on_update))
    assert seen == ["QUEUED", "COMPLETED"]


def test_a_single_status_read_is_repeated_like_any_other(gateway: ScriptedGateway) -> None:
    """handle.status is retrieve at polling_url."""
    handle = gateway.submit()
    gateway.reply(Reply(503, {}), PROCESSING)
    assert gateway.run(handle.status()).status == "PROCESSING"
    assert gateway.pauses == [0.375]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_updates_go_on_after_a_pause_that_was_cancelled(backend: str) -> None:
    """The read at the deadline has not been made yet."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    scopes: list[anyio.CancelScope] = []

    async def sleep(seconds: float) -> None:
        if len(scopes) == 1 and not scopes[0].cancel_called:
            scopes[0].cancel()
            await anyio.lowlevel.checkpoint()
        gateway.now += seconds

    updates: Any = gateway.submit(sleep=sleep).iter_updates(4)

    async def main() -> list[str]:
        first = await anext(updates)
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await anext(updates)
        return [first.status, (await anext(updates)).status]

    gateway.reply(QUEUED, COMPLETED)
    assert anyio.run(main, backend=backend) == ["QUEUED", "COMPLETED"]


def test_a_wait_without_a_limit_asks_again_within_an_hour(gateway: ScriptedGateway) -> None:
    """Whatever Retry-After says: `time.sleep` refuses what does not fit into its clock."""
    handle = gateway.submit()
    later = {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}
    gateway.reply(Reply(429, {}, later), COMPLETED)
    assert gateway.run(handle.wait(timeout=math.inf)).succeeded
    assert gateway.pauses == [3600.0]


def test_a_long_reason_is_shortened_in_the_message(gateway: ScriptedGateway) -> None:
    """The generation of the error has all of it; control characters reach no terminal."""
    handle = gateway.submit()
    gateway.reply(envelope("FAILED", error="\x1b[31m" + "x" * 10_000))
    with pytest.raises(pixazo_client.GenerationFailedError, match=r"ended FAILED: \\x1b\[31mx+…; change") as caught:
        gateway.run(handle.wait())
    assert len(str(caught.value)) < 500
    assert len(caught.value.generation.error or "") == 10_005
