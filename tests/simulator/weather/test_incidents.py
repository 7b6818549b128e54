"""Incidents: the same for each seed, readable, and at the calls that they name."""

from __future__ import annotations

import pytest
from tests.caller import GENERATE, Caller, over_http

from pixazo_simulator import Clock, Settings, Simulator
from pixazo_simulator.weather import DAY, forecast, read_forecast, rules, written


def test_a_seed_and_a_number_of_days_give_the_same_incidents() -> None:
    """They are spelled out here, so that a change of the draws is noticed: people keep seeds."""
    assert written(forecast(41)) == (
        "day 1: end FAILED at submission 2; day 1: reply cut after acceptance at submission 3; day 1: reply lost after acceptance at submission 6; "
        "day 1: 3 x 503 from read 3; day 1: 2 x reply lost from read 11; day 1: late at webhook 3; day 1: doubled at webhook 7; "
        "day 1: 2 x 503 from download 3; day 1: expired (404) at download 6"
    )


def test_the_incidents_of_a_day_do_not_depend_on_the_days_after_it() -> None:
    """A seed that breaks an app in two days breaks it in three."""
    longer = [each for each in forecast(7, 5) if each.day <= 2]
    assert tuple(longer) == forecast(7, 2)


@pytest.mark.parametrize("seed", range(5))
def test_three_days_have_incidents_of_every_kind(seed: int) -> None:
    """A seed does not leave out the one that an app cannot bear."""
    assert len({(each.noun, each.kind) for each in forecast(seed, 3)}) == 23


@pytest.mark.parametrize("seed", range(30))
def test_a_forecast_is_read_as_it_is_written_and_makes_valid_rules(seed: int) -> None:
    """It can be kept in a file, a line each; reading it also says that no two incidents meet."""
    found = forecast(seed, 10)
    assert read_forecast("\n".join(map(str, found))) == read_forecast(written(found)) == found
    assert len(rules(found)) == len(found)
    assert {each.day for each in found} == set(range(1, 11))


def test_every_day_has_its_own_submissions() -> None:
    """Day 2 begins with submission 9."""
    found = [each for each in forecast(3, 20) if each.noun == "submission"]
    assert all((each.day - 1) * DAY < each.first <= each.day * DAY for each in found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tomorrow: rain", "incident 'tomorrow: rain' cannot be read: write it as 'day 1: reply lost after acceptance at submission 3'"),
        ("day 1: 429 at submision 3", "incident 'day 1: 429 at submision 3' is not known (did you mean 429 at submission N?): known are "),
        ("day 1: 429 at submission 0", "incident 'day 1: 429 at submission 0' has a number 0: calls are counted from 1"),
        (
            "day 1: 4 x 429 from submission 2; day 1: end FAILED at submission 5",
            "incidents 'day 1: 4 x 429 from submission 2' and 'day 1: end FAILED at submission 5' overlap: change one of them",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_remedy(text: str, says: str) -> None:
    """In one line."""
    with pytest.raises(ValueError, match="incident") as caught:
        read_forecast(text)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("days", [0, 101])
def test_a_forecast_is_of_1_to_100_days(days: int) -> None:
    """Its rules must fit into one script."""
    with pytest.raises(ValueError, match=f"{days} days: give 1 to 100"):
        forecast(1, days)


def statuses(text: str, submissions: int) -> list[int]:
    """The status code of each of so many submissions in a world with these incidents."""
    script = tuple(rules(read_forecast(text)).values())
    with Simulator(Settings(clock=Clock.manual, script=script)) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        return [caller.call("POST", GENERATE, {"prompt": "A bear"}).status for _ in range(submissions)]


def test_incidents_strike_the_calls_that_they_name() -> None:
    """Counted from 1, whatever struck before."""
    text = "day 1: 2 x 429 from submission 2; day 1: 503 before acceptance at submission 5"
    assert statuses(text, 6) == [202, 429, 429, 202, 503, 202]


def test_without_one_incident_the_others_strike_the_same_calls() -> None:
    """So that shrinking changes nothing but what it leaves out."""
    assert statuses("day 1: 503 before acceptance at submission 5", 6) == [202, 202, 202, 202, 503, 202]


def test_calls_that_an_outage_turns_away_are_counted_as_nothing_else() -> None:
    """Calls 1 and 2 are turned away, so that the third is submission 1."""
    assert statuses("day 1: 2 x outage (503) from call 1; day 1: 429 at submission 1", 4) == [503, 503, 429, 202]
