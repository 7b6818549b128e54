"""Input that ignores the page's rules: any JSON value, documented members with any value, any bytes."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import strategies as st

from .bodies import Operation, bodies

#: The documented members, except `callback_url`: a generated one could make a gateway call somebody else's server.
MEMBERS: Final = (
    *(
        "prompt",
        "first_frame_image",
        "duration",
        "resolution",
        "prompt_optimizer",
        "fast_pretreatment",
        "aigc_watermark",
    ),
)

#: Any text at all, lone surrogates as well: JSON can express them as escapes.
_ANY_TEXT = st.text(st.characters(), max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _ANY_TEXT


def json_values(max_leaves: int = 12) -> st.SearchStrategy[object]:
    """Any JSON value, decoded."""
    return st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_ANY_TEXT, inner, max_size=4),
        max_leaves=max_leaves,
    )


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def json_documents() -> st.SearchStrategy[bytes]:
    """Any JSON value as bytes; what UTF-8 cannot hold is escaped."""
    return json_values().map(_encoded)


def near_bodies(operation: Operation) -> st.SearchStrategy[bytes]:
    """Objects with the documented members, some valid, the others with any value at all; never a `callback_url`."""
    odd = st.dictionaries(st.sampled_from(MEMBERS), json_values(max_leaves=4), min_size=1, max_size=3)
    return st.tuples(bodies(operation), odd).map(lambda parts: _encoded({**parts[0], **parts[1]}))


def not_objects() -> st.SearchStrategy[bytes]:
    """An empty body, and JSON values that are not objects, as bytes."""
    return st.just(b"") | json_values().filter(lambda value: not isinstance(value, dict)).map(_encoded)


def malformed_documents(operation: Operation) -> st.SearchStrategy[bytes]:
    """Bytes that no JSON parser accepts: objects cut short, or followed by something else."""
    documents = bodies(operation).map(_encoded)
    cut = st.builds(_cut, documents, st.floats(0, 1))
    with_stray = st.builds(_joined, documents, st.sampled_from((b" x", b"}", b",", b"{}")))
    return st.just(b"{'prompt': 'A paper boat'}") | cut | with_stray


def _cut(text: bytes, share: float) -> bytes:
    """A share of an object's text, never with its last brace."""
    return text[: 1 + int(share * (len(text) - 2))]


def _joined(text: bytes, stray: bytes) -> bytes:
    return text + stray


def raw_bodies() -> st.SearchStrategy[bytes]:
    """Any bytes."""
    return st.binary(max_size=200)
