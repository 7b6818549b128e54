"""Header values that a hostile gateway may send do not break the judgement."""

from __future__ import annotations

import pytest

from pixazo_contracts.runner.schedule import retry_after
from pixazo_contracts.trace.instants import http_date, whole_number


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e9", "nan", "²", "٣", "9" * 10, "9" * 5000, None])
def test_what_is_not_a_number_of_seconds_is_none(value: str | None) -> None:
    """Digits of other scripts and absurdly large numbers do not count."""
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
def test_what_is_not_a_date_is_none(value: str) -> None:
    """Even where its year or second overflows."""
    assert http_date(value) is None
