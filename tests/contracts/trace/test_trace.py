"""A trace file is whole, or says what it lacks, and holds no key."""

from __future__ import annotations

import base64
import html
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.judge.test_verdict import EXCHANGE

from pixazo_contracts.runner.recorder import record_request_body
from pixazo_contracts.runner.redactor import KEY as REPLACEMENT
from pixazo_contracts.runner.redactor import Redactor, is_distinctive
from pixazo_contracts.trace.exchange import MISSING, parse_json
from pixazo_contracts.trace.target import Profile
from pixazo_contracts.trace.trace import (
    Footer,
    Generation,
    Header,
    InvalidTraceError,
    Trace,
    dump_record,
    fit_clock,
    load_trace,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROFILE = Profile(origin="http://127.0.0.1:1", capabilities=("receiver",), pace=0.05)
HEADER = Header(suite="0", clause_set="c", profile_hash="p", profile=PROFILE, started_at="2026-03-31T10:00:00.000Z")
WHOLE = Trace(HEADER, (EXCHANGE,), (), Footer(exchanges=1, callbacks=0, seconds=1.0, probes={"a probe": "done"}))


def save(path: Path) -> None:
    records = (HEADER, EXCHANGE, WHOLE.footer)
    path.write_bytes(b"".join(dump_record(record) for record in records if record is not None))


def partly(folder: Path, kept: tuple[int, ...], more: bytes) -> Path:
    """A trace of which only these lines are kept, with more behind them."""
    path = folder / "trace.ndjson"
    save(path)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*(lines[number] for number in kept), more]))
    return path


def test_a_trace_reads_back_as_written(tmp_path: Path) -> None:
    """Header, exchanges and footer survive the file."""
    path = tmp_path / "trace.ndjson"
    save(path)
    assert load_trace(path) == WHOLE


@pytest.mark.parametrize(
    ("kept", "more", "complaint"),
    [
        ((1, 2), b"", "has no header"),
        ((0, 1), b'{"surprise": {}}\n{"footer": {"exch', "line 3 is not a trace record"),
        ((), b"", "has no header"),
        ((), b'{"header": {"sui', "line 1 is not a trace record"),
    ],
    ids=["no header", "unknown record", "empty", "no whole line"],
)
def test_a_malformed_trace_is_refused(kept: tuple[int, ...], more: bytes, complaint: str, tmp_path: Path) -> None:
    """What is wrong before the last line is no crash of a run, and the error says where it is."""
    with pytest.raises(InvalidTraceError, match=complaint):
        load_trace(partly(tmp_path, kept, more))


@pytest.mark.parametrize(
    ("kept", "more", "exchanges", "said"),
    [
        ((0, 1), b"", 1, "it has no footer: judged by the 1 exchanges and 0 callbacks before that"),
        ((0, 1), b'{"footer": {"exch', 1, "its line 3 is cut: judged by the 1 exchanges and 0 callbacks before that"),
        ((0,), b'{"exchange": {"numb', 0, "its line 2 is cut: judged by the 0 exchanges and 0 callbacks before that"),
        ((0, 2), b"", 0, "its footer counts 1 exchanges and 0 callbacks: judged by the 0 exchanges"),
        ((0, 1, 2), b'{"exch', 1, "its line 4 is cut"),
    ],
    ids=["no footer", "footer cut", "exchange cut", "exchange lost", "written after the end"],
)
def test_what_a_crash_leaves_is_read(
    kept: tuple[int, ...], more: bytes, exchanges: int, said: str, tmp_path: Path
) -> None:
    """A trace is read up to where it ends; it has no footer then, so that its result is never clean, and says why."""
    found = load_trace(partly(tmp_path, kept, more))
    assert (len(found.exchanges), found.footer) == (exchanges, None)
    assert said in str(found.cut)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "letter case": str.swapcase,
    "JSON": lambda key: json.dumps(key).replace("/", "\\/"),
    "JSON, all escaped": lambda key: "".join(f"\\u{ord(each):04X}" for each in key),
    "JSON in JSON": lambda key: json.dumps("".join(f"\\u{ord(each):04x}" for each in key)),
    "percent": lambda key: quote(key, safe=""),
    "percent, all encoded": lambda key: "".join(f"%{ord(each):02x}" for each in key),
    "percent twice": lambda key: quote("".join(f"%{ord(each):02X}" for each in key[:3]) + quote(key[3:], safe="")),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML, decimal": lambda key: "".join(f"&#{ord(each)};" for each in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(each):X};" for each in key),
    "Base64": lambda key: base64.b64encode(key.encode()).decode(),
    "Base64 of user and key": lambda key: base64.b64encode(f"user:{key}:".encode()).decode().rstrip("="),
    "Base64 of a URL": lambda key: base64.urlsafe_b64encode(f"x?>?{key}??".encode()).decode(),
    "Base64 in JSON": lambda key: base64.b64encode(f"\xff\xff{key}??".encode()).decode().replace("/", "\\/"),
    "hexadecimal": lambda key: key.encode().hex().upper(),
}
PRINTABLE = "".join(map(chr, range(33, 127)))


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@settings(max_examples=20)
@given(st.text(PRINTABLE, min_size=6, max_size=40).filter(is_distinctive), st.text(), st.text())
def test_a_key_is_replaced_however_it_is_spelt(spell: Callable[[str], str], key: str, before: str, after: str) -> None:
    """Whatever surrounds a key, and in whatever spelling it is echoed, it is found and removed."""
    redactor, spelt = Redactor([key]), spell(key)
    text = f"{before} {spelt} {after}"
    assert redactor.holds_key(text.encode())
    assert spelt not in redactor.text(text)


