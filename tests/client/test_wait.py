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
    ScriptedGateway,
    envelope,
)

import pixazo_client
from pixazo_client import APIStatusError, Generation, Polling, WaitTimeoutError


def test_a_wait_ends_with_the_result(scripted: ScriptedGateway) -> None:
    """QUEUED, PROCESSING, COMPLETED: three reads, the last of which is returned."""
    handle = scripted.submit()
    scripted.will(QUEUED, PROCESSING, COMPLETED)
    generation = scripted.do(handle.wait())
    assert (generation.status, generation.succeeded) == ("COMPLETED", True)
    assert generation.media_urls == ("https://media.test/v1/bear.mp4",)
    assert len(scripted.reads) == 3


@pytest.mark.parametrize(("jitter", "gap"), [(0.0, 5.0), (0.5, 7.5), (0.999, 9.995)])
def test_the_default_pace_is_five_to_ten_seconds(jitter: float, gap: float) -> None:
    """CLIENT-01, at the bounds and in the middle of the jitter."""
    scripted = ScriptedGateway("httpx2")
    handle = scripted.submit(polling=Polling(random=lambda: jitter))
    scripted.will(QUEUED, QUEUED, PROCESSING, COMPLETED)
    handle.wait()
    assert [later - sooner for sooner, later in pairwise(scripted.reads)] == [pytest.approx(gap)] * 3


def test_the_random_source_is_real_by_default() -> None:
    """CLIENT-01: real draws fall into the window, and differ."""
    scripted = ScriptedGateway("httpx2")
    handle = scripted.submit(polling=Polling())
    scripted.will(*[QUEUED] * 50, COMPLETED)
    scripted.do(handle.wait())
    assert all(5 <= pause <= 10 for pause in scripted.pauses)
    assert len(set(scripted.pauses)) > 40


@given(
    timeout=st.floats(0, 120),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=10),
    takes=st.floats(0, 30),
)
def test_no_pause_passes_the_deadline(timeout: float, draws: list[float], takes: float) -> None:
    """Whatever the jitter and the slowness of answers; and a read is made at the deadline if time allows it."""
    scripted = ScriptedGateway("httpx2")
    turns = iter(draws * 100)
    handle = scripted.submit(polling=Polling(random=lambda: next(turns)))
    scripted.will(Answer(200, QUEUED, takes=takes))
    with pytest.raises(WaitTimeoutError) as caught:
        handle.wait(timeout)
    assert all(read <= 1000 + timeout + 1e-6 for read in scripted.reads)
    assert timeout - 1e-6 <= caught.value.elapsed <= timeout + takes + 1e-6
    if takes == 0:
        assert scripted.reads[-1] == pytest.approx(1000 + timeout)


def test_the_last_read_is_at_the_deadline(scripted: ScriptedGateway) -> None:
    """With 20 s and a pace of 7.5 s: at 0, 7.5, 15 and 20; then the error says what is known."""
    handle = scripted.submit()
    scripted.will(QUEUED, PROCESSING)
    with pytest.raises(
        WaitTimeoutError, match=rf"request '{ID}' did not end within 20\.0 s \(last status PROCESSING\)"
    ) as e:
        scripted.do(handle.wait(timeout=20))
    assert scripted.reads == [1000.0, 1007.5, 1015.0, 1020.0]
    assert isinstance(e.value, TimeoutError)
    assert (e.value.request_id, e.value.elapsed) == (ID, 20.0)
    assert e.value.last is not None
    assert e.value.last.status == "PROCESSING"
    assert e.value.__cause__ is None


def test_a_sleep_that_ends_early_does_not_add_reads(scripted: ScriptedGateway) -> None:
    """Clocks differ in the last digit: the read meant for the deadline is the last, even if it comes a moment before."""
    handle = scripted.submit()
    scripted.early = 0.001
    scripted.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        scripted.do(handle.wait(timeout=5))
    assert scripted.reads == [1000.0, 1004.999]


def test_a_result_at_the_deadline_is_in_time(scripted: ScriptedGateway) -> None:
    """The last read counts."""
    handle = scripted.submit()
    scripted.will(QUEUED, QUEUED, COMPLETED)
    assert scripted.do(handle.wait(timeout=10)).succeeded
    assert scripted.reads == [1000.0, 1007.5, 1010.0]


