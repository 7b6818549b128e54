"""Generation: the members that are needed are checked, all others are optional, and everything is kept."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_client import Generation
from pixazo_client._models import generation_from

PRINTED = {
    "request_id": "minimax-hailuo-ai_019dxxxx",
    "status": "COMPLETED",
    "model_id": "minimax-hailuo-ai",
    "error": None,
    "output": {"media_url": ["https://pub.test/v1/output.ext"], "media_type": "application/octet-stream"},
    "created_at": "2026-03-31T10:00:00.000Z",
    "updated_at": "2026-05-22 13:19:23",
    "completed_at": "2026-03-31T12:00:15.250+02:00",
    "eta": 7,
}


def test_a_printed_envelope_is_read() -> None:
    """Every documented member, and updated_at, which only the example has."""
    assert generation_from(PRINTED) == Generation(
        request_id="minimax-hailuo-ai_019dxxxx",
        status="COMPLETED",
        model_id="minimax-hailuo-ai",
        error=None,
        media_urls=("https://pub.test/v1/output.ext",),
        media_type="application/octet-stream",
        created_at=datetime(2026, 3, 31, 10, 0, 0, tzinfo=UTC),
        updated_at=datetime(2026, 5, 22, 13, 19, 23, tzinfo=UTC),
        completed_at=datetime(2026, 3, 31, 10, 0, 15, 250_000, tzinfo=UTC),
        raw=PRINTED,
    )


@pytest.mark.parametrize("text", ["2026-03-31T10:00:15.000Z", "2026-03-31 10:00:15", "2026-03-31T12:00:15+02:00"])
def test_every_instant_is_aware_and_utc(text: str) -> None:
    """Both forms of timestamps, and any offset."""
    instant = generation_from({**PRINTED, "created_at": text}).created_at
    assert instant == datetime(2026, 3, 31, 10, 0, 15, tzinfo=UTC)
    assert instant is not None
    assert instant.utcoffset() == timedelta(0)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize("value", [None, "", "soon", 1774951215, "2026-13-01", "0001-01-01T00:00:00+14:00", {}])
def test_an_unreadable_instant_is_none(value: object) -> None:
    """It stays in raw."""
    generation = generation_from({**PRINTED, "completed_at": value})
    assert generation.completed_at is None
    assert generation.raw["completed_at"] == value


@pytest.mark.slow
@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(minutes=330))])))
def test_any_iso_instant_is_understood(instant: datetime) -> None:
    """As long as it exists in UTC."""
    read = generation_from({**PRINTED, "created_at": instant.isoformat()}).created_at
    if datetime(1, 1, 2) < instant.replace(tzinfo=None) < datetime(9999, 12, 30):  # noqa: DTZ001  # bounds without a zone
        assert read == instant


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        (None, ()),
        ({}, ()),
        ([], ()),
        ({"media_url": None}, ()),
        ({"media_url": []}, ()),
        ({"media_url": "https://m.test/a"}, ("https://m.test/a",)),
        ({"media_url": ["https://m.test/a", 7, "https://m.test/b"]}, ("https://m.test/a", "https://m.test/b")),
    ],
)
def test_media_urls_is_a_tuple_of_text(output: object, urls: tuple[str, ...]) -> None:
    """Whatever the output is."""
    assert generation_from({**PRINTED, "output": output}).media_urls == urls


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("no", "no"),
        ({"code": 7}, '{"code": 7}'),
        ("bad image data:image/png;base64,iVBORw0KGgo=", "bad image data:image/png;base64,<12 characters>"),
    ],
)
def test_an_error_is_text_without_images(error: object, shown: str) -> None:
    """An object becomes JSON, the payload of a data URL its length."""
    assert generation_from({**PRINTED, "error": error}).error == shown


def test_the_minimal_failure_envelope_is_enough() -> None:
    """The page prints one without timestamps; model and media type may have any type."""
    generation = generation_from({"request_id": "a", "status": "ERROR", "model_id": 7, "output": {"media_type": 7}})
    assert generation == Generation("a", "ERROR", raw=generation.raw)


@pytest.mark.parametrize(
    ("status", "terminal", "succeeded"),
    [
        ("QUEUED", False, False),
        ("PROCESSING", False, False),
        ("COMPLETED", True, True),
        ("FAILED", True, False),
        ("ERROR", True, False),
        ("completed", False, False),
        ("CANCELLED", False, False),
    ],
)
def test_three_words_are_terminal(status: str, terminal: bool, succeeded: bool) -> None:
    """One of them is a success; letter case matters."""
    generation = Generation("a", status)
    assert (generation.is_terminal, generation.succeeded) == (terminal, succeeded)


def test_a_generation_is_a_value() -> None:
    """Frozen, hashable, picklable; raw is kept but not shown."""
    generation: Any = generation_from(PRINTED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        generation.status = "FAILED"
    assert pickle.loads(pickle.dumps(generation)) == generation
    assert hash(generation) == hash(generation_from(PRINTED))
    assert "eta" not in repr(generation)
    assert generation.raw["eta"] == 7
