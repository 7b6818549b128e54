"""Waiting: pace, deadline, endurance, ends."""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.scripted_gateway import (
    COMPLETED,
    ERROR,
    FAILED,
    ID,
    KEY,
    PROCESSING,
    QUEUED,
    Answer,
    Break,
    Stage,
    envelope,
)

import pixazo_client
from pixazo_client import APIStatusError, Generation, Polling, WaitTimeoutError


def test_a_wait_ends_with_the_result(stage: Stage) -> None:
    """QUEUED, PROCESSING, COMPLETED: three reads, the last of which is returned."""
    handle = stage.submit()
    stage.will(QUEUED, PROCESSING, COMPLETED)
    generation = stage.do(handle.wait())
    assert (generation.status, generation.succeeded) == ("COMPLETED", True)
    assert generation.media_urls == ("https://media.test/v1/bear.mp4",)
    assert len(stage.reads) == 3


@pytest.mark.parametrize(("jitter", "gap"), [(0.0, 5.0), (0.5, 7.5), (0.999, 9.995)])
def test_the_default_pace_is_five_to_ten_seconds(jitter: float, gap: float) -> None:
    """CLIENT-01, at the bounds and in the middle of the jitter."""
    stage = Stage("httpx2")
    handle = stage.submit(polling=Polling(random=lambda: jitter))
    stage.will(QUEUED, QUEUED, PROCESSING, COMPLETED)
    handle.wait()
    assert [later - sooner for sooner, later in pairwise(stage.reads)] == [pytest.approx(gap)] * 3


def test_the_random_source_is_real_by_default() -> None:
    """CLIENT-01: real draws fall into the window, and differ."""
    stage = Stage("httpx2")
    handle = stage.submit(polling=Polling())
    stage.will(*[QUEUED] * 50, COMPLETED)
    stage.do(handle.wait())
    assert all(5 <= pause <= 10 for pause in stage.pauses)
    assert len(set(stage.pauses)) > 40


@given(
    timeout=st.floats(0, 120),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=10),
    takes=st.floats(0, 30),
)
def test_no_pause_passes_the_deadline(timeout: float, draws: list[float], takes: float) -> None:
    """Whatever the jitter and the slowness of answers; and a read is made at the deadline if time allows it."""
    stage = Stage("httpx2")
    turns = iter(draws * 100)
    handle = stage.submit(polling=Polling(random=lambda: next(turns)))
    stage.will(Answer(200, QUEUED, takes=takes))
    with pytest.raises(WaitTimeoutError) as caught:
        handle.wait(timeout)
    assert all(read <= 1000 + timeout + 1e-6 for read in stage.reads)
    assert timeout - 1e-6 <= caught.value.elapsed <= timeout + takes + 1e-6
    if takes == 0:
        assert stage.reads[-1] == pytest.approx(1000 + timeout)


def test_the_last_read_is_at_the_deadline(stage: Stage) -> None:
    """With 20 s and a pace of 7.5 s: at 0, 7.5, 15 and 20; then the error says what is known."""
    handle = stage.submit()
    stage.will(QUEUED, PROCESSING)
    with pytest.raises(
        WaitTimeoutError, match=rf"request '{ID}' did not end within 20\.0 s \(last status PROCESSING\)"
    ) as e:
        stage.do(handle.wait(timeout=20))
    assert stage.reads == [1000.0, 1007.5, 1015.0, 1020.0]
    assert isinstance(e.value, TimeoutError)
    assert (e.value.request_id, e.value.elapsed) == (ID, 20.0)
    assert e.value.last is not None
    assert e.value.last.status == "PROCESSING"
    assert e.value.__cause__ is None


def test_a_sleep_that_ends_early_does_not_add_reads(stage: Stage) -> None:
    """Clocks differ in the last digit: the read meant for the deadline is the last, even if it comes a moment before."""
    handle = stage.submit()
    stage.early = 0.001
    stage.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        stage.do(handle.wait(timeout=5))
    assert stage.reads == [1000.0, 1004.999]


def test_a_result_at_the_deadline_is_in_time(stage: Stage) -> None:
    """The last read counts."""
    handle = stage.submit()
    stage.will(QUEUED, QUEUED, COMPLETED)
    assert stage.do(handle.wait(timeout=10)).succeeded
    assert stage.reads == [1000.0, 1007.5, 1010.0]


def test_a_slow_answer_past_the_deadline_is_the_last(stage: Stage) -> None:
    """Nothing is read after the deadline."""
    handle = stage.submit()
    stage.will(Answer(200, QUEUED, takes=25))
    with pytest.raises(WaitTimeoutError) as caught:
        stage.do(handle.wait(timeout=20))
    assert (stage.reads, caught.value.elapsed) == ([1000.0], 25.0)