def test_a_slow_answer_past_the_deadline_is_the_last(scripted: ScriptedGateway) -> None:
    """Nothing is read after the deadline."""
    handle = scripted.submit()
    scripted.will(Answer(200, QUEUED, takes=25))
    with pytest.raises(WaitTimeoutError) as caught:
        scripted.do(handle.wait(timeout=20))
    assert (scripted.reads, caught.value.elapsed) == ([1000.0], 25.0)


def test_no_timeout_reads_once(scripted: ScriptedGateway) -> None:
    """timeout=0 asks and does not wait."""
    handle = scripted.submit()
    scripted.will(COMPLETED)
    assert scripted.do(handle.wait(timeout=0)).succeeded
    scripted.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        scripted.do(handle.wait(timeout=0))
    assert (len(scripted.reads), scripted.pauses) == (2, [])


def test_an_infinite_timeout_waits_as_long_as_it_takes(scripted: ScriptedGateway) -> None:
    """Here 25 minutes."""
    handle = scripted.submit()
    scripted.will(*[QUEUED] * 200, COMPLETED)
    assert scripted.do(handle.wait(timeout=math.inf)).succeeded


@pytest.mark.parametrize("timeout", [-1.0, math.nan, "5", None])
def test_a_timeout_that_is_no_time_is_refused(scripted: ScriptedGateway, timeout: Any) -> None:
    """Nothing is read."""
    handle = scripted.submit()
    with pytest.raises(ValueError, match="give seconds, 0 or more"):
        scripted.do(handle.wait(timeout=timeout))
    assert scripted.seen == []


@pytest.mark.parametrize(("shortest", "longest"), [(6.0, 5.0), (-1.0, 5.0), (math.nan, 5.0)])
def test_a_pace_that_is_no_window_is_refused(shortest: float, longest: float) -> None:
    """And the message says what would be."""
    with pytest.raises(ValueError, match="give 0 <= shortest <= longest"):
        Polling(shortest, longest)


@pytest.mark.parametrize("terminal", [COMPLETED, FAILED, ERROR])
def test_a_wait_stops_at_each_terminal_state(scripted: ScriptedGateway, terminal: dict[str, object]) -> None:
    """CLIENT-03: no read after a terminal answer, whichever of the three."""
    handle = scripted.submit()
    scripted.will(QUEUED, terminal, QUEUED)
    generation = scripted.do(handle.wait(raise_on_failure=False))
    assert generation.status == terminal["status"]
    assert generation.is_terminal
    assert len(scripted.reads) == 2


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
def test_a_failure_is_raised(
    scripted: ScriptedGateway, terminal: dict[str, object], kind: type[Any], told: str
) -> None:
    """With the reason, the id and the answer."""
    handle = scripted.submit()
    scripted.will(terminal)
    with pytest.raises(pixazo_client.GenerationError, match=told) as caught:
        scripted.do(handle.wait())
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
def test_a_wait_survives_transient_failures(scripted: ScriptedGateway, trouble: Answer | Break) -> None:
    """Many more of them than max_retries, at the usual pace."""
    handle = scripted.submit()
    scripted.will(QUEUED, *[trouble] * 20, PROCESSING, *[trouble] * 20, COMPLETED)
    assert scripted.do(handle.wait()).succeeded
    assert scripted.pauses == [7.5] * 42


def test_a_wait_that_only_fails_ends_at_its_deadline(scripted: ScriptedGateway) -> None:
    """The last failure is the cause; nothing was seen."""
    handle = scripted.submit()
    scripted.will(Answer(500, {}), Break("ReadTimeout"))
    with pytest.raises(WaitTimeoutError, match="no status was read") as caught:
        scripted.do(handle.wait(timeout=30))
    assert caught.value.last is None
    assert isinstance(caught.value.__cause__, pixazo_client.APITimeoutError)
    assert caught.value.__cause__.request_id == ID
    assert scripted.now == 1030.0


def test_a_later_success_forgets_earlier_failures(scripted: ScriptedGateway) -> None:
    """The deadline passes after a good read: no failure is its cause."""
    handle = scripted.submit()
    scripted.will(Answer(500, {}), QUEUED)
    with pytest.raises(WaitTimeoutError) as caught:
        scripted.do(handle.wait(timeout=30))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410])
