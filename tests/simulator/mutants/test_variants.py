"""A benign variant says the same as the faithful gateway, in other words or at another pace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.receiver import Callback
from tests.simulator.mutants.conversation import Entry, PathReceiver, Said, converse, elsewhere

from pixazo_simulator.mutants import VARIANTS, Variant
from pixazo_simulator.server.simulator import Simulator

pytestmark = pytest.mark.exhaustive

OTHER_CODES = {"405-for-methods": {(404, 405)}}
"""Codes that a variant may exchange: the page is silent about them."""
OTHER_TIMES = {"unhurried"}
"""Variants whose generations are in other states at the same instants."""
DOCUMENTED = {"request_id", "status", "polling_url", "model_id", "error", "output", "message"}
"""The members that the page prints in every sample of their kind."""


@pytest.fixture(scope="module")
def faithful(receiver: PathReceiver) -> dict[str, list[Entry]]:
    """What the faithful gateway says."""
    with Simulator() as simulator:
        return converse(simulator, receiver, elsewhere)


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each variant in turn."""
    found: Variant = request.param
    return found


@pytest.fixture(scope="module")
def varied(variant: Variant, receiver: PathReceiver) -> dict[str, list[Entry]]:
    """What that variant says."""
    with Simulator(change=variant) as simulator:
        return converse(simulator, receiver, elsewhere)


def replies(chapters: dict[str, list[Entry]]) -> list[Said]:
    """The answers without the callbacks, and without media, whose names and moments may vary."""
    return [
        each
        for chapter in chapters.values()
        for each in chapter
        if isinstance(each, Said) and "/output." not in each.asked
    ]


def method(said: Said) -> str:
    """What a request asked for, whatever its id."""
    return said.asked.partition(" ")[0]


def test_codes_stay(variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """The same requests are answered with the same codes."""
    changed = {
        (before.status, after.status)
        for before, after in zip(replies(faithful), replies(varied), strict=True)
        if before.status != after.status
    }
    assert changed == OTHER_CODES.get(variant.name, set())


def test_documented_members_stay(
    variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    """What the page prints is there, with the same types."""
    for before, after in zip(replies(faithful), replies(varied), strict=True):
        if before.status == 401 and variant.name == "401-as-queue-error":
            continue
        if variant.name in OTHER_TIMES:
            assert before.members().keys() == after.members().keys()
        else:
            assert documented(before.members()) == documented(after.members())


def documented(told: dict[str, Any]) -> dict[str, type]:
    """The documented members of a body and their types."""
    return {name: type(value) for name, value in told.items() if name in DOCUMENTED}


def test_callbacks_stay(variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """The same generations are called back, with the same words, at the same URLs."""
    assert callbacks(varied) == callbacks(faithful), variant.name


def callbacks(chapters: dict[str, list[Entry]]) -> list[tuple[str, str]]:
    """Path and status of each callback, whatever their order."""
    arrived = [each for chapter in chapters.values() for each in chapter if isinstance(each, Callback)]
    return sorted((each.path, json.loads(each.body).get("status", "a challenge")) for each in arrived)


def test_a_variant_is_not_the_faithful_gateway(
    variant: Variant, varied: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    """Something differs on the wire, unless it is only the time that an answer takes."""
    assert (varied != faithful) == (variant.name != "slower")