def test_no_timeout_reads_once(stage: Stage) -> None:
    """timeout=0 asks and does not wait."""
    handle = stage.submit()
    stage.will(COMPLETED)
    assert stage.do(handle.wait(timeout=0)).succeeded
    stage.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        stage.do(handle.wait(timeout=0))
    assert (len(stage.reads), stage.pauses) == (2, [])


def test_an_infinite_timeout_waits_as_long_as_it_takes(stage: Stage) -> None:
    """Here 25 minutes."""
    handle = stage.submit()
    stage.will(*[QUEUED] * 200, COMPLETED)
    assert stage.do(handle.wait(timeout=math.inf)).succeeded


@pytest.mark.parametrize("timeout", [-1.0, math.nan, "5", None])
def test_a_timeout_that_is_no_time_is_refused(stage: Stage, timeout: Any) -> None:
    """Nothing is read."""
    handle = stage.submit()
    with pytest.raises(ValueError, match="give seconds, 0 or more"):
        stage.do(handle.wait(timeout=timeout))
    assert stage.seen == []


@pytest.mark.parametrize(("shortest", "longest"), [(6.0, 5.0), (-1.0, 5.0), (math.nan, 5.0)])
def test_a_pace_that_is_no_window_is_refused(shortest: float, longest: float) -> None:
    """And the message says what would be."""
    with pytest.raises(ValueError, match="give 0 <= shortest <= longest"):
        Polling(shortest, longest)


@pytest.mark.parametrize("terminal", [COMPLETED, FAILED, ERROR])
def test_a_wait_stops_at_each_terminal_state(stage: Stage, terminal: dict[str, object]) -> None:
    """CLIENT-03: no read after a terminal answer, whichever of the three."""
    handle = stage.submit()
    stage.will(QUEUED, terminal, QUEUED)
    generation = stage.do(handle.wait(raise_on_failure=False))
    assert generation.status == terminal["status"]
    assert generation.is_terminal
    assert len(stage.reads) == 2


@pytest.mark.parametrize(
    ("terminal", "kind", "told"),
    [
        (FAILED, pixazo_client.GenerationFailedError, f"request '{ID}' ended FAILED: content policy; change what"),
        (
            ERROR,
            pixazo_client.GenerationSystemError,
            f"request '{ID}' ended ERROR: upstream gone; a system error is not",
        ),
        (envelope("FAILED"), pixazo_client.GenerationFailedError, "ended FAILED: no reason given"),
    ],
)
def test_a_failure_is_raised(stage: Stage, terminal: dict[str, object], kind: type[Any], told: str) -> None:
    """With the reason, the id and the answer."""
    handle = stage.submit()
    stage.will(terminal)
    with pytest.raises(pixazo_client.GenerationError, match=told) as caught:
        stage.do(handle.wait())
    assert type(caught.value) is kind
    assert caught.value.request_id == ID
    assert caught.value.generation.status == terminal["status"]


@pytest.mark.parametrize(
    "trouble",
    [
        *map(
            Break, ["ConnectError", "ConnectTimeout", "PoolTimeout", "ReadError", "ReadTimeout", "RemoteProtocolError"]
        ),
        *(Answer(status, {}) for status in (408, 429, 500, 502, 503)),
        Answer(200, b"<html>Welcome</html>"),
        Answer(200, b'{"request_id": "mini'),
    ],
)
def test_a_wait_survives_transient_failures(stage: Stage, trouble: Answer | Break) -> None:
    """Many more of them than max_retries, at the usual pace."""
    handle = stage.submit()
    stage.will(QUEUED, *[trouble] * 20, PROCESSING, *[trouble] * 20, COMPLETED)
    assert stage.do(handle.wait()).succeeded
    assert stage.pauses == [7.5] * 42


def test_a_wait_that_only_fails_ends_at_its_deadline(stage: Stage) -> None:
    """The last failure is the cause; nothing was seen."""
    handle = stage.submit()
    stage.will(Answer(500, {}), Break("ReadTimeout"))
    with pytest.raises(WaitTimeoutError, match="no status was read") as caught:
        stage.do(handle.wait(timeout=30))
    assert caught.value.last is None
    assert isinstance(caught.value.__cause__, pixazo_client.APITimeoutError)
    assert caught.value.__cause__.request_id == ID
    assert stage.now == 1030.0