def test_a_wait_ends_at_once_when_no_later_read_can_help(scripted: ScriptedGateway, status: int) -> None:
    """401, 402, 403, 404 and their like, carrying the request id; an HTML page too."""
    handle = scripted.submit()
    scripted.will(QUEUED, Answer(status, b"<html>No</html>"), COMPLETED)
    with pytest.raises(APIStatusError) as caught:
        scripted.do(handle.wait())
    assert (caught.value.status_code, caught.value.request_id) == (status, ID)
    assert len(scripted.reads) == 2


def test_a_throttled_wait_keeps_the_pace_it_is_told(scripted: ScriptedGateway) -> None:
    """CLIENT-06: Retry-After wins if longer than the pace, even beyond a minute; never beyond the deadline."""
    handle = scripted.submit()
    scripted.will(
        Answer(429, {}, {"Retry-After": "2"}),
        Answer(429, {}, {"Retry-After": "90"}),
        Answer(429, {}, {"Retry-After": "900"}),
    )
    with pytest.raises(WaitTimeoutError):
        scripted.do(handle.wait(timeout=120))
    assert scripted.pauses == [7.5, 90.0, 22.5]


def test_an_unknown_word_is_reported_once_and_waited_out(
    scripted: ScriptedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """CLIENT-07: one warning a word, on_update sees it, the wait goes on."""
    caplog.set_level(logging.WARNING, "pixazo_client")
    handle = scripted.submit()
    scripted.will(*map(envelope, ["THROTTLED", "THROTTLED", "QUEUED", "THROTTLED", "completed"]), COMPLETED)
    seen: list[str] = []
    assert scripted.do(handle.wait(on_update=lambda update: seen.append(update.status))).succeeded
    assert seen == ["THROTTLED", "QUEUED", "THROTTLED", "completed", "COMPLETED"]
    assert [record.getMessage() for record in caplog.records if record.name == "pixazo_client"] == [
        f"request '{ID}' has the unknown status 'THROTTLED': taken as not ended",
        f"request '{ID}' has the unknown status 'completed': taken as not ended",
    ]


def test_updates_are_the_answers_that_differ(scripted: ScriptedGateway) -> None:
    """Repetitions are not updates; the first and the terminal answer are."""
    handle = scripted.submit()
    later = envelope("QUEUED", updated_at="2026-03-31T10:00:05.000Z")
    scripted.will(QUEUED, QUEUED, later, Break("ReadError"), later, PROCESSING, PROCESSING, COMPLETED)
    updates = scripted.updates(handle, 600)
    assert [one.status for one in updates] == ["QUEUED", "QUEUED", "PROCESSING", "COMPLETED"]
    assert len(scripted.reads) == 8


def test_updates_stop_at_the_deadline(scripted: ScriptedGateway) -> None:
    """iter_updates has wait's deadline."""
    handle = scripted.submit()
    scripted.will(QUEUED)
    with pytest.raises(WaitTimeoutError):
        scripted.updates(handle, 12)
    assert scripted.reads == [1000.0, 1007.5, 1012.0]


def test_a_failed_generation_is_an_update_like_any_other(scripted: ScriptedGateway) -> None:
    """iter_updates reports, it does not judge."""
    handle = scripted.submit()
    scripted.will(QUEUED, FAILED)
    assert [one.status for one in scripted.updates(handle, 60)] == ["QUEUED", "FAILED"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_on_update_is_awaited(backend: str) -> None:
    """A coroutine function will do as well as a plain one."""
    scripted = ScriptedGateway(f"httpx2-{backend}")
    seen: list[str] = []

    async def on_update(update: Generation) -> None:
        seen.append(update.status)

    handle: Any = scripted.submit()
    scripted.will(QUEUED, COMPLETED)
    scripted.do(handle.wait(on_update=on_update))
    assert seen == ["QUEUED", "COMPLETED"]


def test_a_single_status_read_is_repeated_like_any_other(scripted: ScriptedGateway) -> None:
    """handle.status is retrieve at polling_url."""
    handle = scripted.submit()
    scripted.will(Answer(503, {}), PROCESSING)
    assert scripted.do(handle.status()).status == "PROCESSING"
    assert scripted.pauses == [0.375]


def test_every_read_of_a_wait_shows_the_key_to_the_gateway_only(scripted: ScriptedGateway) -> None:
    """One host, one key."""
    handle = scripted.submit()
    scripted.will(QUEUED, COMPLETED)
    scripted.do(handle.wait())
    assert {(one.url.split("/")[2], one.headers["ocp-apim-subscription-key"]) for one in scripted.seen} == {
        ("gateway.test", KEY)
    }
