"""Probes of HDR, SUBMIT and ERR that turn on the body as bytes: types, malformed JSON, odd values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .family import ABSENT, PROMPT, Case, family, t2v
from .steps import BODY_ONLY, encode

if TYPE_CHECKING:
    from .conversation import Probe


VALID = encode({"prompt": PROMPT})


def _raw(name: str, body: bytes) -> Case:
    return Case(name=name, body=lambda: body)


def _typed(name: str, content_type: str | None) -> Case:
    headers = () if content_type is None else (("Content-Type", content_type),)
    return Case(name=name, body=lambda: encode({"prompt": f"{PROMPT} ({name})"}), intent="any", headers=headers)


MALFORMED: Final = (
    _raw("truncated JSON", VALID[:-2]),
    _raw("single quotes", b"{'prompt': 'A paper boat'}"),
    _raw("garbage", b"prompt=A paper boat"),
)

NOT_OBJECTS: Final = (
    _raw("empty body", b""),
    _raw("null", b"null"),
    _raw("array", b'[{"prompt": "A paper boat"}]'),
    _raw("string", b'"A paper boat"'),
    _raw("number", b"6"),
)


def _nasty(name: str, body: bytes) -> Case:
    return Case(name=name, body=lambda: body, intent="any", headers=BODY_ONLY)


#: Input that breaks careless servers. It is fuzzing, so no target that charges ever sees it.
NASTY: Final = (
    _nasty("NUL in the prompt", b'{"prompt": "A paper\\u0000boat"}'),
    _nasty("lone surrogate in the prompt", b'{"prompt": "A paper boat \\ud800"}'),
    _nasty("nesting 10,000 deep", b'{"prompt": "A paper boat", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    _nasty("duration 1e400", b'{"prompt": "A paper boat", "duration": 1e400}'),
    _nasty("duration of 5,000 digits", b'{"prompt": "A paper boat", "duration": ' + b"9" * 5_000 + b"}"),
    _nasty("duration NaN", b'{"prompt": "A paper boat", "duration": NaN}'),
    _nasty("doubled member", b'{"prompt": "A paper boat", "prompt": 6}'),
    _nasty("invalid UTF-8", b'{"prompt": "A paper boat \xff\xfe"}'),
    _nasty("byte order mark", b'\xef\xbb\xbf{"prompt": "A paper boat"}'),
    _nasty("empty member name", b'{"prompt": "A paper boat", "": ""}'),
)

PROBES: tuple[Probe, ...] = (
    family("malformed JSON, text to video", ("SUBMIT-16",), "generate", *MALFORMED, feeds=("ERR-ENV-01", "BASE-02")),
    family("malformed JSON, image to video", ("SUBMIT-16",), "imageToVideo", *MALFORMED, feeds=("BASE-03",)),
    family("not an object, text to video", ("SUBMIT-17",), "generate", *NOT_OBJECTS),
    family("not an object, image to video", ("SUBMIT-17",), "imageToVideo", *NOT_OBJECTS),
    family("unknown member, no prompt", ("SUBMIT-18",), "generate", t2v("no prompt", "any", prompt=ABSENT, seed=42)),
    family("unknown member", ("SUBMIT-18",), "generate", t2v("otherwise valid", "any", seed=42), only_unlimited=True),
    family("odd input", ("ERR-500-01",), "generate", *NASTY, only_unlimited=True),
)

OPEN_QUESTIONS: tuple[Probe, ...] = (
    family(
        "other content types",
        ("HDR-02",),
        "generate",
        _typed("text/plain", "text/plain"),
        _typed("form", "application/x-www-form-urlencoded"),
        _typed("untyped", None),
    ),
)
