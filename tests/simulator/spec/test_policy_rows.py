"""Every value of every row of the policy does what its row says, as a caller sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.caller import Caller, over_http
from tests.simulator.spec.policy_rows import answers, callers, submits, webhooks

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES, points, rows
from pixazo_simulator.world.registry import Settings

EFFECTS = answers.ROWS | callers.ROWS | submits.ROWS | webhooks.ROWS
ORDER = [row.field for row in rows()]
CASES = sorted(EFFECTS, key=lambda case: ORDER.index(case[0]))


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One that lets worlds allow what the row of `webhook_allow` needs."""
    with Simulator(Settings(policy=PROFILES["documented"].changed({"webhook_allow": "0.0.0.0"}))) as running:
        yield running


@pytest.fixture
def open_world(simulator: Simulator) -> Iterator[Callable[[dict[str, str]], Caller]]:
    """Opens worlds with some fields of the policy set."""
    opened: list[Caller] = []
    send = over_http(simulator.url)

    def create(policy: dict[str, str]) -> Caller:
        reply = Caller(send, "").call("POST", "/_sim/worlds", {"policy": policy})
        assert reply.status == 201, reply.body
        opened.append(Caller(send, reply.json()["key"]))
        return opened[-1]

    yield create
    for caller in opened:
        caller.call("DELETE", "/_sim/world")


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_value_does_what_its_row_says(open_world: Callable[[dict[str, str]], Caller], field: str, value: str) -> None:
    """In a world where nothing else is set; what cannot be set holds in any world."""
    EFFECTS[field, value](open_world({field: value} if field in points() else {}))


def test_every_value_of_every_row_is_shown() -> None:
    """Of a field with a list of words each word; of a field that is read from text at least two texts."""
    for row in rows():
        shown = {value for field, value in EFFECTS if field == row.field}
        words = set(row.values.split(" | "))
        if all(word == word.lower() and " " not in word for word in words):
            assert shown == words
        else:
            assert len(shown) >= 2
