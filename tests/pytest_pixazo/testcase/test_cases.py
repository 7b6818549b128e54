"""Fresh worlds inside tests and fixtures of any scope."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_client import PixazoClient
from pytest_pixazo import Pixazo, WorldFactory

pytestmark = pytest.mark.pixazo(policy={"job_times": "1+4"})


@pytest.fixture(scope="module")
def wide(pixazo_factory: WorldFactory) -> WorldFactory:
    """A fixture of the user's of a wider scope."""
    return pixazo_factory


@pytest.mark.pixazo(balance="0.35")
@given(prompt=st.sampled_from(["A bear", "A cat", "An owl"]))
def test_each_input_has_a_world_of_its_own(pixazo_factory: WorldFactory, prompt: str) -> None:
    """No health check of Hypothesis objects; wallet, journal and clock are new each time, and the marker counts."""
    with pixazo_factory.fresh() as world, world.client() as client:
        assert client.generate(prompt).wait().succeeded
        assert (len(world.journal.submits), world.wallet.balance) == (1, Decimal(0))


def test_worlds_opened_one_after_the_other_are_alike(pixazo: Pixazo) -> None:
    """Seed and ids; those that are open at the same time differ, and each has a key of its own."""
    seen: list[tuple[int, str]] = []
    keys: set[str] = set()

    def submit(world: Pixazo) -> None:
        with world.client() as client:
            seen.append((world.seed, client.generate("A bear").request_id))
            keys.add(world.api_key)

    for _ in range(2):
        with pixazo.fresh() as world:
            submit(world)
            with world.fresh() as inner:
                submit(inner)
    submit(pixazo)
    assert seen[:2] == seen[2:4]
    assert {seed for seed, _ in seen} == {pixazo.seed}
    assert len({request_id for _, request_id in seen}) == 3
    assert len(keys) == 5


@pytest.mark.pixazo(balance="1.00", strict=False)
def test_an_option_wins_over_the_marker(pixazo: Pixazo, pixazo_factory: WorldFactory) -> None:
    """Argument by argument, as of several markers."""
    options: Any = {"seed": 7, "start": "2031-01-01T00:00:00Z", "clock": "manual", "profile": "observed"}
    for make in (pixazo.fresh, pixazo_factory.fresh):
        with make(**options) as world:
            assert (world.seed, world.start, world.wallet.balance) == (7, "2031-01-01T00:00:00Z", Decimal("1.00"))
            assert (world.policy()["request_id"], world.policy()["job_times"]) == ("thirteen", "1+4")
            world.when("status").reply(429)  # never used: the marker says that this is no matter


def test_a_wrong_option_is_named(pixazo: Pixazo) -> None:
    """In one line with the remedy."""
    wrong: list[tuple[Any, str]] = [
        ({"balanc": 1}, "fresh: argument 'balanc' is not one of .* .did you mean balance.."),
        ({"start": "today"}, "fresh: start 'today' is neither now nor an instant"),
    ]
    for options, expected in wrong:
        with pytest.raises(ValueError, match=expected):
            pixazo.fresh(**options).__enter__()


def test_a_strict_world_is_checked_at_its_end(pixazo: Pixazo) -> None:
    """An unused rule is an AssertionError; an error of the block comes first."""
    with (
        pytest.raises(AssertionError, match="rule 1: when status: never used, no such call arrived"),
        pixazo.fresh() as world,
    ):
        world.when("status").reply(429)
    with pytest.raises(LookupError), pixazo.fresh() as world:  # noqa: PT012
        world.when("status").reply(429)
        raise LookupError
    with pixazo.fresh(strict=False) as world:
        world.when("status").reply(429)


def test_what_a_world_has_for_an_app(pixazo_factory: WorldFactory) -> None:
    """Environment, virtual sleep, clients and an inbox, without a fixture of the scope of a test."""
    before = os.environ.get("PIXAZO_BASE_URL")
    with pixazo_factory.fresh() as world:
        with world.env(), world.inbox() as inbox, PixazoClient() as client:
            handle = client.generate("A bear", webhook_url=inbox.url)
            with world.virtual_sleep():
                time.sleep(5)
            assert handle.status().succeeded
            assert [callback.status for callback in inbox.received] == ["COMPLETED"]
        assert os.environ.get("PIXAZO_BASE_URL") == before

        async def body() -> bool:
            with world.async_client() as client:
                return (await (await client.generate("A cat")).wait()).succeeded

        assert asyncio.run(body())


