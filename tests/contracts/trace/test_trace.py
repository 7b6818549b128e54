"""A trace file is complete or refused, and holds no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.judge.test_verdict import EXCHANGE

from pixazo_contracts.runner.recorder import REPLACEMENT, Redactor, is_distinctive, shorten
from pixazo_contracts.trace.exchange import MISSING, parse_json
from pixazo_contracts.trace.target import Profile
from pixazo_contracts.trace.trace import Footer, Header, InvalidTraceError, Trace, dump_record, load_trace

if TYPE_CHECKING:
    from pathlib import Path

PROFILE = Profile(origin="http://127.0.0.1:1", capabilities=("receiver",), pace=0.05)
HEADER = Header(suite="0", clause_set="c", profile_hash="p", profile=PROFILE, started_at="2026-03-31T10:00:00.000Z")
WHOLE = Trace(HEADER, (EXCHANGE,), (), Footer(exchanges=1, callbacks=0, seconds=1.0, probes={"a probe": "done"}))


def save(path: Path) -> None:
    records = (HEADER, EXCHANGE, WHOLE.footer)
    path.write_bytes(b"".join(dump_record(record) for record in records if record is not None))


def test_a_trace_reads_back_as_written(tmp_path: Path) -> None:
    """Header, exchanges and footer survive the file."""
    path = tmp_path / "trace.ndjson"
    save(path)
    assert load_trace(path) == WHOLE


@pytest.mark.parametrize(
    ("kept", "more", "complaint"),
    [
        ((0, 1), b"", "has no footer"),
        ((1, 2), b"", "has no header"),
        ((0, 2), b"", "the file holds 0 and 0"),
        ((0, 1), b'{"footer": {"exch', "line 3 is not a trace record"),
        ((0, 1, 2), b'{"surprise": {}}', "line 4 is not a trace record"),
        ((), b"", "has no header"),
    ],
    ids=["no footer", "no header", "an exchange lost", "cut", "unknown record", "empty"],
)
def test_a_damaged_trace_is_refused(kept: tuple[int, ...], more: bytes, complaint: str, tmp_path: Path) -> None:
    """A trace that is truncated, incomplete or malformed is invalid, and the error says where."""
    path = tmp_path / "trace.ndjson"
    save(path)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*(lines[number] for number in kept), more]))
    with pytest.raises(InvalidTraceError, match=complaint):
        load_trace(path)


@given(st.text(alphabet="abcdef0123456789", min_size=8, max_size=40).filter(is_distinctive), st.text(), st.text())
def test_a_key_is_replaced_wherever_it_stands(key: str, before: str, after: str) -> None:
    """Whatever surrounds a key, it is found and removed."""
    redactor = Redactor([key])
    assert redactor.holds_key(before + key + after)
    assert key not in redactor.text(before + key + after)


def test_encoded_keys_are_found_too() -> None:
    """A key is known percent-encoded and in Base64."""
    redactor = Redactor(["sim/key+1"])
    assert redactor.text("?key=sim%2Fkey%2B1") == f"?key={REPLACEMENT}"
    assert redactor.text("Basic c2ltL2tleSsx") == f"Basic {REPLACEMENT}"
    assert redactor.places([("X-Key", "sim/key+1"), ("Date", "now")], "nothing") == ("header X-Key",)


@pytest.mark.parametrize("key", ["key", "secret", "test", "a1"])
def test_a_key_that_may_be_a_word_is_not_searched(key: str) -> None:
    """`secret` in a sentence is not an echo of the key `secret`."""
    assert not is_distinctive(key)
    assert Redactor([key]).text(f"missing {key}") == f"missing {key}"


def test_long_strings_of_a_body_are_shortened() -> None:
    """A data URL is kept by its beginning and its length; the rest of the body as sent."""
    body = b'{"duration": 6, "first_frame_image": "data:image/png;base64,' + b"A" * 5000 + b'"}'
    kept = shorten(body)
    assert kept is not None
    decoded = parse_json(kept)
    assert isinstance(decoded, dict)
    assert decoded["duration"] == 6
    assert decoded["first_frame_image"] == "data:image/png;base64," + "A" * 42 + "… (5022 characters)"


def test_short_bodies_are_kept_as_sent() -> None:
    """What is short is kept byte for byte, JSON or not; what is not text is not kept."""
    assert shorten(b'{"prompt":  "x"') == '{"prompt":  "x"'
    assert shorten(b"\xff\xfe") is None
    assert shorten(None) is None


def test_what_is_not_json_is_missing() -> None:
    """NaN, a truncated object and nesting without end are not JSON."""
    assert parse_json("NaN") is MISSING
    assert parse_json('{"a": ') is MISSING
    assert parse_json("[" * 100_000) is MISSING
    assert parse_json("null") is None
