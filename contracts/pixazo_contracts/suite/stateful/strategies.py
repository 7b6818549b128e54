"""Hypothesis strategies for requests: bodies that keep every rule of the page, bodies that break one, and arbitrary bytes.

For your own tests of your own gateway::

    from hypothesis import given
    from pixazo_contracts.suite.stateful import strategies

    @given(strategies.bodies("imageToVideo"))
    def test_accepts_every_valid_body(body): ...

    @given(strategies.breaches("generate"))
    def test_refuses_every_violated_rule(breach):
        assert post(breach.operation, breach.body).status_code == 400, breach.clause

Neither kind of body contains what the page leaves open (a blank prompt, a fractional text-to-video duration, 1080P for 10 s).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from hypothesis import strategies as st

from pixazo_contracts import probes
from pixazo_contracts.clauses import show
from pixazo_contracts.trace import MODEL

Operation = Literal["generate", "imageToVideo"]

#: The image-to-video limit; for text-to-video, whose table has no limit, the length of the printed example.
MOST_CHARACTERS: Final = 2000
PROVEN_CHARACTERS: Final = 665

#: Characters that no gateway can treat as formatting: letters, digits, punctuation, symbols, spaces.
VISIBLE: Final = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])

#: One code point, one UTF-16 unit, one grapheme each, in one, two and three bytes: every way of counting gives the same number.
LETTERS: Final = "aé雨"

#: The page names camera movements only in general; these are the plainest.
CAMERA: Final = ("[Push in]", "[Pan left]", "[Static shot]", "[Truck left, Tilt up]")

#: Encoders by media type: each takes a width and a height in pixels.
Encoders = dict[str, Callable[[int, int], bytes]]

#: The page: JPG/JPEG/PNG/WebP.
FORMATS: Final[Encoders] = {"image/jpeg": probes.jpeg, "image/png": probes.png, "image/webp": probes.webp}
OTHER_FORMATS: Final[Encoders] = {"image/gif": probes.gif, "image/bmp": probes.bmp, "image/svg+xml": probes.svg}

#: Widths and heights that the page allows: short side above 300, 2:5 to 5:2; the plainest first.
SIZES: Final = ((640, 480), (301, 301), (301, 752), (752, 301), (302, 755), (755, 302), (1280, 720))

#: A short side of 300 or less, the ratio being right; a ratio just outside, the short side being right.
SMALL: Final = ((300, 400), (400, 300), (300, 300), (299, 310), (120, 300))
NARROW: Final = ((301, 753), (753, 301), (302, 756), (756, 302), (400, 1010), (1010, 400))


#: Values of a member (or `ABSENT`), each with its name in a label.
Named = st.SearchStrategy[tuple[object, str]]


@lru_cache(maxsize=128)
def _frame(media_type: str, width: int, height: int) -> tuple[str, str]:
    image = (FORMATS | OTHER_FORMATS)[media_type](width, height)
    return probes.data_url(media_type, image), f"{media_type} of {width} x {height}, {len(image)} bytes"


def _drawn(media_types: Collection[str], sizes: Sequence[tuple[int, int]]) -> Named:
    pairs = st.tuples(st.sampled_from(tuple(media_types)), st.sampled_from(sizes))
    return pairs.map(lambda pair: _frame(pair[0], *pair[1]))


def frames() -> Named:
    """Images that the page allows, in all formats, as data URLs."""
    return _drawn(FORMATS, SIZES)


#: Images that break one rule, by the clause that states it.
FRAMES_OUTSIDE: Final[dict[str, Named]] = {
    "I2V-IMG-07": _drawn(OTHER_FORMATS, SIZES[:1]),
    "I2V-IMG-09": _drawn(FORMATS, SMALL),
    "I2V-IMG-11": _drawn(FORMATS, NARROW),
}


def prompts(operation: Operation) -> st.SearchStrategy[str]:
    """Prompts that the page allows: short ones in any script, some with camera movements, and the longest ones."""
    most = MOST_CHARACTERS if operation == "imageToVideo" else PROVEN_CHARACTERS
    short = st.text(VISIBLE, min_size=1, max_size=60).filter(str.strip)
    camera = st.tuples(short, st.sampled_from(CAMERA)).map(" ".join)
    longest = st.sampled_from(LETTERS).map(lambda letter: letter * most)
    return short | camera | longest


def bodies(operation: Operation) -> st.SearchStrategy[dict[str, object]]:
    """Bodies of `generate` or `imageToVideo` that keep every rule of the page, never with a `callback_url`."""
    optional: dict[str, st.SearchStrategy[object]] = {
        "prompt_optimizer": st.booleans(),
        # For image-to-video the page says: only for the Fast variant. It does not say whether true is refused elsewhere.
        "fast_pretreatment": st.booleans() if operation == "generate" else st.just(value=False),
        "aigc_watermark": st.booleans(),
    }
    required: dict[str, st.SearchStrategy[object]] = {"prompt": prompts(operation)}
    if operation == "imageToVideo":
        required["first_frame_image"] = st.just(probes.PRINTED_IMAGE) | frames().map(lambda frame: frame[0])
    # Text to video: the page does not state the durations and resolutions; it shows only one of each.
    seconds, sizes = ((6, 10), ("768P", "1080P")) if operation == "imageToVideo" else ((6,), ("768P",))
    shapes = st.fixed_dictionaries(
        {}, optional={"duration": st.sampled_from(seconds), "resolution": st.sampled_from(sizes)}
    )
    # The page does not say whether 1080P may be asked for together with 10 s.
    shapes = shapes.filter(lambda shape: shape != {"duration": 10, "resolution": "1080P"})
    parts = st.tuples(st.fixed_dictionaries(required, optional=optional), shapes)
    return parts.map(lambda both: {**both[0], **both[1]})


#: The most code points of a wrong value that a label shows.
SHOWN: Final = 60

#: Integers that every JSON parser keeps exactly.
EXACT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule: the clause that states it, a few words on what is wrong, and the request that breaks it."""

    clause: str
    wrong: str
    operation: Operation
    body: dict[str, object]


