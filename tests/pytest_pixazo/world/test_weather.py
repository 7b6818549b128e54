"""`pixazo.weather` and `pixazo.endure`: an app in bad weather, its books, and the fewest incidents that break it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from tests.caller import GENERATE, KEY_HEADER

from pixazo_client import PixazoClient, PixazoError, RequestHandle
from pixazo_simulator.spec import TERMINAL
from pytest_pixazo import Pixazo

LOST = "reply lost after acceptance at submission of generation 2"
FAILING = "3 x end FAILED at submission of generation 1"


def submitted(client: PixazoClient, prompt: str, times: int = 1) -> RequestHandle | None:
    """A submission, which is tried so often, whatever went wrong: more than once may be charged twice."""
    for _ in range(times):
        with suppress(PixazoError):
            return client.generate(prompt)
    return None


def app(world: Pixazo, submissions: int, *, times: int = 1) -> None:
    """Submits and waits; it may submit again when it gets no reply."""
    with world.client() as client:
        for number in range(submissions):
            handle = submitted(client, f"clip {number}", times)
            while handle:
                try:
                    handle.wait(raise_on_failure=False)
                except PixazoError:
                    continue
                break


def careful(world: Pixazo) -> None:
    """Survives whatever a day brings."""
    app(world, 10)


def resubmitting(world: Pixazo) -> None:
    """Pays twice for what was accepted unheard."""
    app(world, 6, times=6)


SEEDS = [
    *((seed, 1) for seed in range(5)),
    *(pytest.param(seed, 3, marks=pytest.mark.exhaustive) for seed in range(20)),
]


@pytest.mark.parametrize(("seed", "days"), SEEDS)
def test_a_careful_app_survives(pixazo: Pixazo, seed: int, days: int) -> None:
    """Its books balance, in a strict test, although not every incident struck."""
    with pixazo.weather(seed, days):
        app(pixazo, 8 * days)


def report(pixazo: Pixazo) -> str:
    """What a run of the careless app says, in a fresh world."""
    with pytest.raises(AssertionError) as caught, pixazo.fresh(seed=1) as world, world.weather(only=LOST):
        resubmitting(world)
    return str(caught.value)


def test_a_generation_that_is_paid_twice_breaks_the_app(pixazo: Pixazo) -> None:
    """The failure names it, the incidents that struck, the orphan with its command, and how to repeat it, each time in the same bytes."""
    said = report(pixazo)
    assert f"weather: 1 incident, of which 1 struck\n  {LOST}\nbooks: 7 generations, 2.45 USD spent" in said
    assert "  orphan 2, minimax-hailuo-ai_" in said
    assert ': curl -sS -H "Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY" "$PIXAZO_BASE_URL"/v2/requests/status/' in said
    assert " was charged twice\n" in said
    assert said.endswith(f"to repeat it: pixazo.weather(only={LOST!r})")
    assert report(pixazo) == said


def test_a_lost_reply_is_an_orphan_and_breaks_no_app(pixazo: Pixazo) -> None:
    """Without webhooks nothing could tell the app of it."""
    with pixazo.weather(only=LOST):
        careful(pixazo)
    assert [each.fate for each in pixazo.control.bill().generations].count("lost") == 1


def breaking(world: Pixazo) -> None:
    """Raises an error after two submissions."""
    with world.weather(only=f"{LOST}; 429 at reads of generation 99"):
        app(world, 2)
        raise KeyError("media_url")


def test_a_failure_of_the_app_comes_with_the_incidents_that_struck(pixazo: Pixazo) -> None:
    """As a note below it; it stays what it was."""
    with pytest.raises(KeyError) as caught:
        breaking(pixazo)
    assert f"  {LOST}\n" in caught.value.__notes__[0]
    assert "generation 99" not in caught.value.__notes__[0]


def giving_up(world: Pixazo) -> None:
    """Takes a 429 or 503 for the end."""
    with world.client() as client, httpx2.Client(transport=world.transport()) as reader:
        for number in range(8):
            handle = submitted(client, f"clip {number}")
            while handle:
                with suppress(httpx2.TransportError):
                    read = reader.get(handle.polling_url, headers={KEY_HEADER: world.api_key})
                    if read.status_code != 200 or any(f'"{end}"' in read.text for end in TERMINAL):
                        break
                world.clock.advance(5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("app", "seed", "days", "kind"), [(resubmitting, 9, 3, "charged twice"), (giving_up, 3, 1, "never read")]
)
def test_the_fewest_incidents_that_break_an_app_are_found(
    pixazo: Pixazo, app: Callable[[Pixazo], None], seed: int, days: int, kind: str
) -> None:
    """Of the weather of some days one lost reply is enough, or the first read that is refused."""
    with pytest.raises(AssertionError, match=rf"was {kind}") as caught:
        pixazo.endure(app, seed=seed, days=days)
    assert f"\nthe fewest that break it ({kind}): 1 fault in 1 incident\n" in str(caught.value)


def test_endure_says_nothing_of_an_app_that_survives(pixazo: Pixazo) -> None:
    """It is run once."""
    runs: list[Pixazo] = []

    def counted(world: Pixazo) -> None:
        runs.append(world)
        careful(world)

    pixazo.endure(counted, seed=1)
    assert len(runs) == 1


def test_endure_says_that_an_app_is_flaky(pixazo: Pixazo) -> None:
    """It fails at the first run only: no incident is to blame."""
    runs: list[Pixazo] = []

    def flaky(world: Pixazo) -> None:
        runs.append(world)
        assert len(runs) > 1, "the first run"

    with pytest.raises(AssertionError, match="the first run") as caught:
        pixazo.endure(flaky, seed=1)
    assert (
        "not shrunk: with the same incidents the app sometimes breaks and sometimes survives (AssertionError)"
        in str(caught.value)
    )


@pytest.mark.parametrize(("tries", "problems"), [(2, 0), (9, 1)])
def test_an_app_that_pays_a_third_time_for_what_has_failed_is_broken(pixazo: Pixazo, tries: int, problems: int) -> None:
    """Two failures may be bad luck; of three the app should have read the reason."""
    said = ""
    try:
        with pixazo.client() as client, pixazo.weather(only=FAILING):
            for number in range(2):
                for _ in range(tries):
                    if client.generate(f"clip {number}").wait(raise_on_failure=False).status == "COMPLETED":
                        break
    except AssertionError as error:
        said = str(error)
    found = [line for line in said.splitlines() if line.startswith("broken: ")]
    assert [each.split(", ")[0] for each in found] == ["broken: generation 3"] * problems
    if found:
        assert found[0].endswith(" is equal submission number 3 to FAIL, although each failure was reported to the app")


def environment_app(_: Pixazo) -> None:
    """Knows its world by environment variables only, and submits again whatever goes wrong."""
    key = {KEY_HEADER: os.environ["PIXAZO_API_KEY"]}
    with httpx2.Client(base_url=os.environ["PIXAZO_BASE_URL"], headers=key) as client:
        for number in range(6):
            for _attempt in range(6):
                with suppress(httpx2.TransportError):
                    if client.post(GENERATE, json={"prompt": f"clip {number}"}).status_code == 202:
                        break


@pytest.mark.slow
def test_an_app_that_reads_the_environment_endures_in_fresh_worlds(pixazo: Pixazo) -> None:
    """As with `pixazo_env`."""
    with pixazo.env(), pytest.raises(AssertionError, match="was charged twice"):
        pixazo.endure(environment_app, only=LOST)


def sleeping_app(_: Pixazo) -> None:
    """Knows its world by environment variables only, and sleeps between polls."""
    with PixazoClient() as client:
        client.generate("A bear").wait(raise_on_failure=False)


@pytest.mark.slow
def test_an_app_that_sleeps_endures_in_fresh_worlds(pixazo: Pixazo) -> None:
    """What it sleeps moves the clock of the world that it runs in; the limit of what it may sleep counts for each."""
    began = pixazo.clock.now
    with pixazo.env(), pixazo.virtual_sleep() as sleeps:
        sleeps.limit = 30
        for _ in range(2):
            pixazo.endure(sleeping_app, only=FAILING)
        time.sleep(5)
    assert (pixazo.clock.now - began).total_seconds() == 5
    assert sleeps.total > 35


def test_an_app_that_submits_nothing_in_its_world_endures_nothing(pixazo: Pixazo) -> None:
    """It used another one, or nothing at all."""
    with pytest.raises(AssertionError, match="the app submitted nothing in the world that endure calls it with"):
        pixazo.endure(lambda _: careful(pixazo), seed=1)


async def coroutine(world: Pixazo) -> None:
    """Would be awaited by nobody."""
    careful(world)


def exiting(_: Pixazo) -> None:
    """A program that fails."""
    sys.exit(3)


def failing(_: Pixazo) -> None:
    """A test that fails."""
    pytest.fail("mine")


@pytest.mark.parametrize(
    ("app", "error", "says"),
    [
        (coroutine, TypeError, "endure calls a plain function: give it lambda world: asyncio.run"),
        (exiting, AssertionError, "^SystemExit"),
        (failing, AssertionError, "Failed"),
    ],
)
def test_what_an_app_may_do_else(
    pixazo: Pixazo, app: Callable[[Pixazo], object], error: type[BaseException], says: str
) -> None:
    """None of it passes for an app that endures."""
    with pytest.raises(error, match=says):
        pixazo.endure(app, seed=1)


@pytest.mark.slow
def test_a_program_that_exits_with_code_0_has_ended_well(pixazo: Pixazo) -> None:
    """As a program does in a process of its own."""

    def main(world: Pixazo) -> None:
        careful(world)
        sys.exit(0)

    pixazo.endure(main, seed=1)


@pytest.mark.parametrize("given", [{}, {"seed": 1, "only": LOST}, {"days": 2}])
def test_weather_is_given_by_a_seed_or_as_text(pixazo: Pixazo, given: dict[str, Any]) -> None:
    """By nothing else."""
    with pytest.raises(ValueError, match="give a seed, with or without days=, or only= by itself"):
        pixazo.weather(**given)


@pytest.mark.slow
def test_the_bill_has_the_first_run_only(pytester: pytest.Pytester) -> None:
    """What is run to shrink incidents is no order of the app."""
    pytester.makepyfile(
        """
        from tests.pytest_pixazo.world.test_weather import LOST, resubmitting

        def test_app(pixazo):
            pixazo.endure(resubmitting, only=LOST)
        """
    )
    done = pytester.runpytest("-p", "no:cacheprovider")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["7 generations would have cost $2.45 on the real gateway; $0.35 of it *"])
