"""What breaks an app is shrunk to the fewest incidents, within a bound on runs."""

from __future__ import annotations

import pytest

from pixazo_simulator.weather import Forecast, Shrinking, forecast, read_forecast

MANY = forecast(5, 10)


@pytest.mark.parametrize("needed", [MANY[:1], MANY[-1:], MANY[3:60:19], ()])
def test_only_the_incidents_that_are_needed_are_left(needed: Forecast) -> None:
    """One, several, or none, of sixty and more."""
    found = Shrinking(lambda some: set(needed) <= set(some), MANY, most=10_000)
    assert found.is_least
    assert set(found.fewest) == set(needed)


def test_a_burst_is_shrunk_to_the_calls_that_are_needed() -> None:
    """Three of four calls must fail before the app gives up; it is tried with one, two, and then all."""
    burst = read_forecast("day 1: 4 x 429 from submission 2; day 1: 2 x 503 from read 1")
    once = Shrinking(lambda some: any(each.noun == "submission" for each in some), burst)
    thrice = Shrinking(lambda some: any(each.noun == "submission" and each.count > 2 for each in some), burst)
    assert once.fewest == read_forecast("day 1: 429 at submission 2")
    assert thrice.fewest == read_forecast("day 1: 4 x 429 from submission 2")


def test_an_app_that_breaks_in_calm_weather_is_run_once() -> None:
    """No incident is needed."""
    found = Shrinking(lambda _: True, MANY)
    assert (found.fewest, found.runs) == ((), 1)
    assert str(found) == "it breaks without any incident, too (after 1 run)"


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
    assert "after 12 runs, the most that are made: fewer may do" in str(found)


def test_an_app_that_does_not_break_again_keeps_its_incidents() -> None:
    """It behaves at random: nothing can be left out."""
    assert Shrinking(lambda _: False, MANY[:3]).fewest == MANY[:3]