def _named(values: st.SearchStrategy[object]) -> Named:
    return values.map(lambda value: (value, "missing" if value is probes.ABSENT else show(value)[:SHOWN]))


_NUMBERS = st.integers(-EXACT, EXACT) | st.floats(-1e6, 1e6, allow_subnormal=False)
_SIMPLE = st.booleans() | _NUMBERS | st.text(max_size=8)
_COMPOUNDS = st.lists(_SIMPLE, max_size=3) | st.dictionaries(st.text(max_size=8), _SIMPLE, max_size=3)
_TEXTS = st.sampled_from(("true", "6", "768P", "")) | st.text(max_size=8)

#: Values of every JSON type but one, without null: the page does not say whether null means absence.
NOT_STRING: Final = _named(_NUMBERS | st.booleans() | _COMPOUNDS)
NOT_NUMBER: Final = _named(_TEXTS | st.booleans() | _COMPOUNDS)
NOT_BOOLEAN: Final = _named(_TEXTS | _NUMBERS | _COMPOUNDS)
MISSING_OR_NULL: Final = _named(st.sampled_from((probes.ABSENT, None)))

FRACTIONS: Final = st.floats(-100, 100, allow_subnormal=False).filter(lambda number: not number.is_integer())
OTHER_SECONDS: Final = st.sampled_from((5, 7, 9, 11, 0, -6)) | st.integers(-EXACT, EXACT)
OTHER_RESOLUTIONS: Final = st.sampled_from(("720P", "512P", "4K", "1080", "768p", "")) | st.text(max_size=12)


_LENGTHS = st.just(MOST_CHARACTERS + 1) | st.integers(MOST_CHARACTERS + 1, 2 * MOST_CHARACTERS)
TOO_LONG: Final[Named] = st.tuples(_LENGTHS, st.sampled_from(LETTERS)).map(
    lambda pair: (pair[0] * pair[1], f"{pair[0]} times {pair[1]}")
)
NO_URLS: Final = {rule.clause: rule.forbidden for rule in probes.RULES}["I2V-IMG-05"]

#: Wrong values by the clause that states the rule, which is one of the probes' `RULES`.
WRONG: Final[dict[str, Named]] = {
    **dict.fromkeys(("T2V-PROMPT-01", "I2V-PROMPT-01", "I2V-IMG-01"), MISSING_OR_NULL),
    **dict.fromkeys(("T2V-PROMPT-02", "T2V-RES-01", "T2V-CB-01"), NOT_STRING),
    **dict.fromkeys(("I2V-PROMPT-02", "I2V-IMG-02", "I2V-RES-03", "I2V-CB-01"), NOT_STRING),
    **dict.fromkeys((f"{group}-{member}-01" for group in ("T2V", "I2V") for member in ("PO", "FP", "WM")), NOT_BOOLEAN),
    "T2V-DUR-01": NOT_NUMBER,
    "I2V-DUR-01": _named(FRACTIONS) | NOT_NUMBER,
    "I2V-DUR-03": _named(OTHER_SECONDS.filter(lambda seconds: seconds not in {6, 10})),
    "I2V-RES-02": _named(OTHER_RESOLUTIONS.filter(lambda text: text not in {"768P", "1080P"})),
    "I2V-PROMPT-04": TOO_LONG,
    "I2V-IMG-05": st.sampled_from([(value, name) for name, value in NO_URLS.items()]),
    **FRAMES_OUTSIDE,
}


