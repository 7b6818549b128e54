"""Redaction: what is removed, and what stays readable."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_client._gateway import hide_data_urls, hide_key, shorten


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("no picture", "no picture"),
        ("a data: b", "a data: b"),
        ('{"i":"data:image/png;base64,AA+/_-=="}', '{"i":"data:image/png;base64,<8 characters>"}'),
        ('{"i":"data:image\\/png;base64,AA\\/AA"}', '{"i":"data:image\\/png;base64,<6 characters>"}'),
        ("data:,hello world", "data:,<5 characters> world"),
        ("data:text/plain;charset=utf-8;base64,QQ== x", "data:text/plain;charset=utf-8;base64,<4 characters> x"),
        ("data:image/png;base64,AA data:image/png;base64,BBB", "data:image/png;base64,<2 characters> data:image/png;base64,<3 characters>"),
    ],
)  # fmt: skip
def test_data_urls_lose_their_payload(text: str, hidden: str) -> None:
    """Also with slashes that JSON has escaped."""
    assert hide_data_urls(text) == hidden


@given(st.text(), st.text(alphabet="abc123-", min_size=8), st.text())
def test_no_key_is_left(before: str, key: str, after: str) -> None:
    """Wherever the key is in the text."""
    assert key not in hide_key(f"{before}{key}{after}", key)


@pytest.mark.parametrize(
    "spelling",
    ['a/b\\"', "a%2fb%5C%22", "a/b%5c%22", "%61/b%5c%22", "a%252Fb%255c%2522", 'a\\/b\\\\\\"', 'a\\\\\\/b\\\\\\\\\\\\\\"', "a\\u002Fb\\u005c\\u0022"],
)  # fmt: skip
def test_a_key_is_hidden_however_it_is_escaped(spelling: str) -> None:
    """Percent-encoded in part, in either case, twice; in JSON, and in JSON within JSON."""
    assert hide_key(f"?k={spelling}&", 'a/b\\"') == "?k=***&"


@given(st.text(), st.binary())
def test_redaction_keeps_json_valid(text: str, payload: bytes) -> None:
    """An error body can still be decoded."""
    body = json.dumps({"a": text, "b": f"data:image/png;base64,{payload.hex()}"})
    assert json.loads(hide_data_urls(body)).keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a\n\tb  ", "a b"),
        ("<p>a</p><p>b</p>", "a b"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("<SCRIPT>x()</SCRIPT ><style a='b'>y</style>seen", "seen"),
        ("", ""),
    ],
)
def test_shortened_text_is_one_readable_line(text: str, line: str) -> None:
    """Without markup if it is markup."""
    assert shorten(text) == line


def test_long_text_is_cut() -> None:
    """At 300 characters, with an ellipsis."""
    assert shorten("x" * 300) == "x" * 300
    assert shorten("x" * 301) == "x" * 299 + "…"


@pytest.mark.parametrize(
    "text",
    ["<" * 10**5, "<script " * 10**4, "data:" * 10**5, "data:a;" * 10**5, "data:image/png;base64," + "A" * 10**7],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    """Measured as CPU time with a generous limit."""
    before = time.process_time()
    shorten(text)
    assert time.process_time() - before < 5
