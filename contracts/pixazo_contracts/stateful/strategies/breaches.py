"""Bodies that break exactly one rule of the page, each labelled with the clause that states the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.clauses import show
from pixazo_contracts.probes import ABSENT, BROKEN_IMAGES, RULES

from .bodies import LETTERS, MOST_CHARACTERS, Operation, bodies, frames_outside

#: How the ids of clauses about parameters begin.
GROUPS: Final = ("T2V", "I2V")

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
OTHER_RESOLUTIONS: Final = st.sampled_from(("720P", "512P", "4K", "1080", "768p", "")) | st.text(max_size=12)


def _is_other_resolution(text: str) -> bool:
    """Whether the text is neither of the two values."""
    return text not in {"768P", "1080P"}


def _too_long() -> Wrongs:
    lengths = st.just(MOST_CHARACTERS + 1) | st.integers(MOST_CHARACTERS + 1, 2 * MOST_CHARACTERS)
    pairs = st.tuples(lengths, st.sampled_from(LETTERS))
    return pairs.map(lambda pair: _Wrong(pair[0] * pair[1], f"{pair[0]} times {pair[1]}"))


#: Wrong values by the clause that states the rule; the member that a rule is about is that of the probes' `RULES`.
WRONG: Final[dict[str, Wrongs]] = {
    **dict.fromkeys(("T2V-PROMPT-01", "I2V-PROMPT-01", "I2V-IMG-01"), MISSING_OR_NULL),
    **dict.fromkeys(("T2V-PROMPT-02", "T2V-RES-01", "T2V-CB-01"), NOT_STRING),
    **dict.fromkeys(("I2V-PROMPT-02", "I2V-IMG-02", "I2V-RES-03", "I2V-CB-01"), NOT_STRING),
    **dict.fromkeys((f"{group}-{member}-01" for group in GROUPS for member in ("PO", "FP", "WM")), NOT_BOOLEAN),
    "T2V-DUR-01": NOT_NUMBER,
    "I2V-DUR-01": _named(FRACTIONS) | NOT_NUMBER,
    "I2V-DUR-03": _named(OTHER_SECONDS.filter(lambda seconds: seconds not in {6, 10})),
    "I2V-RES-02": _named(OTHER_RESOLUTIONS.filter(_is_other_resolution)),
    "I2V-PROMPT-04": _too_long(),
}


def _rules(operation: Operation, *, heavy: bool) -> dict[str, tuple[str, Wrongs]]:
    """The rules of an operation: by clause, the member that each is about, and wrong values for it."""
    found = {
        rule.clause: (rule.member, WRONG[rule.clause])
        for rule in RULES
        if rule.operation == operation and rule.clause in WRONG
    }
    if operation == "imageToVideo":
        # Bare Base64, a data URL without Base64, and one whose payload is not Base64.
        no_urls = [_Wrong(make(), name) for name, make in BROKEN_IMAGES["I2V-IMG-05"].items()]
        images: dict[str, Wrongs] = {"I2V-IMG-05": st.sampled_from(no_urls)}
        for clause, frames in frames_outside(heavy=heavy).items():
            images[clause] = frames.map(lambda frame: _Wrong(frame.url, frame.name))
        found |= {clause: ("first_frame_image", wrongs) for clause, wrongs in images.items()}
    return found


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