def test_a_later_success_forgets_earlier_failures(stage: Stage) -> None:
    """The deadline passes after a good read: no failure is its cause."""
    handle = stage.submit()
    stage.will(Answer(500, {}), QUEUED)
    with pytest.raises(WaitTimeoutError) as caught:
        stage.do(handle.wait(timeout=30))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410])
def test_a_wait_ends_at_once_when_no_later_read_can_help(stage: Stage, status: int) -> None:
    """401, 402, 403, 404 and their like, carrying the request id; an HTML page too."""
    handle = stage.submit()
    stage.will(QUEUED, Answer(status, b"<html>No</html>"), COMPLETED)
    with pytest.raises(APIStatusError) as caught:
        stage.do(handle.wait())
    assert (caught.value.status_code, caught.value.request_id) == (status, ID)
    assert len(stage.reads) == 2


def test_a_throttled_wait_keeps_the_pace_it_is_told(stage: Stage) -> None:
    """CLIENT-06: Retry-After wins if longer than the pace, even beyond a minute; never beyond the deadline."""
    handle = stage.submit()
    stage.will(
        Answer(429, {}, {"Retry-After": "2"}),
        Answer(429, {}, {"Retry-After": "90"}),
        Answer(429, {}, {"Retry-After": "900"}),
    )
    with pytest.raises(WaitTimeoutError):
        stage.do(handle.wait(timeout=120))
    assert stage.pauses == [7.5, 90.0, 22.5]


def test_an_unknown_word_is_reported_once_and_waited_out(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """CLIENT-07: one warning a word, on_update sees it, the wait goes on."""
    caplog.set_level(logging.WARNING, "pixazo_client")
    handle = stage.submit()
    stage.will(*map(envelope, ["THROTTLED", "THROTTLED", "QUEUED", "THROTTLED", "completed"]), COMPLETED)
    seen: list[str] = []
    assert stage.do(handle.wait(on_update=lambda update: seen.append(update.status))).succeeded
    assert seen == ["THROTTLED", "QUEUED", "THROTTLED", "completed", "COMPLETED"]
    assert [record.getMessage() for record in caplog.records if record.name == "pixazo_client"] == [
        f"request '{ID}' has the unknown status 'THROTTLED': taken as not ended",
        f"request '{ID}' has the unknown status 'completed': taken as not ended",
    ]


def test_updates_are_the_answers_that_differ(stage: Stage) -> None:
    """Repetitions are not updates; the first and the terminal answer are."""
    handle = stage.submit()
    later = envelope("QUEUED", updated_at="2026-03-31T10:00:05.000Z")
    stage.will(QUEUED, QUEUED, later, Break("ReadError"), later, PROCESSING, PROCESSING, COMPLETED)
    updates = stage.updates(handle, 600)
    assert [one.status for one in updates] == ["QUEUED", "QUEUED", "PROCESSING", "COMPLETED"]
    assert len(stage.reads) == 8


def test_updates_stop_at_the_deadline(stage: Stage) -> None:
    """iter_updates has wait's deadline."""
    handle = stage.submit()
    stage.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        stage.updates(handle, 12)
    assert stage.reads == [1000.0, 1007.5, 1012.0]


def test_a_failed_generation_is_an_update_like_any_other(stage: Stage) -> None:
    """iter_updates reports, it does not judge."""
    handle = stage.submit()
    stage.will(QUEUED, FAILED)
    assert [one.status for one in stage.updates(handle, 60)] == ["QUEUED", "FAILED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_on_update_is_awaited(backend: str) -> None:
    """A coroutine function will do as well as a plain one."""
    stage = Stage(f"httpx2-{backend}")
    seen: list[str] = []

    async def on_update(update: Generation) -> None:
        seen.append(update.status)

    handle: Any = stage.submit()
    stage.will(QUEUED, COMPLETED)
    stage.do(handle.wait(on_update=on_update))
    assert seen == ["QUEUED", "COMPLETED"]


def test_a_single_status_read_is_repeated_like_any_other(stage: Stage) -> None:
    """handle.status is retrieve at polling_url."""
    handle = stage.submit()
    stage.will(Answer(503, {}), PROCESSING)
    assert stage.do(handle.status()).status == "PROCESSING"
    assert stage.pauses == [0.375]


def test_every_read_of_a_wait_shows_the_key_to_the_gateway_only(stage: Stage) -> None:
    """One host, one key."""
    handle = stage.submit()
    stage.will(QUEUED, COMPLETED)
    stage.do(handle.wait())
    assert {(one.url.split("/")[2], one.headers["ocp-apim-subscription-key"]) for one in stage.seen} == {
        ("gateway.test", KEY)
    }