@given(st.text(PRINTABLE, min_size=6, max_size=40).filter(is_distinctive), st.text(), st.text())
def test_a_text_that_was_json_stays_json(key: str, before: str, after: str) -> None:
    """A replacement cuts no escape."""
    text = json.dumps(f"{before}{key}{after}")
    assert REPLACEMENT in json.loads(Redactor([key]).text(text))


def test_what_holds_a_key_is_named() -> None:
    """By the header's name, even if the key stands in the name itself."""
    redactor = Redactor(["sim/key+1"])
    assert redactor.places([("X-Key", "SIM/key+1"), ("Date", "now")], b"nothing") == ("header X-Key",)
    assert redactor.places([("X-sim/key+1", "")], b"sim%2Fkey%2B1") == (f"header X-{REPLACEMENT}", "body")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("secret", f"missing {REPLACEMENT}, secretly"),
        ("a1", f"a12 {REPLACEMENT}"),
        ("{}", f"{REPLACEMENT}"),
        ("queued", "queued"),
        ("key", "key"),
        ("202", "202"),
        ("first_frame_image", "first_frame_image"),
    ],
)
def test_a_key_that_may_be_a_word_is_not_searched(key: str, text: str) -> None:
    """It is struck as a whole word, unless verdicts rest on that word, and an echo of it proves nothing."""
    assert not is_distinctive(key)
    assert Redactor([key]).text(text.replace(REPLACEMENT, key)) == text
    assert not Redactor([key]).holds_key(text.replace(REPLACEMENT, key).encode())


def test_long_strings_of_a_body_are_shortened() -> None:
    """A data URL is kept by its beginning and its length; the rest of the body as sent."""
    body = b'{"duration": 6, "first_frame_image": "data:image/png;base64,' + b"A" * 5000 + b'"}'
    kept = record_request_body(body)
    assert kept is not None
    decoded = parse_json(kept)
    assert isinstance(decoded, dict)
    assert decoded["duration"] == 6
    assert decoded["first_frame_image"] == "data:image/png;base64," + "A" * 42 + "… (5022 characters)"


def test_short_bodies_are_kept_as_sent() -> None:
    """What is short is kept byte for byte, JSON or not; what is not text is not kept."""
    assert record_request_body(b'{"prompt":  "x"') == '{"prompt":  "x"'
    assert record_request_body(b"\xff\xfe") is None
    assert record_request_body(None) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d"', r"\ud83d"),
        (r'"\uDE00\uD83D"', r"\ude00\ud83d"),
        (r'"\uD83D\uDE00 \u00e9"', "\U0001f600 é"),
        (r'"\\ud83d \\\ud83d"', r"\ud83d \\ud83d"),
        (r'{"\ud83dA": "\n"}', {r"\ud83dA": "\n"}),
    ],
)
def test_half_a_surrogate_pair_becomes_text(text: str, value: object) -> None:
    """It becomes the characters of its escape, as a value and as a name; a pair and every other escape stay what they are."""
    assert parse_json(text) == value


@pytest.mark.slow
@settings(max_examples=50)
@given(
    st.recursive(
        st.text(st.characters()), lambda inner: st.dictionaries(st.text(st.characters()), inner) | st.lists(inner)
    )
)
def test_every_parsed_text_can_be_written(value: object) -> None:
    """Whatever a gateway sends as JSON; what was writable before stays the same."""
    parsed = parse_json(json.dumps(value))
    json.dumps(parsed, ensure_ascii=False).encode()
    with suppress(UnicodeEncodeError):
        json.dumps(value, ensure_ascii=False).encode()
        assert parsed == value


def test_what_is_not_json_is_missing() -> None:
    """NaN, a truncated object and nesting without end are not JSON."""
    assert parse_json("NaN") is MISSING
    assert parse_json(r'"\ud8zz"') is MISSING
    assert parse_json('{"a": ') is MISSING
    assert parse_json("[" * 100_000) is MISSING
    assert parse_json("null") is None


@pytest.mark.parametrize(("stamps", "fits"), [(("00.900", "00.920", "02.050"), True), (("00", "00", "02"), False)])
def test_a_clock_of_whole_seconds_is_not_fitted(stamps: tuple[str, ...], *, fits: bool) -> None:
    """Submits in bursts lie on a line by chance: what it says is wrong by up to a second."""
    generations = [
        Generation("", replace(EXCHANGE, started=at, finished=at), (replace(EXCHANGE, body=body),), ())
        for at, stamp in zip((0.9, 0.92, 2.05), stamps, strict=True)
        for body in [f'{{"created_at": "2026-03-31T10:00:{stamp}Z"}}']
    ]
    assert (fit_clock(generations) is not None) is fits
