"""`with pixazo.snapshot():` undoes what happens in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.caller import Caller, over_http

from pixazo_simulator import Simulator, WorldLog
from pytest_pixazo import Pixazo


def test_what_happens_in_it_is_undone(pixazo: Pixazo) -> None:
    """Exchanges, money, rules and time; what follows happens as it did before."""
    caller = Caller(over_http(pixazo.url), str(pixazo.api_key))
    caller.generate("A bear")
    before, now = pixazo.generations, pixazo.clock.now
    with pixazo.snapshot():
        pixazo.when("status").reply(429)
        first = caller.generate("A cat")
        assert caller.read(before[0].request_id).status == 429
        pixazo.clock.advance(60)
        assert len(pixazo.generations) == 2
    assert (pixazo.generations, pixazo.clock.now, len(pixazo.journal)) == (before, now, 1)
    assert pixazo.control.script().rules == []
    assert caller.generate("A cat").body == first.body


def test_it_is_undone_when_the_block_fails(pixazo: Pixazo) -> None:
    """One case after another can begin in the same state."""
    caller = Caller(over_http(pixazo.url), str(pixazo.api_key))
    for _ in range(3):
        try:
            with pixazo.snapshot():
                caller.generate("A bear")
                raise LookupError  # noqa: TRY301 - as an app would
        except LookupError:
            assert not pixazo.generations


def test_what_was_done_in_it_counts(run_tests: Callable[..., pytest.RunResult]) -> None:
    """What it cost, what nobody expected, rules of its own, and how the app behaved; a rule that was used in it alone is used."""
    result = run_tests(
        """
        import pytest
        import requests

        @pytest.mark.pixazo(max_spend="1.00")
        def test_spends(pixazo, pixazo_client):
            bear = pixazo_client.generate("A bear")
            for _ in range(2):
                with pixazo.snapshot():
                    pixazo_client.generate("A cat").wait()
            bear.wait()

        def test_unused(pixazo):
            with pixazo.snapshot():
                pixazo.when("status").reply(429)

        def test_unexpected(pixazo):
            with pixazo.snapshot():
                requests.get(pixazo.url + "/no", headers={"Ocp-Apim-Subscription-Key": pixazo.api_key})

        def test_polls(pixazo, pixazo_client):
            bear = pixazo_client.generate("A bear")
            with pixazo.snapshot():
                for _ in range(9):
                    bear.status()
            bear.wait()

        def test_used(pixazo, pixazo_client):
            pixazo.when("status").reply(503, times=1)
            with pixazo.snapshot():
                pixazo_client.generate("A bear").wait()

        def test_looks_ahead(pixazo, pixazo_client):
            bear = pixazo_client.generate("A bear")
            bear.status()
            with pixazo.snapshot():
                pixazo.clock.advance(60)
            bear.wait()
        """,
        "--pixazo-conduct=fail",
    )
    result.assert_outcomes(passed=6, errors=4)
    expected = (
        "pixazo: this test would have spent $1.05*, and max_spend is $1.00: *; 3 generations, *",
        "- rule 1: when status: never used, *",
        "- unexpected request 1, GET /no, *",
        "poll-too-fast: read 9 times *",
        "6 generations would have cost $2.10 on the real gateway",
    )
    result.stdout.fnmatch_lines(expected)


def test_a_failure_in_it_shows_the_world_of_the_block(
    run_tests: Callable[..., pytest.RunResult], tmp_path: Path
) -> None:
    """In the report, and in the world that is saved; not the restored world, in which nothing has happened."""
    result = run_tests(
        """
        def test_fails(pixazo, pixazo_client):
            with pixazo.snapshot():
                pixazo_client.generate("A bear")
                raise LookupError
        """,
        f"--pixazo-save-worlds={tmp_path / 'worlds'}",
    )
    result.stdout.fnmatch_lines(["1 *POST /minimax-hailuo-ai/v1/generate*202 accepted*"])
    (saved,) = (tmp_path / "worlds").iterdir()
    _, replayed = Simulator.replaying(msgspec.json.decode(saved.read_bytes(), type=WorldLog))
    assert len(list(replayed.world.generations())) == 1
