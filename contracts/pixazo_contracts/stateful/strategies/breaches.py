"""Bodies that break exactly one rule of the page, each labelled with the clause that states the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.clauses import show
from pixazo_contracts.probes import ABSENT, data_url, png

from .bodies import LETTERS, MOST_CHARACTERS, Operation, bodies
from .frames import frames_outside

#: How much of a wrong value is shown in a label, in code points.
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


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A value that a member must not have (or `ABSENT`), and its name in a label."""

    value: object
    name: str


Wrongs = st.SearchStrategy[_Wrong]
Rules = dict[str, tuple[str, Wrongs]]


def _named(values: st.SearchStrategy[object]) -> Wrongs:
    return values.map(lambda value: _Wrong(value, "missing" if value is ABSENT else show(value)[:SHOWN]))


_NUMBERS = st.integers(-EXACT, EXACT) | st.floats(-1e6, 1e6, allow_subnormal=False)
_SCALARS = st.booleans() | _NUMBERS | st.text(max_size=8)
_COMPOUNDS = st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), _SCALARS, max_size=3)
_TEXTS = st.sampled_from(("true", "6", "768P", "")) | st.text(max_size=8)

#: Values of every JSON type but one, without null: the page does not say whether null means absence.
NOT_STRING: Final = _named(_NUMBERS | st.booleans() | _COMPOUNDS)
NOT_NUMBER: Final = _named(_TEXTS | st.booleans() | _COMPOUNDS)
NOT_BOOLEAN: Final = _named(_TEXTS | _NUMBERS | _COMPOUNDS)
MISSING_OR_NULL: Final = _named(st.sampled_from((ABSENT, None)))

FRACTIONS: Final = st.floats(-100, 100, allow_subnormal=False).filter(lambda number: not number.is_integer())
OTHER_SECONDS: Final = st.sampled_from((5, 7, 9, 11, 0, -6)) | st.integers(-EXACT, EXACT)
OTHER_RESOLUTIONS: Final = st.sampled_from(("720P", "512P", "4K", "1080", "")) | st.text(max_size=12)


def _is_other_resolution(text: str) -> bool:
    """Whether the text is neither of the two values in any letter case: about letter case the page says nothing."""
    return text.strip().upper() not in {"768P", "1080P"}


def _too_long() -> Wrongs:
    lengths = st.just(MOST_CHARACTERS + 1) | st.integers(MOST_CHARACTERS + 1, 2 * MOST_CHARACTERS)
    pairs = st.tuples(lengths, st.sampled_from(LETTERS))
    return pairs.map(lambda pair: _Wrong(pair[0] * pair[1], f"{pair[0]} times {pair[1]}"))


def _not_data_urls() -> Wrongs:
    """Bare Base64, a data URL without Base64, and one whose payload is none."""
    bare = data_url("image/png", png(640, 480)).partition(",")[2]
    return st.sampled_from(
        (
            _Wrong(bare, "bare Base64"),
            _Wrong("data:image/png,not an image", "data URL without Base64"),
            _Wrong("data:image/png;base64,!!!not-base64!!!", "payload that is no Base64"),
        )
    )


def _booleans(group: str) -> Rules:
    members = {"PO": "prompt_optimizer", "FP": "fast_pretreatment", "WM": "aigc_watermark"}
    return {f"{group}-{short}-01": (member, NOT_BOOLEAN) for short, member in members.items()}


def _text_to_video() -> Rules:
    return {
        "T2V-PROMPT-01": ("prompt", MISSING_OR_NULL),
        "T2V-PROMPT-02": ("prompt", NOT_STRING),
        "T2V-DUR-01": ("duration", NOT_NUMBER),
        "T2V-RES-01": ("resolution", NOT_STRING),
        "T2V-CB-01": ("callback_url", NOT_STRING),
        **_booleans("T2V"),
    }


def _image_to_video(*, heavy: bool) -> Rules:
    images = {
        clause: ("first_frame_image", frames.map(lambda frame: _Wrong(frame.url, frame.name)))
        for clause, frames in frames_outside(heavy=heavy).items()
    }
    return {
        "I2V-PROMPT-01": ("prompt", MISSING_OR_NULL),
        "I2V-PROMPT-02": ("prompt", NOT_STRING),
        "I2V-PROMPT-04": ("prompt", _too_long()),
        "I2V-IMG-01": ("first_frame_image", MISSING_OR_NULL),
        "I2V-IMG-02": ("first_frame_image", NOT_STRING),
        "I2V-IMG-05": ("first_frame_image", _not_data_urls()),
        "I2V-DUR-01": ("duration", _named(FRACTIONS) | NOT_NUMBER),
        "I2V-DUR-03": ("duration", _named(OTHER_SECONDS.filter(lambda seconds: seconds not in {6, 10}))),
        "I2V-RES-02": ("resolution", _named(OTHER_RESOLUTIONS.filter(_is_other_resolution))),
        "I2V-RES-03": ("resolution", NOT_STRING),
        "I2V-CB-01": ("callback_url", NOT_STRING),
        **_booleans("I2V"),
        **images,
    }


def _rules(operation: Operation, *, heavy: bool) -> Rules:
    return _image_to_video(heavy=heavy) if operation == "imageToVideo" else _text_to_video()


def clauses_broken(operation: Operation, *, heavy: bool = False) -> tuple[str, ...]:
    """The clauses whose rules `breaches` breaks for that operation; `heavy` adds the one about 20 MB."""
    return tuple(_rules(operation, heavy=heavy))


def breaches(operation: Operation, clause: str | None = None, *, heavy: bool = False) -> st.SearchStrategy[Breach]:
    """Bodies that keep every rule but one: any, or that of `clause`. Raises `ValueError` if no rule has that clause."""
    rules = _rules(operation, heavy=heavy)
    if clause is not None and clause not in rules:
        raise ValueError(f"no rule of {operation} is stated by {clause!r}: known are {', '.join(rules)}")
    return st.one_of([_breaking(operation, name, *rules[name]) for name in ([clause] if clause else rules)])


def _breaking(operation: Operation, clause: str, member: str, wrongs: Wrongs) -> st.SearchStrategy[Breach]:
    def breach(body: dict[str, object], wrong: _Wrong) -> Breach:
        changed = {name: value for name, value in {**body, member: wrong.value}.items() if value is not ABSENT}
        return Breach(clause, f"{member}: {wrong.name}", operation, changed)

    return st.builds(breach, bodies(operation), wrongs)
