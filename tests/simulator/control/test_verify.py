"""Verification of what has happened in a world: how often, never, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.caller import Caller
from tests.inprocess import InProcess

from pixazo_simulator.world.generations import Bounds
from pixazo_simulator.world.journal import Limits
from pixazo_simulator.world.registry import Settings


@pytest.fixture
def caller() -> Iterator[Caller]:
    """Two submissions, the second refused; two reads; a webhook that nobody took."""
    with InProcess(Settings(bounds=Bounds(journal=Limits(exchanges=6)))) as send:
        caller = Caller(send, "sim-key")
        identity = caller.accepted(webhook="http://127.0.0.1:9/")
        caller.generate("")
        caller.read(identity)
        caller.advance(15)
        caller.read(identity)
        yield caller


SUBMITS, READS = {"operation": "submit"}, {"operation": "status"}


@pytest.mark.parametrize(
    ("expected", "numbers"),
    [
        ({"exchanges": {}}, [1, 2, 3, 4]),
        ({"exchanges": {"operation": "request"}}, [1, 2, 3, 4]),
        ({"exchanges": SUBMITS, "at_most": 2}, [1, 2]),
        ({"exchanges": SUBMITS, "at_least": 2, "at_most": 2}, [1, 2]),
        ({"exchanges": {"operation": "media"}, "at_most": 0}, []),
        ({"exchanges": READS | {"after": 3}, "at_most": 1}, [4]),
        ({"sequence": [SUBMITS, READS, READS]}, [1, 3, 4]),
        ({"sequence": [{"status": 400}, {"operation": {"one_of": ["status", "media"]}}]}, [2, 3]),
    ],
)
def test_what_holds_is_listed(caller: Caller, expected: dict[str, Any], numbers: list[int]) -> None:
    reply = caller.call("POST", "/_sim/verify", expected)
    assert (reply.status, [each["number"] for each in reply.json()["exchanges"]]) == (200, numbers)


@pytest.mark.parametrize(
    ("expected", "message", "numbers"),
    [
        ({"exchanges": SUBMITS, "at_most": 1}, "exchanges (operation one of ('generate', 'imageToVideo')): expected at most 1, found 2", [1, 2]),
        ({"exchanges": READS, "at_most": 0}, "exchanges (operation equals 'status'): expected at most 0, found 2", [3, 4]),
        ({"exchanges": READS, "at_least": 3}, "exchanges (operation equals 'status'): expected at least 3, found 2; nearest: exchange 2, POST", [3, 4]),
        ({"exchanges": READS | {"status": 404}}, "exchanges (operation equals 'status', status equals 404): expected at least 1, found 0; nearest: exchange 4, GET", []),
        ({"sequence": [READS, SUBMITS]}, "step 2 of 2 did not happen after exchange 3: there are no exchanges (operation one of ('generate', 'imageToVideo')); nearest: exchange 4, GET", [3]),
        ({"sequence": [{"status": 404}]}, "step 1 of 1 did not happen: there are no exchanges (status equals 404); nearest: exchange 4, GET", []),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_406(caller: Caller, expected: dict[str, Any], message: str, numbers: list[int]) -> None:
    """With what did happen, and what came nearest where too little did."""
    reply = caller.call("POST", "/_sim/verify", expected)
    assert (reply.status, reply.json()["error"]) == (406, "Verification failed")
    assert reply.json()["message"].startswith(message)
    assert [each["number"] for each in reply.json()["exchanges"]] == numbers


@pytest.mark.parametrize(
    ("expected", "count"),
    [
        ({"deliveries": {"delivered": False}, "at_most": 1}, 1),
        ({"generations": {"status": "COMPLETED"}}, 1),
        ({"generations": {"status": "FAILED"}, "at_most": 0}, 0),
    ],
)
def test_webhooks_and_generations_too(caller: Caller, expected: dict[str, Any], count: int) -> None:
    (what,) = expected.keys() - {"at_most"}
    reply = caller.call("POST", "/_sim/verify", expected)
    assert (reply.status, len(reply.json()[what])) == (200, count)


WRONG: list[tuple[dict[str, Any], str]] = [
        ({}, "no condition: give one of exchanges, deliveries, generations, sequence"),
        ({"exchanges": {}, "sequence": [{}]}, "exchanges and sequence: give one of"),
        ({"sequence": [{}], "at_most": 2}, "a sequence takes no at_least or at_most: leave them out"),
        ({"exchanges": {}, "at_least": 3, "at_most": 2}, "at_least 3 is more than at_most 2"),
        ({"exchanges": {"operation": "sumbit"}}, "operation 'sumbit' is not one of generate, imageToVideo, submit, status, media, request (did you mean submit?)"),
        ({"exchanges": {"status": "202"}, "at_most": 0}, "status '202' would never match: give a number, such as 202"),
        ({"sequence": [{"status": {"not": {"one_of": [202, True]}}}]}, "status True would never match: give a number, such as 202"),
        ({"deliveries": {"delivered": 1}, "at_most": 0}, "delivered 1 would never match: give true or false"),
        ({"deliveries": {"channel": "x-webhook-url"}}, "channel 'x-webhook-url' is not one of X-Webhook-URL, callback_url (did you mean X-Webhook-URL?): it would never match"),
        ({"generations": {"status": "completed"}}, "status 'completed' is not one of QUEUED, PROCESSING, COMPLETED, FAILED, ERROR (did you mean COMPLETED?): it would never match"),
        ({"exchanges": {"count": 2}}, "unknown field `count`"),
        ({"sequence": []}, "sequence"),
        ({"sequence": [{"path": {"one_of": ["x"] * 20}}] * 25}, "the conditions are too complex (cost over 500)"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "message"), WRONG)
def test_what_cannot_be_verified_is_refused(caller: Caller, expected: dict[str, Any], message: str) -> None:
    """With 400 and the remedy: a misspelt operation would never have happened."""
    reply = caller.call("POST", "/_sim/verify", expected)
    assert reply.status == 400
    assert message in reply.json()["message"]


LOST: list[dict[str, Any]] = [{"exchanges": {"operation": "submit"}, "at_most": 0}, {"sequence": [{}]}]


@pytest.mark.parametrize("expected", LOST)
def test_a_journal_that_has_lost_its_beginning_proves_nothing(caller: Caller, expected: dict[str, Any]) -> None:
    """Unless only what came later is asked about."""
    for _ in range(3):
        caller.read("unknown")
    refused = caller.call("POST", "/_sim/verify", expected)
    assert (refused.status, "the first 1 exchanges: verify earlier" in refused.json()["message"]) == (400, True)
    later = {"exchanges": {"operation": "submit", "after": 2}, "at_most": 0}
    assert caller.call("POST", "/_sim/verify", later).status == 200


def test_the_journal_is_filtered_by_what_it_says(caller: Caller) -> None:
    """By operation, generation and rule, together with the other filters."""
    caller.call("PUT", "/_sim/script", {"rules": [{"when": "status", "name": "the outage", "reply": {"status": 503}}]})
    caller.read("unknown")
    (identity,) = (each["request_id"] for each in caller.sim("generations")["generations"])

    def numbers(query: str) -> list[int]:
        return [each["number"] for each in caller.sim(f"journal?{query}")["exchanges"]]

    assert [numbers(f"operation={each}") for each in ("generate", "submit", "status", "media", "request")] == [
        [1, 2], [1, 2], [3, 4, 5], [], [1, 2, 3, 4, 5],
    ]  # fmt: skip
    assert [numbers(f"request_id={each}") for each in (identity, "unknown", "")] == [[1, 3, 4], [5], []]
    assert [numbers(f"rule={each}") for each in ("outage", "rule%201", "other")] == [[5], [5], []]
    assert numbers(f"operation=status&request_id={identity}&limit=1") == [4]
    refused = caller.call("GET", "/_sim/journal?operation=polls")
    assert (refused.status, "operation 'polls' is not one of generate" in refused.json()["message"]) == (400, True)


def test_an_advance_until_the_next_event() -> None:
    """Event by event: status changes, webhooks and their retries; when nothing is to come, no time passes."""
    with InProcess() as send:
        caller, seen = Caller(send, "sim-key"), list[tuple[str, list[Any]]]()
        caller.accepted(webhook="http://10.0.0.7/")
        caller.accepted("[[sim:stuck]] [[sim:failed x]]")
        for _ in range(4):
            reported = caller.call("POST", "/_sim/clock/advance", {"until": "next"}).json()
            seen.append((reported["now"][17:-1], [each["kind"] for each in reported["events"]]))
        assert seen == [
            ("02.000", ["transition"] * 2), ("15.000", ["transition", "webhook"]), ("15.000", []), ("15.000", []),
        ]  # fmt: skip
