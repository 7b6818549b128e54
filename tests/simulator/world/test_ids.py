"""Request ids: reproducible, of the form that the policy says."""

from __future__ import annotations

import re
import uuid
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.samples import call

from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.generations import identify, seeded_random

NOW = 1_774_951_200_000
INSTANTS = st.integers(0, 253_402_300_799_999)


def request_id(form: str, random: Random, now: int) -> str:
    """That of a submission, under the policy with this form."""
    return identify(call(), PROFILES["documented"].changed({"request_id": form}), random, now)


@given(seed=st.integers(), now=INSTANTS)
def test_uuid7_is_what_the_standard_library_calls_one(seed: int, now: int) -> None:
    """Version 7, the RFC's variant, the instant in the first 48 bits, lower case, 8-4-4-4-12."""
    model, _, text = request_id("uuid7", Random(seed), now).rpartition("_")
    read = uuid.UUID(text)
    assert model == "minimax-hailuo-ai"
    assert str(read) == text
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert read.int >> 80 == now


@given(seed=st.integers(), now=INSTANTS)
def test_thirteen_has_a_last_group_of_thirteen_digits(seed: int, now: int) -> None:
    """As seen in the wild: no UUID by the book, and uuid.UUID() refuses it."""
    text = request_id("thirteen", Random(seed), now).rpartition("_")[2]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{13}", text)
    with pytest.raises(ValueError, match="badly formed"):
        uuid.UUID(text)


def test_the_variant_bits_of_thirteen_are_free() -> None:
    """All sixteen digits are seen where the RFC allows four."""
    random = Random(0)
    assert {request_id("thirteen", random, NOW).rpartition("_")[2].split("-")[3][0] for _ in range(300)} == set(
        "0123456789abcdef"
    )


def test_the_same_seed_and_instant_give_the_same_id() -> None:
    """Bytes spelled out: they may not change from release to release without a word in the changelog."""
    first = request_id("uuid7", seeded_random(0, "sim-key"), NOW)
    assert first == "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"


def test_ids_of_one_instant_differ() -> None:
    """74 random bits tell them apart."""
    random = seeded_random(0, "sim-key")
    assert len({request_id("uuid7", random, NOW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("other", [(1, "key"), (0, "yek"), (0, "key", "webhook")])
def test_other_parts_give_another_source(other: tuple[int | str, ...]) -> None:
    """Seed, key and purpose all count."""
    assert seeded_random(*other).random() != seeded_random(0, "key").random()
