"""What breaks an app is shrunk to the fewest incidents, within a bound on runs."""

from __future__ import annotations

import pytest

from pixazo_simulator.weather import Forecast, Shrinking, StopShrinking, forecast, read_forecast

MANY = forecast(5, 10)


@pytest.mark.parametrize("needed", [MANY[:1], MANY[-1:], MANY[3:60:19], ()])
def test_only_the_incidents_that_are_needed_are_left(needed: Forecast) -> None:
    """One, several, or none, of sixty and more."""
    found = Shrinking(lambda some: set(needed) <= set(some), MANY, most=10_000)
    assert found.is_least
    assert set(found.fewest) == set(needed)


def test_a_burst_is_shrunk_to_the_calls_that_are_needed() -> None:
    """Three of four calls must fail before the app gives up; it is tried with one, two, and then all."""
    burst = read_forecast("day 1: 4 x 429 at submission of generation 2; day 1: 2 x 503 at reads of generation 1")
    once = Shrinking(lambda some: any(each.noun == "submission" for each in some), burst)
    thrice = Shrinking(lambda some: any(each.noun == "submission" and each.count > 2 for each in some), burst)
    assert once.fewest == read_forecast("day 1: 429 at submission of generation 2")
    assert thrice.fewest == read_forecast("day 1: 4 x 429 at submission of generation 2")


def test_an_app_that_breaks_in_calm_weather_needs_no_incident() -> None:
    """And once more to be sure: no incident is needed."""
    found = Shrinking(lambda _: True, MANY)
    assert (found.fewest, found.runs) == ((), 2)
    assert str(found) == "it breaks without any incident, too (after 2 runs)"


def test_no_incidents_are_tried_twice_and_no_more_than_the_bound() -> None:
    """What was found until then is the result, and is said to be no more than that."""
    tried: list[Forecast] = []

    def breaks(some: Forecast) -> bool:
        tried.append(some)
        return set(MANY[::7]) <= set(some)

    found = Shrinking(breaks, MANY, most=12)
    assert (found.runs, found.is_least) == (12, False)
    assert len(set(tried)) == len(tried) == 12
    assert set(MANY[::7]) <= set(found.fewest) < set(MANY)
    assert "(after 12 runs, where it was ended: fewer may do)" in str(found)


def test_an_app_that_does_not_break_again_keeps_its_incidents() -> None:
    """It behaves at random: nothing can be left out, and that is said."""
    found = Shrinking(lambda _: False, MANY[:3])
    assert (found.fewest, found.is_flaky, found.is_least) == (MANY[:3], True, False)
    assert str(found).startswith(
        "not shrunk: with the same incidents it breaks at one time and survives at another (after "
    )


def test_an_app_that_survives_its_fewest_incidents_when_they_are_tried_once_more_is_flaky() -> None:
    """The set that breaks it is no smaller than that of the first run, as far as anybody knows."""
    broken = iter([True, False, False, False, False, False, False])
    found = Shrinking(lambda _: next(broken), MANY[:3])
    assert (found.fewest, found.is_flaky) == (MANY[:3], True)


def test_shrinking_can_be_stopped() -> None:
    """What was found until then is the result."""
    runs: list[Forecast] = []

    def breaks(some: Forecast) -> bool:
        runs.append(some)
        if len(runs) == 4:
            raise StopShrinking
        return MANY[0] in some

    found = Shrinking(breaks, MANY)
    assert (found.runs, found.is_least, found.is_flaky) == (3, False, False)
    assert MANY[0] in found.fewest
    assert len(found.fewest) < len(MANY)
