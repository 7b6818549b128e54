"""A benign variant sends what the faithful gateway sends, in other words or at other times."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.simulator.mutants.conversation import Delivery, Entry, Receiver, Response, converse, elsewhere

from pixazo_simulator.mutants import VARIANTS, Variant
from pixazo_simulator.server.simulator import Simulator

pytestmark = pytest.mark.exhaustive

OTHER_CODES = {"405-for-methods": {(404, 405)}}
"""Status codes that a variant may exchange: the page says nothing about them."""
OTHER_BODIES = {"401-as-queue-error": 401, "validation-as-details": 400, "validation-as-text": 400}
"""Variants whose refusals with this status code have another form, which the page does not print."""
UNSEEN = {"slower", "throttled-after-three-calls", "submits-throttled"}
"""Variants that differ in time only, or for an account that the conversation does not use."""
OTHER_TIMES = {"unhurried"}
"""Variants whose generations have other states at the same times."""
DOCUMENTED = {"request_id", "status", "polling_url", "model_id", "error", "output", "message"}
"""The members that the page prints in every sample of their kind."""


@pytest.fixture(scope="module")
def faithful(receiver: Receiver) -> dict[str, list[Entry]]:
    """What the faithful gateway sends."""
    with Simulator() as simulator:
        return converse(simulator, receiver, elsewhere)


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each variant in turn."""
    found: Variant = request.param
    return found


@pytest.fixture(scope="module")
def varied(variant: Variant, receiver: Receiver) -> dict[str, list[Entry]]:
    """What that variant sends."""
    with Simulator(change=variant) as simulator:
        return converse(simulator, receiver, elsewhere)


def replies(chapters: dict[str, list[Entry]]) -> list[Response]:
    """The responses without media, whose names and times may vary."""
    return [
        each
        for chapter in chapters.values()
        for each in chapter
        if isinstance(each, Response) and "/output." not in each.request
    ]


def method(response: Response) -> str:
    """The method of the request."""
    return response.request.partition(" ")[0]


def test_codes_stay(variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """The same requests get the same status codes."""
    changed = {
        (before.status, after.status)
        for before, after in zip(replies(faithful), replies(varied), strict=True)
        if before.status != after.status
    }
    assert changed == OTHER_CODES.get(variant.name, set())


def test_documented_members_stay(
    variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    """The members that the page prints are there, with the same types."""
    for before, after in zip(replies(faithful), replies(varied), strict=True):
        if before.status == OTHER_BODIES.get(variant.name):
            continue
        if variant.name in OTHER_TIMES:
            assert before.members().keys() == after.members().keys()
        else:
            assert documented(before.members()) == documented(after.members())


def documented(members: dict[str, Any]) -> dict[str, type]:
    """The documented members of a body and their types."""
    return {name: type(value) for name, value in members.items() if name in DOCUMENTED}


def test_webhooks_stay(variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """The same generations have webhook deliveries, with the same status, to the same URLs."""
    assert webhooks(varied) == webhooks(faithful), variant.name


def webhooks(chapters: dict[str, list[Entry]]) -> list[tuple[str, str]]:
    """Path and status of each webhook delivery, in any order."""
    arrived = [each for chapter in chapters.values() for each in chapter if isinstance(each, Delivery)]
    return sorted((each.path, json.loads(each.body).get("status", "a challenge")) for each in arrived)


def test_a_variant_is_not_the_faithful_gateway(
    variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    assert (varied != faithful) == (variant.name not in UNSEEN)
