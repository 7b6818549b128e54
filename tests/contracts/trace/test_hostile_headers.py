"""What a gateway may write into headers without any judge failing over it."""

from __future__ import annotations

import pytest

from pixazo_contracts.runner.layers.pacing import retry_after
from pixazo_contracts.trace.instants import http_date, whole_number


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e9", "²", "٣", "9" * 10, "9" * 5000, None])
def test_what_is_no_number_of_seconds_is_none(value: str | None) -> None:
    """Neither a digit of another script nor a number that nobody means."""
    assert whole_number(value) is None
    assert retry_after(value, otherwise=2.0, at_most=60.0) == 2.0


def test_a_number_of_seconds_is_read_and_bounded() -> None:
    """As the header writes it."""
    assert [whole_number("0"), whole_number("999999999")] == [0, 999_999_999]
    assert retry_after("999999999", otherwise=2.0, at_most=60.0) == 60.0


@pytest.mark.parametrize(
    "value",
    ["x", "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:99999999999999999999 GMT", "Mon, 1 Jan " + "9" * 5000],
)  # fmt: skip
def test_what_is_no_date_is_none(value: str) -> None:
    """Also where its year or its second is beyond every machine's numbers."""
    assert http_date(value) is None