#: The member that each rule is about.
_MEMBER: Final = {rule.clause: rule.member for rule in probes.RULES}


def clauses_broken(operation: Operation) -> tuple[str, ...]:
    """The clauses whose rules `breaches` breaks for that operation."""
    return tuple(rule.clause for rule in probes.RULES if rule.operation == operation and rule.clause in WRONG)


def breaches(operation: Operation, clause: str | None = None) -> st.SearchStrategy[Breach]:
    """Bodies that keep every rule except one: any rule, or that of `clause`. Raises `ValueError` if no rule has that clause."""
    known = clauses_broken(operation)
    if clause is not None and clause not in known:
        raise ValueError(f"no rule of {operation} is stated by {clause!r}: known are {', '.join(known)}")
    return st.one_of([_breaking(operation, each) for each in ([clause] if clause else known)])


def _breaking(operation: Operation, clause: str) -> st.SearchStrategy[Breach]:
    member = _MEMBER[clause]

    def breach(body: dict[str, object], wrong: tuple[object, str]) -> Breach:
        changed = {name: value for name, value in {**body, member: wrong[0]}.items() if value is not probes.ABSENT}
        return Breach(clause, f"{member}: {wrong[1]}", operation, changed)

    return st.builds(breach, bodies(operation), WRONG[clause])


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


def letter_cases(name: str) -> st.SearchStrategy[str]:
    """A header's name in any letter case; first as printed."""
    return st.sampled_from((name, name.lower(), name.upper(), name.swapcase()))


def json_headers() -> st.SearchStrategy[probes.Headers]:
    """Request headers that the page allows, except the key: a JSON type, `Cache-Control` or not, names in any letter case."""
    typed = st.tuples(letter_cases("Content-Type"), st.sampled_from(CONTENT_TYPES))
    cached = st.tuples(letter_cases("Cache-Control"), st.just("no-cache"))
    return st.tuples(typed) | st.tuples(typed, cached)


def valid_submits(operation: Operation) -> st.SearchStrategy[probes.Send]:
    """Submits that break no rule, with headers in every allowed spelling."""

    def make(body: dict[str, object], headers: probes.Headers) -> probes.Send:
        # Imported when the first one is drawn: the wing has the proxy, too.
        from pixazo_contracts.traffic import read_body

        step = probes.submit(operation, body, case="valid", intent="accept", headers=headers)
        content_type = next(value for name, value in headers if name.lower() == "content-type")
        shown = read_body(operation, step.body or b"").shown
        return replace(step, aims=(*shown, *(("HDR-01",) if content_type != CONTENT_TYPES[0] else ())))

    return st.builds(make, bodies(operation), json_headers())


def receiver_urls() -> st.SearchStrategy[probes.ReceiverUrl]:
    """Receiver URLs that work, and ones that fail at first, are slow or redirect."""
    failing = st.integers(1, MOST_FAILURES).map(lambda fails: probes.ReceiverUrl("refusing", fails=fails))
    slow = st.sampled_from(DELAYS).map(lambda delay: probes.ReceiverUrl("slow", delay=delay))
    redirecting = st.just(probes.ReceiverUrl("redirecting", redirects=True))
    return st.just(probes.ReceiverUrl("plain")) | failing | slow | redirecting


def unknown_ids() -> st.SearchStrategy[str]:
    """Request ids of the documented shape that no gateway has issued: by their timestamp they are from 1970."""
    digits = st.text("0123456789abcdef", min_size=19, max_size=19)
    return digits.map(lambda d: f"{MODEL}_00000000-0000-7{d[:3]}-8{d[3:6]}-{d[6:18]}")


def malformed_ids() -> st.SearchStrategy[str]:
    """Path segments of other shapes."""
    visible = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)
    other = st.sampled_from((MODEL, f"{MODEL}_", "%00", "%2F", "a%2F..%2Fb"))
    return other | visible | visible.map(f"{MODEL}_{{}}".format)