SCOPES = """
import pytest

pytestmark = pytest.mark.pixazo(balance="2.00")

@pytest.fixture(scope="session")
def of_session(pixazo_factory):
    with pixazo_factory.fresh(balance="3.00") as world:
        yield world

@pytest.fixture(scope="module")
def of_module(pixazo_factory):
    with pixazo_factory.fresh(strict=False) as world:
        yield world

@pytest.fixture
def of_test(pixazo_factory):
    with pixazo_factory.fresh() as world:
        yield world

@pytest.mark.pixazo(balance="1.00")
def test_first(of_session, of_module, of_test):
    assert [str(each.wallet.balance) for each in (of_session, of_module, of_test)] == ["3.00", "2.00", "1.00"]
    assert len({each.seed for each in (of_session, of_module, of_test)}) == 3
    of_module.when("generate").reply(429)

def test_second(of_session, of_module, of_test):
    assert of_test.wallet.balance == 2
    assert len(of_module.control.script().rules) == 1
    with of_test.client() as client:
        client.generate("A bear")
    assert 0

def test_third(of_test):
    with of_test.client() as client:
        client.generate("A cat")
    of_test.when("status").reply(429)

def test_of_another(of_module):
    with of_module.fresh(strict=False) as world, world.client() as client:
        client.generate("A dog")
        of_module.control.clear_script()
        with of_module.client() as client:
            client.generate("A fox")

def test_last(pixazo):
    assert 0
"""


def test_a_world_of_a_wider_scope(run_tests: Callable[..., pytest.RunResult]) -> None:
    """The marker of its own scope counts; a failed test shows every world of its own fixtures that was used, and each is checked at its own end."""
    result = run_tests(SCOPES)
    result.assert_outcomes(passed=3, failed=2, errors=1)
    text = result.stdout.str()
    assert text.count("pixazo journal of fresh world 1 -") == 3
    assert text.count("POST /minimax-hailuo-ai/v1/generate ") == 2
    result.stdout.fnmatch_lines(
        ["*AssertionError: pixazo: 1 thing not as expected; *", "*rule 1: when status: never used*"]
    )


def test_a_world_of_a_wider_scope_does_not_judge_what_a_world_of_a_test_has_judged(
    run_tests: Callable[..., pytest.RunResult],
) -> None:
    """A request without a key, by a test that may send it."""
    result = run_tests(
        """
        import httpx2
        import pytest

        @pytest.fixture(scope="module")
        def wide(pixazo_factory):
            with pixazo_factory.fresh() as world:
                yield world

        @pytest.mark.pixazo(strict=False)
        def test_without_a_key(wide, pixazo):
            assert httpx2.get(f"{pixazo.url}/v2/requests/status/x").status_code == 401
        """
    )
    result.assert_outcomes(passed=1)


def test_the_next_test_does_not_fail_for_a_world_whose_fixture_ends_with_an_error(
    run_tests: Callable[..., pytest.RunResult],
) -> None:
    """The last test that uses the world has that error, and no second one."""
    result = run_tests(
        """
        import pytest

        @pytest.mark.pixazo(max_spend="0.10")
        class TestIt:
            @pytest.fixture(scope="class")
            @classmethod
            def world(cls, pixazo_factory):
                with pixazo_factory.fresh() as world:
                    yield world
                    raise LookupError

            def test_spends(self, world):
                with world.client() as client:
                    client.generate("A bear")

        def test_innocent(pixazo):
            pass
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["ERROR *::TestIt::test_spends*"])


def test_the_smallest_input_that_fails_is_shown(run_tests: Callable[..., pytest.RunResult]) -> None:
    """With its world, and no other one."""
    result = run_tests(
        """
        from hypothesis import given, settings, strategies as st

        @settings(database=None)
        @given(st.text("ab", min_size=1))
        def test_property(pixazo_factory, prompt):
            with pixazo_factory.fresh() as world, world.client() as client:
                client.generate(prompt)
                assert "b" not in prompt
        """
    )
    result.assert_outcomes(failed=1)
    (command,) = [line for line in result.outlines if line.startswith("curl ")]
    assert '{"prompt": "b"}' in command
