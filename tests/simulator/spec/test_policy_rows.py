"""Every value of every row of the policy does what its row says, as a caller sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.caller import Caller, over_http
from tests.simulator.spec.policy_rows import answers, callers, submits, webhooks

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES, Policy, points, rows
from pixazo_simulator.world.registry import Settings

EFFECTS = answers.ROWS | callers.ROWS | submits.ROWS | webhooks.ROWS
ORDER = [row.field for row in rows()]
CASES = sorted(EFFECTS, key=lambda case: ORDER.index(case[0]))


SERVERS_OF_THEIR_OWN = {"cors", "missing_key", "unknown_key"}
WALLET_OR_CLOCK_ONLY = {"price", "refunds", "charge", "job_times", "queued_to_end"}
SAFETY = {"webhook_allow", "http_webhook_url"}  # http on loopback is no assumption about the gateway
DEPENDED_ON = {"number_forms", "unknown_model", "malformed_body", "url_length"}
FIXED = {row.field for row in rows()} - {*points()} - DEPENDED_ON  # nobody can do otherwise
NOT_NAMED = SERVERS_OF_THEIR_OWN | WALLET_OR_CLOCK_ONLY | SAFETY | FIXED
"""Points that the journals and deliveries of these tests do not name."""
SHAPING = {
    "request_id", "media", "public_origin", "media_origin", "status_members", "timestamps", "submit_code", "webhook_signature",
    "webhook_timeout", "read_delay", "retention", "rate_limit", "media_user_agents", "video_aspect", "cache_control", "query_key",
    "webhook_redirects", "http_webhook_url", "concurrency",
}  # fmt: skip
"""Fields that are named where their value is not the default, or where a caller met the limit that they set."""


def named(caller: Caller) -> set[str]:
    """The points of the policy that decided what this caller saw, according to the journal and the deliveries."""
    seen = caller.sim("journal?limit=1000")["exchanges"] + caller.sim("deliveries?limit=1000")["deliveries"]
    return {decision["field"] for each in seen for decision in each["decided_by"]}


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


@pytest.mark.slow
@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_value_does_what_its_row_says(open_world: Callable[[dict[str, str]], Caller], field: str, value: str) -> None:
    """In a world where nothing else is set; what cannot be set holds in any world. The journal names the field."""
    caller = open_world({field: value} if field in points() else {})
    EFFECTS[field, value](caller)
    is_default = field not in points() or Policy().changed({field: value}) == Policy()
    if field not in NOT_NAMED and not (is_default and field in SHAPING):
        assert field in named(caller)


def test_every_value_of_every_row_is_shown() -> None:
    """Of a field with a list of words each word; of a field that is read from text at least two texts."""
    for row in rows():
        shown = {value for field, value in EFFECTS if field == row.field}
        words = set(row.values.split(" | "))
        if all(word == word.lower() and " " not in word for word in words):
            assert shown == words
        else:
            assert len(shown) >= 2
