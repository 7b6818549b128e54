"""Submits that break no rule, input that ignores every rule, and the rest of a request: headers, receivers of callbacks, request ids."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.probes import Headers, ReceiverUrl, Send, submit
from pixazo_contracts.trace import MODEL

from .bodies import Operation, bodies, proves

#: The documented members, except `callback_url`: a generated one could make a gateway call somebody else's server.
MEMBERS: Final = (
    *("prompt", "first_frame_image", "duration", "resolution"),
    *("prompt_optimizer", "fast_pretreatment", "aigc_watermark"),
)

#: The bare type of the page, and the same with a charset.
CONTENT_TYPES: Final = ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8")

#: How slow a receiver is, in seconds of real time.
DELAYS: Final = (0.0, 0.02)

MOST_FAILURES: Final = 2

#: Any text, including unpaired surrogates: JSON can express them as escapes.
_ANY_TEXT = st.text(st.characters(), max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _ANY_TEXT


def _json_values(max_leaves: int = 12) -> st.SearchStrategy[object]:
    return st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_ANY_TEXT, inner, max_size=4),
        max_leaves=max_leaves,
    )


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def json_documents() -> st.SearchStrategy[bytes]:
    """Any JSON value as bytes; what UTF-8 cannot encode is escaped."""
    return _json_values().map(_encoded)


def near_bodies(operation: Operation) -> st.SearchStrategy[bytes]:
    """Objects with the documented members, some valid, the others with any value; never a `callback_url`."""
    odd = st.dictionaries(st.sampled_from(MEMBERS), _json_values(max_leaves=4), min_size=1, max_size=3)
    return st.tuples(bodies(operation), odd).map(lambda parts: _encoded({**parts[0], **parts[1]}))


def not_objects() -> st.SearchStrategy[bytes]:
    """An empty body, and JSON values that are not objects, as bytes."""
    return st.just(b"") | _json_values().filter(lambda value: not isinstance(value, dict)).map(_encoded)


def malformed_documents(operation: Operation) -> st.SearchStrategy[bytes]:
    """Bytes that no JSON parser accepts: objects cut short (at the last brace at the latest), or followed by something else."""
    documents = bodies(operation).map(_encoded)
    cut = st.tuples(documents, st.floats(0, 1)).map(lambda pair: pair[0][: 1 + int(pair[1] * (len(pair[0]) - 2))])
    with_stray = st.tuples(documents, st.sampled_from((b" x", b"}", b",", b"{}"))).map(b"".join)
    return st.just(b"{'prompt': 'A paper boat'}") | cut | with_stray


def raw_bodies() -> st.SearchStrategy[bytes]:
    """Any bytes."""
    return st.binary(max_size=200)


def letter_cases(name: str) -> st.SearchStrategy[str]:
    """A header's name in any letter case; first as printed."""
    return st.sampled_from((name, name.lower(), name.upper(), name.swapcase()))


def json_headers() -> st.SearchStrategy[Headers]:
    """Request headers that the page allows, except the key: a JSON type, `Cache-Control` or not, names in any letter case."""
    typed = st.tuples(letter_cases("Content-Type"), st.sampled_from(CONTENT_TYPES))
    cached = st.tuples(letter_cases("Cache-Control"), st.just("no-cache"))
    return st.tuples(typed) | st.tuples(typed, cached)


def valid_submits(operation: Operation) -> st.SearchStrategy[Send]:
    """Submits that break no rule, with headers in every allowed spelling."""

    def make(body: dict[str, object], headers: Headers) -> Send:
        aims = proves(operation, body)
        content_type = next(value for name, value in headers if name.lower() == "content-type")
        aims += ("HDR-01",) if content_type != CONTENT_TYPES[0] else ()
        return submit(operation, body, case="valid", aims=aims, intent="accept", headers=headers)

    return st.builds(make, bodies(operation), json_headers())


def receiver_urls() -> st.SearchStrategy[ReceiverUrl]:
    """Receiver URLs that work, and ones that fail at first, are slow or redirect."""
    failing = st.integers(1, MOST_FAILURES).map(lambda fails: ReceiverUrl("refusing", fails=fails))
    slow = st.sampled_from(DELAYS).map(lambda delay: ReceiverUrl("slow", delay=delay))
    return st.just(ReceiverUrl("plain")) | failing | slow | st.just(ReceiverUrl("redirecting", redirects=True))


def unknown_ids() -> st.SearchStrategy[str]:
    """Request ids of the documented shape that no gateway has issued: by their timestamp they are from 1970."""
    digits = st.text("0123456789abcdef", min_size=19, max_size=19)
    return digits.map(lambda d: f"{MODEL}_00000000-0000-7{d[:3]}-8{d[3:6]}-{d[6:18]}")


def malformed_ids() -> st.SearchStrategy[str]:
    """Path segments of other shapes."""
    visible = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)
    other = st.sampled_from((MODEL, f"{MODEL}_", "%00", "%2F", "a%2F..%2Fb"))
    return other | visible | visible.map(f"{MODEL}_{{}}".format)
