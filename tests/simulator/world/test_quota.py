"""The rate limit: a fixed window that begins with the first call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.policy import RateLimit
from pixazo_simulator.world.account import Quota


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("off", None),
        ("60/60", RateLimit(60, 60)),
        ("0/1", RateLimit(0, 1)),
        ("5/3600 submits", RateLimit(5, 3600, submits_only=True)),
    ],
)
def test_a_limit_is_read_and_written(text: str, limit: RateLimit | None) -> None:
    """As on the command line."""
    assert RateLimit.parse(text) == limit
    assert limit is None or str(limit) == text


@pytest.mark.parametrize("text", ["", "60", "60/0", "60/", "/60", "-1/60", "60/60 reads", "on"])
def test_what_is_no_limit_is_refused_with_the_remedy(text: str) -> None:
    """A window of no length among them."""
    with pytest.raises(ValueError, match="is not off, CALLS/SECONDS"):
        RateLimit.parse(text)


def test_calls_beyond_the_limit_get_the_seconds_to_wait() -> None:
    """It is in whole seconds, rounded up, at least one; after that wait the next call is served."""
    quota, limit = Quota(), RateLimit(2, 10)
    assert quota.take(limit, 100_000) is None
    assert quota.take(limit, 103_000) is None
    assert quota.take(limit, 103_000) == 7
    assert quota.take(limit, 103_001) == 7
    assert quota.take(limit, 109_999) == 1
    assert quota.take(limit, 110_000) is None


def test_a_window_begins_with_the_first_call_after_the_last_one() -> None:
    """Not at fixed instants: the idle time between two windows counts for neither."""
    quota, limit = Quota(), RateLimit(1, 10)
    assert quota.take(limit, 100_000) is None
    assert quota.take(limit, 117_000) is None
    assert quota.take(limit, 121_000) == 6


def test_no_calls_at_all() -> None:
    """0 per second: every call is refused, for a second."""
    assert Quota().take(RateLimit(0, 1), 5_000) == 1


@pytest.mark.slow
@given(calls=st.integers(0, 5), seconds=st.integers(1, 5), pauses=st.lists(st.integers(0, 3000), max_size=60))
def test_never_more_than_the_limit_in_one_window(calls: int, seconds: int, pauses: list[int]) -> None:
    """Windows are rebuilt here from what was served; and a caller that waits as long as asked is served unless no call ever is."""
    quota, limit, now, began, served = Quota(), RateLimit(calls, seconds), 10**9, None, 0
    for pause in pauses:
        now += pause
        if began is None or now >= began + seconds * 1000:
            began, served = now, 0
        wait = quota.take(limit, now)
        assert (wait is None) == (served < calls)
        served += wait is None
        assert served <= calls
        if wait is not None:
            left = began + seconds * 1000 - now
            assert 0 <= wait * 1000 - left < 1000
