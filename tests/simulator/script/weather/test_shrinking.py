"""What breaks an app is shrunk to the fewest incidents, within a bound on runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pixazo_simulator.script.weather import Fewest, Forecast, StopShrinking, forecast, read_forecast, shrunk

MANY = forecast(5, 10)


def broken_by(needed: Forecast) -> Callable[[Forecast], list[str]]:
    """An app that all of these together break."""
    return lambda some: ["charged twice"] * (set(needed) <= set(some))


def counted(
    problems_of: Callable[[Forecast], list[str]],
) -> tuple[list[Forecast], Callable[[Forecast], list[str]]]:
    """The runs of an app, and the same app."""
    runs: list[Forecast] = []

    def run(some: Forecast) -> list[str]:
        runs.append(some)
        return problems_of(some)

    return runs, run


def fewest(problems_of: Callable[[Forecast], list[str]], incidents: Forecast, most: int = 10_000) -> Fewest:
    """The fewest incidents by which the app is charged twice."""
    (found,) = shrunk(problems_of, incidents, ["charged twice"], most)
    return found


@pytest.mark.parametrize("needed", [MANY[:1], MANY[-1:], MANY[3:60:19], ()])
def test_only_the_incidents_that_are_needed_are_left(needed: Forecast) -> None:
    """One, several, or none, of sixty and more."""
    found = fewest(broken_by(needed), MANY)
    assert found.is_least
    assert set(found.incidents) == set(needed)


def test_a_burst_is_shrunk_to_the_calls_that_are_needed() -> None:
    """Three of four calls must fail before the app gives up."""
    burst = read_forecast("4 x 429 at submission of generation 2; 2 x 503 at reads of generation 1")

    def needs(count: int) -> Callable[[Forecast], list[str]]:
        return lambda some: ["charged twice"] * any(each.noun == "submission" and each.count >= count for each in some)

    assert fewest(needs(1), burst).incidents == read_forecast("429 at submission of generation 2")
    assert fewest(needs(3), burst).incidents == read_forecast("3 x 429 at submission of generation 2")


def test_an_app_that_breaks_in_calm_weather_needs_no_incident() -> None:
    """It is run once more to be sure."""
    runs, problems_of = counted(broken_by(()))
    (found,) = shrunk(problems_of, MANY, ["charged twice"])
    assert (found.incidents, len(runs)) == ((), 2)
    assert str(found) == "it also breaks without any incident (charged twice)"


def test_each_kind_of_problem_is_shrunk_by_itself() -> None:
    """What also breaks the app is not taken for it; kinds that need the same incidents are told together, and no run is made twice."""
    tried: list[Forecast] = []

    def problems_of(some: Forecast) -> list[str]:
        tried.append(some)
        lost, expired = MANY[2] in some, MANY[30] in some
        return ["charged twice"] * lost + ["never read"] * lost + ["its exit code is 1"] * expired

    found = shrunk(problems_of, MANY, ["charged twice", "its exit code is 1", "never read"])
    assert [(each.kinds, each.incidents) for each in found] == [
        (("charged twice", "never read"), (MANY[2],)),
        (("its exit code is 1",), (MANY[30],)),
    ]
    assert len(tried) == len(set(tried)) + 2  # the results are tried once more


def test_no_more_runs_are_made_than_the_bound() -> None:
    """What was found until then is the result, and is said to be no more than that."""
    runs, problems_of = counted(broken_by(MANY[::7]))
    (found,) = shrunk(problems_of, MANY, ["charged twice"], most=12)
    assert (len(runs), found.is_least) == (12, False)
    assert set(MANY[::7]) <= set(found.incidents) < set(MANY)
    assert "; shrinking was stopped, fewer may be enough\n" in str(found)


def test_an_app_that_does_not_break_again_keeps_its_incidents() -> None:
    """It behaves at random: nothing can be left out, and that is said."""
    found = fewest(lambda _: [], MANY[:3])
    assert (found.incidents, found.is_flaky, found.is_least) == (MANY[:3], True, False)
    assert (
        str(found)
        == "not shrunk: with the same incidents the app sometimes breaks and sometimes survives (charged twice)"
    )


def test_an_app_that_survives_its_fewest_incidents_when_they_are_tried_once_more_is_flaky() -> None:
    """The set that breaks it is no smaller than that of the first run, as far as anybody knows."""
    problems = iter([["charged twice"], *[[]] * 9])
    found = fewest(lambda _: next(problems), MANY[:3])
    assert (found.incidents, found.is_flaky) == (MANY[:3], True)


def test_shrinking_can_be_stopped() -> None:
    """What was found until then is the result, for each kind."""
    runs: list[Forecast] = []

    def problems_of(some: Forecast) -> list[str]:
        runs.append(some)
        if len(runs) >= 4:
            raise StopShrinking
        return ["charged twice"] * (MANY[0] in some)

    (found, other) = shrunk(problems_of, MANY, ["charged twice", "never read"])
    assert (found.is_least, found.is_flaky) == (False, False)
    assert MANY[0] in found.incidents
    assert len(found.incidents) < len(MANY)
    assert (other.kinds, other.incidents) == (("never read",), MANY)
