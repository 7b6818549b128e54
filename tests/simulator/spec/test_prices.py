"""What a generation costs: the first rule that fits decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.policy import PriceList


@pytest.mark.parametrize(
    ("duration", "amount"), [(6, 350_000), (6.0, 350_000), (10, 600_000), (7.5, 600_000), (10**400, 600_000)]
)
def test_the_default_prices(duration: float, amount: int) -> None:
    """6 s at 0.35, everything else at 0.60; a number is compared, not its spelling."""
    assert PriceList.parse("6=0.35,10=0.60,*=0.60").of("generate", duration, "768P") == amount


@pytest.mark.parametrize(
    ("asked", "amount"),
    [
        (("generate", 6, "1080P"), 1_000_000),
        (("generate", 6, "768P"), 2_000_000),
        (("imageToVideo", 6, "768P"), 3_000_000),
        (("imageToVideo", 10, "1080P"), 4_000_000),
        (("generate", 10, "768P"), 5_000_000),
    ],
)
def test_the_first_rule_that_fits_decides(asked: tuple[str, float, str], amount: int) -> None:
    """A rule may name operation, duration and resolution, or leave any of them open."""
    prices = PriceList.parse("generate/6/1080P=1, generate/6=2, 6.0=3, */10/1080P=4, *=5")
    assert prices.of(*asked) == amount


@pytest.mark.parametrize("text", ["", "6", "6=", "=0.35", "6=-1", "6=0.0000001", "a/b/c/d=1", "six=1", "*=0.1,"])
def test_what_is_no_rule_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not \[OPERATION/\]DURATION\[/RESOLUTION\]=DOLLARS"):
        PriceList.parse(text)


@pytest.mark.parametrize("text", ["6=0.35", "0=0.35", "generate/*=1", "*/*/768P=1"])
def test_a_list_must_price_everything(text: str) -> None:
    """The last rule fits whatever comes."""
    with pytest.raises(ValueError, match=r"end it with a rule such as \*=0.60"):
        PriceList.parse(text)


RULES = st.builds(
    "{}{}{}={}.{:02d}".format,
    st.sampled_from(["", "generate/", "imageToVideo/", "*/"]),
    st.sampled_from(["6", "10", "7.25", "*"]),
    st.sampled_from(["", "/768P", "/1080P", "/*"]),
    st.integers(0, 999),
    st.integers(0, 99),
)


@given(st.lists(RULES, max_size=6))
def test_writing_and_reading_are_inverse(rules: list[str]) -> None:
    prices = PriceList.parse(",".join([*rules, "*=1"]))
    assert PriceList.parse(str(prices)) == prices


def test_a_price_list_is_bounded() -> None:
    """Each submit asks its rules in turn."""
    PriceList.parse(",".join(["1=1"] * 99 + ["*=1"]))
    with pytest.raises(
        ValueError, match="price list of 101 rules: each submission compares them in turn, write at most 100"
    ):
        PriceList.parse(",".join(["1=1"] * 100 + ["*=1"]))
