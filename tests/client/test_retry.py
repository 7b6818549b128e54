"""Retries: whether, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_client._calls import retry_pause
from pixazo_client._exchange import NoResponse, Outcome, Response

NOON = 1774958400.0  # Tue, 31 Mar 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Tue, 31 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Tue, 31 Mar 2026 12:00:30 -0000"}, 30.0),
        ({"Retry-After": "Tue, 31 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Tue, 31 Mar 2026 12:00:30 GMT", "Date": "Tue, 31 Mar 2026 12:00:20 GMT"}, 10.0),
        ({"Retry-After": "Tue, 31 Mar 2026 12:00:30 GMT", "Date": "today"}, 30.0),
        ({"Retry-After": "5, 70, soon"}, 70.0),
        ({"Retry-After": "5, Tue, 31 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Tue, 99 Mar 2026 12:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date is compared with the response's own Date, or else with our clock; of several headers the longest counts."""
    assert Response(429, headers, b"", NOON).retry_after == seconds


@given(st.text())
def test_any_retry_after_is_survived(value: str) -> None:
    """The result is None, or a finite number of seconds that is not negative."""
    seconds = Response(429, {"Retry-After": value}, b"", NOON).retry_after
    assert seconds is None or 0 <= seconds < float("inf")


def test_backoff_doubles_up_to_a_ceiling() -> None:
    """0.5, 1, 2, 4, 8, 8 ... seconds, reduced by the jitter by up to a half."""
    lost = NoResponse(sent=False, timed_out=False, reason="", cause=OSError())
    longest = [retry_pause("GET", lost, attempt, 2000, lambda: 0.0) for attempt in (*range(7), 1999)]
    assert longest == [0.5, 1, 2, 4, 8, 8, 8, 8]
    assert retry_pause("GET", lost, 0, 2000, lambda: 0.999999) == pytest.approx(0.25, abs=1e-3)


RESPONSES = st.builds(
    Response,
    st.integers(200, 599),
    st.dictionaries(st.just("Retry-After"), st.sampled_from(["0", "3", "60", "61", "x"])),
    st.just(b""),
    st.just(NOON),
)
LOSSES = st.builds(NoResponse, st.booleans(), st.booleans(), st.just(""), st.just(OSError()))


@given(outcome=RESPONSES | LOSSES, attempt=st.integers(0, 5), limit=st.integers(0, 5))
def test_a_post_is_repeated_only_when_nothing_can_have_been_accepted(
    outcome: Outcome, attempt: int, limit: int
) -> None:
    """Never beyond the limit, after more than a minute, after a 5xx, or when the response was lost."""
    pause = retry_pause("POST", outcome, attempt, limit, lambda: 0.5)
    if pause is not None:
        assert attempt < limit
        assert 0 <= pause <= 60
        assert not outcome.sent if isinstance(outcome, NoResponse) else outcome.status == 429
