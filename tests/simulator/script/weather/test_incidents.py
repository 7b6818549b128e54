"""Incidents: the same for each seed, readable, and at the calls that they name."""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest
from tests.caller import Caller, over_http

from pixazo_simulator import Clock, Settings, Simulator
from pixazo_simulator.script import MOST_RULES
from pixazo_simulator.script.weather import DAY, Incident, forecast, read_forecast, rules, written


def test_a_seed_and_a_number_of_days_give_the_same_incidents() -> None:
    """They are spelled out here, so that a change of the draws is noticed: people keep seeds."""
    assert written(forecast(41)) == (
        "4 x end FAILED at submission of generation 3; "
        "reply cut after acceptance at submission of generation 6; "
        "reply lost after acceptance at submission of generation 8; "
        "reply lost at reads of generation 2; reply cut at reads of generation 4; "
        "late at webhook of generation 3; doubled at webhook of generation 8; "
        "body cut at downloads of generation 3; 2 x expired (403) at downloads of generation 8"
    )


def test_the_incidents_of_a_day_do_not_depend_on_the_days_after_it() -> None:
    """A seed that breaks an app in two days breaks it in three."""
    longer = [each for each in forecast(7, 5) if day_of(each) <= 2]
    assert tuple(longer) == forecast(7, 2)


def day_of(incident: Incident) -> int:
    """The day that has its generation."""
    return (incident.generation - 1) // DAY + 1


@pytest.mark.parametrize("seed", range(5))
def test_three_days_have_incidents_of_every_kind(seed: int) -> None:
    """A seed does not leave out the one that an app cannot bear."""
    assert len({(each.noun, each.kind) for each in forecast(seed, 3)}) == 24


@pytest.mark.parametrize("seed", range(30))
def test_a_forecast_is_read_as_it_is_written_and_makes_valid_rules(seed: int) -> None:
    """It can be kept in a file, a line each."""
    found = forecast(seed, 10)
    assert read_forecast("\n".join(map(str, found))) == read_forecast(written(found)) == found
    assert {each.name for each in rules(found)} == set(map(str, found))
    assert set(map(day_of, found)) == set(range(1, 11))


def test_every_day_has_its_own_generations() -> None:
    """Day 2 begins with generation 9; no two incidents are about the same calls."""
    found = forecast(3, 20)
    assert all(set(map(day_of, {*forecast(3, day)} - {*forecast(3, day - 1)})) == {day} for day in range(2, 21))
    assert len({(each.noun, each.generation) for each in found}) == len(found)


@pytest.mark.slow
def test_the_longest_forecast_fits_into_a_script() -> None:
    """Whatever its seed: an incident at all calls has three rules."""
    assert max(len(rules(forecast(seed, 80))) for seed in range(5)) <= 80 * (3 * 1 + 9) <= MOST_RULES


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rain", "incident 'rain' cannot be read: write it as 'reply lost after acceptance at submission of generation 3'"),
        ("429 at submision of generation 3", "incident '429 at submision of generation 3': there is no 'submision' (did you mean submission?): write one of calls, submission, "),
        ("430 at reads of generation 3", "incident '430 at reads of generation 3': there is no '430' at reads (did you mean 404?): write one of 429, 503, 404, reply lost, reply cut"),
        ("0 x 429 at reads of generation 3", "incident '0 x 429 at reads of generation 3' contains a 0: generations are counted from 1, and it strikes at least once"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_remedy(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="incident") as caught:
        read_forecast(text)
    assert str(caught.value).startswith(says)


def test_a_file_of_incidents_may_have_comments_and_what_was_printed() -> None:
    """Blank lines, too; any number of calls is allowed."""
    text = "# mine\n\npixazo-sim:   9 x 503 at reads of generation 3\r\n  429 at submission of generation 1; body cut at downloads of generation 2\n"
    assert written(read_forecast(text)) == (
        "9 x 503 at reads of generation 3; 429 at submission of generation 1; body cut at downloads of generation 2"
    )


@pytest.mark.parametrize(
    ("seed", "days", "says"),
    [
        (1, 0, "0 days: give 1 to 80"),
        (1, 81, "81 days: give 1 to 80"),
        (-1, 1, "seed -1: give a whole number from 0"),
        (1, "x", "'x' days: give 1 to 80"),
        (1.5, 1, "seed 1.5: give a whole"),
        ("x", 1, "seed 'x': give a whole number from 0, or the incidents as only="),
    ],
)
def test_a_forecast_is_of_1_to_80_days(seed: Any, days: Any, says: str) -> None:
    """Its rules must fit into one script; a seed is not negative."""
    with pytest.raises(ValueError, match=says):
        forecast(seed, days)


def statuses(text: str, submissions: int, reads: int = 0) -> list[list[int]]:
    """The status code of each of so many submissions in a world with these incidents, followed by those of so many reads of what was accepted."""
    with Simulator(Settings(clock=Clock.manual, script=rules(read_forecast(text)))) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        found: list[list[int]] = []
        for _ in range(submissions):
            reply = caller.generate()
            made = range(reads if reply.status == 202 else 0)
            found.append([reply.status, *(caller.read(reply.json()["request_id"]).status for _ in made)])
        return found


def test_incidents_strike_the_submissions_that_they_name() -> None:
    """Those before generation 2 is accepted, and then those before generation 4 is."""
    text = "2 x 429 at submission of generation 2; 503 before acceptance at submission of generation 4"
    assert statuses(text, 7) == [[202], [429], [429], [202], [202], [503], [202]]


def test_incidents_strike_the_first_reads_of_their_generation() -> None:
    """However often others are read: an app on a slow machine meets the same as on a fast one."""
    text = "2 x 404 at reads of generation 2"
    assert statuses(text, 3, reads=1) == [[202, 200], [202, 404], [202, 200]]
    assert statuses(text, 3, reads=4) == [
        [202, 200, 200, 200, 200],
        [202, 404, 404, 200, 200],
        [202, 200, 200, 200, 200],
    ]


def test_an_outage_strikes_submissions_and_reads_of_its_generation() -> None:
    text = "2 x outage (503) at calls of generation 2"
    assert statuses(text, 4, reads=3) == [[202, 200, 200, 200], [503], [503], [202, 503, 503, 200]]


def test_generations_that_fail_in_a_row_begin_with_the_one_that_is_named() -> None:
    """What else strikes a submission comes first."""
    text = "2 x end FAILED at submission of generation 2; reply lost after acceptance at submission of generation 3"
    with Simulator(Settings(clock=Clock.manual, script=rules(read_forecast(text)))) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        for number in range(5):
            with suppress(OSError, HTTPException):
                caller.generate(f"clip {number}")
        control = simulator.control()
        control.advance(60)
        assert [each.state for each in control.bill().generations] == [
            "COMPLETED", "FAILED", "COMPLETED", "FAILED", "COMPLETED",
        ]  # fmt: skip
