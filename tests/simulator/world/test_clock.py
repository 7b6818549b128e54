"""The clock of a world: it runs at its rate, it can be advanced, it is never turned back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.text import LAST_INSTANT, PAGE_INSTANT
from pixazo_simulator.world.clock import Clock, clock_factory, read_start, starting


class Monotonic:
    """Real seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_manual_clock_starts_at_the_instant_of_the_page() -> None:
    assert Clock.manual().now() == 1_774_951_200_000 == PAGE_INSTANT


@pytest.mark.parametrize(("rate", "passed"), [(0, 0), (1, 2_500), (20, 50_000), (0.5, 1_250)])
def test_a_clock_runs_at_its_rate(rate: float, passed: int) -> None:
    """2.5 real seconds are 2.5 s times the rate."""
    real = Monotonic()
    clock = Clock(0, rate, real)
    real.seconds += 2.5
    assert clock.now() == passed


@pytest.mark.parametrize("rate", [0, 1, 20])
def test_any_clock_can_be_advanced(rate: float) -> None:
    """After advance_to it reads that instant, and goes on from there."""
    real = Monotonic()
    clock = Clock(5_000, rate, real)
    clock.advance_to(65_000)
    assert clock.now() == 65_000
    real.seconds += 1
    assert clock.now() == 65_000 + 1000 * rate


@given(
    rate=st.sampled_from([0.0, 0.001, 1.0, 20.0, 999_999.0]),
    steps=st.lists(st.one_of(st.floats(0, 1e9), st.integers(-(10**18), 10**18)), max_size=20),
)
def test_a_clock_never_goes_back(rate: float, steps: list[float | int]) -> None:
    """Whatever passes (floats: real seconds) and wherever it is set to go (integers), it only goes forward."""
    real = Monotonic()
    clock = Clock(0, rate, real)
    last = clock.now()
    for step in steps:
        if isinstance(step, float):
            real.seconds += step
        else:
            clock.advance_to(step)
        assert last <= clock.now() <= LAST_INSTANT
        last = clock.now()


def test_real_seconds_until_an_instant() -> None:
    """They shrink with the rate, are 0 for what is past, and unknown to a clock that stands still."""
    real = Monotonic()
    assert Clock(0, 20, real).real_seconds_until(30_000) == 1.5
    assert Clock(30_000, 20, real).real_seconds_until(30_000) == 0
    assert Clock(0, 0).real_seconds_until(1) is None


@pytest.mark.parametrize("rate", [0, 1, 100_000])
def test_no_clock_reads_an_instant_beyond_the_last(rate: float) -> None:
    """However fast it runs, it never will; the last one it reads."""
    clock = Clock(253_402_300_799_999, rate)
    assert clock.real_seconds_until(253_402_300_800_000) is None
    assert clock.real_seconds_until(253_402_300_799_999) == 0


@pytest.mark.parametrize(
    ("text", "rate", "written"),
    [("real", 1, "real"), ("manual", 0, "manual"), ("x1", 1, "real"), ("x20", 20, "x20"), ("x0.5", 0.5, "x0.5")],
)
def test_a_clock_is_read_from_text_and_written_as_text(text: str, rate: float, written: str) -> None:
    """The words of the command line."""
    clock = clock_factory(text)()
    assert (clock.rate, str(clock)) == (rate, written)


@pytest.mark.parametrize("text", ["", "x", "x0", "x-1", "x1e3", "xnan", "x\u0663", "20", "Real"])
def test_any_other_text_is_refused_with_the_remedy(text: str) -> None:
    """The message names the words that are known."""
    with pytest.raises(ValueError, match="is not one of real, manual, xN"):
        clock_factory(text)


def test_each_clock_of_a_factory_is_its_own() -> None:
    """Advancing one world's clock leaves the others alone."""
    factory = clock_factory("manual")
    first, second = factory(), factory()
    first.advance_to(PAGE_INSTANT + 1)
    assert second.now() == PAGE_INSTANT


def test_a_fork_reads_the_same_and_goes_its_own_way() -> None:
    """Also when it is made long after: worlds of one server share their time until one is advanced."""
    seconds = [100.0]
    clock = Clock(1_000, 20, lambda: seconds[0])
    seconds[0] += 5
    fork = clock.fork()
    assert (clock.now(), fork.now()) == (101_000, 101_000)
    fork.advance_to(200_000)
    seconds[0] += 1
    assert (clock.now(), fork.now()) == (121_000, 220_000)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-31T10:00:00Z", PAGE_INSTANT),
        ("2026-03-31t12:00:00.25+02:00", PAGE_INSTANT + 250),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999Z", LAST_INSTANT),
    ],
)
def test_a_start_is_an_instant_of_rfc_3339(text: str, instant: int) -> None:
    """In any zone, to the millisecond."""
    assert read_start(text) == instant


def test_a_start_can_be_now() -> None:
    """The second that has begun, so that nothing depends on how its rest is rounded."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    start = read_start("now")
    assert start % 1000 == 0
    assert before.timestamp() < start / 1000 <= datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    "text", ["", "today", "2026-03-31", "2026-03-31T10:00:00", "2026-02-30T10:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"]
)  # fmt: skip
def test_any_other_start_is_refused(text: str) -> None:
    """Without a zone, too: whose would it be?"""
    with pytest.raises(
        ValueError,
        match="is neither now nor an instant of the years 1970 to 9999 with a time zone, such as 2026-03-31T10:00:00Z",
    ):
        read_start(text)


def test_clocks_of_a_factory_start_elsewhere() -> None:
    """A manual one when it is made; running ones share their time, and each can still be advanced alone."""
    real = Monotonic()
    manual, running = (starting(partial(Clock, 7, rate, real), "1970-01-01T00:00:01Z") for rate in (0, 20))
    first, second = manual(), manual()
    first.advance_to(5000)
    assert (first.now(), second.now(), second.start) == (5000, 1000, 1000)
    early = running()
    real.seconds += 2
    late = running()
    assert early.now() == late.now() == 41_000
    early.advance_to(50_000)
    assert (early.now(), late.now()) == (50_000, 41_000)
    assert starting(Clock.manual, None) == Clock.manual
