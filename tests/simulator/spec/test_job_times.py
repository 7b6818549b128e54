"""How long generations take, and how long their results are kept."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.policy import JobTimes, Retention


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("2+13", JobTimes((2_000, 2_000), (13_000, 13_000))),
        ("5-20+60-180", JobTimes((5_000, 20_000), (60_000, 180_000))),
        ("0+0.05", JobTimes((0, 0), (50, 50))),
        ("0.5-1+7", JobTimes((500, 1_000), (7_000, 7_000))),
    ],
)
def test_times_are_read_and_written(text: str, times: JobTimes) -> None:
    """Seconds outside, milliseconds inside."""
    assert JobTimes.parse(text) == times
    assert str(times) == text


FORM = ("", "2", "2+", "+13", "2+13+1", "2-+13", "-2+13", "2+1e3", "2+0.0001")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        *((each, r"is not QUEUED\+PROCESSING in seconds") for each in FORM),
        *((each, "write the smaller number first") for each in ("3-2+13", "2+13-12.999")),
    ],
)
def test_what_is_no_pair_of_times_is_refused_with_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        JobTimes.parse(text)


@given(seed=st.integers(), bounds=st.tuples(*[st.integers(0, 10**6)] * 4))
def test_what_is_drawn_lies_within_the_bounds(seed: int, bounds: tuple[int, int, int, int]) -> None:
    """Both ends included; the same source draws the same."""
    first, second = sorted(bounds[:2]), sorted(bounds[2:])
    times = JobTimes((first[0], first[1]), (second[0], second[1]))
    queued, processing = times.draw(Random(seed))
    assert first[0] <= queued <= first[1]
    assert second[0] <= processing <= second[1]
    assert times.draw(Random(seed)) == (queued, processing)


def test_every_time_within_the_bounds_can_be_drawn() -> None:
    random, times = Random(0), JobTimes((0, 2), (5, 6))
    drawn = [times.draw(random) for _ in range(200)]
    assert {queued for queued, _ in drawn} == {0, 1, 2}
    assert {processing for _, processing in drawn} == {5, 6}


def test_fixed_times_draw_nothing() -> None:
    """So that request ids do not depend on times that cannot vary."""
    random = Random(1)
    assert JobTimes.parse("2+13").draw(random) == (2_000, 13_000)
    assert random.random() == Random(1).random()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("forever", Retention()),
        ("media=86400", Retention(media=86_400_000)),
        ("status=0", Retention(status=0)),
        ("status=3600,media=86400", Retention(3_600_000, 86_400_000)),
    ],
)
def test_retention_is_read_and_written(text: str, kept: Retention) -> None:
    """Seconds outside, milliseconds inside."""
    assert Retention.parse(text) == kept
    assert str(kept) == text


@pytest.mark.parametrize("text", ["", "never", "media", "media=", "media=1.5", "status=1;media=2", "forever,media=1"])
def test_what_is_no_retention_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="is not forever or status=SECONDS,media=SECONDS"):
        Retention.parse(text)
