"""Bodies that break exactly one rule of the page, each labelled with the clause that states the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.clauses import show
from pixazo_contracts.probes import ABSENT, RULES

from .bodies import FRAMES_OUTSIDE, LETTERS, MOST_CHARACTERS, Operation, bodies

#: The prefixes of the ids of clauses about parameters.
GROUPS: Final = ("T2V", "I2V")

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


#: Values that a member must not have (or `ABSENT`), each with its name in a label.
Wrongs = st.SearchStrategy[tuple[object, str]]


def _named(values: st.SearchStrategy[object]) -> Wrongs:
    return values.map(lambda value: (value, "missing" if value is ABSENT else show(value)[:SHOWN]))


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


_LENGTHS = st.just(MOST_CHARACTERS + 1) | st.integers(MOST_CHARACTERS + 1, 2 * MOST_CHARACTERS)
TOO_LONG: Final[Wrongs] = st.tuples(_LENGTHS, st.sampled_from(LETTERS)).map(
    lambda pair: (pair[0] * pair[1], f"{pair[0]} times {pair[1]}")
)
NO_URLS: Final = {rule.clause: rule.forbidden for rule in RULES}["I2V-IMG-05"]

#: Wrong values by the clause that states the rule; the member that a rule is about is that of the probes' `RULES`.
WRONG: Final[dict[str, Wrongs]] = {
    **dict.fromkeys(("T2V-PROMPT-01", "I2V-PROMPT-01", "I2V-IMG-01"), MISSING_OR_NULL),
    **dict.fromkeys(("T2V-PROMPT-02", "T2V-RES-01", "T2V-CB-01"), NOT_STRING),
    **dict.fromkeys(("I2V-PROMPT-02", "I2V-IMG-02", "I2V-RES-03", "I2V-CB-01"), NOT_STRING),
    **dict.fromkeys((f"{group}-{member}-01" for group in GROUPS for member in ("PO", "FP", "WM")), NOT_BOOLEAN),
    "T2V-DUR-01": NOT_NUMBER,
    "I2V-DUR-01": _named(FRACTIONS) | NOT_NUMBER,
    "I2V-DUR-03": _named(OTHER_SECONDS.filter(lambda seconds: seconds not in {6, 10})),
    "I2V-RES-02": _named(OTHER_RESOLUTIONS.filter(lambda text: text not in {"768P", "1080P"})),
    "I2V-PROMPT-04": TOO_LONG,
    "I2V-IMG-05": st.sampled_from([(value, name) for name, value in NO_URLS.items()]),
    **{clause: frames.map(lambda frame: (frame.url, frame.name)) for clause, frames in FRAMES_OUTSIDE.items()},
}


def _rules(operation: Operation) -> dict[str, tuple[str, Wrongs]]:
    """The rules of an operation: by clause, the member that each is about, and wrong values for it."""
    rules = (rule for rule in RULES if rule.operation == operation and rule.clause in WRONG)
    return {rule.clause: (rule.member, WRONG[rule.clause]) for rule in rules}


def clauses_broken(operation: Operation) -> tuple[str, ...]:
    """The clauses whose rules `breaches` breaks for that operation."""
    return tuple(_rules(operation))


def breaches(operation: Operation, clause: str | None = None) -> st.SearchStrategy[Breach]:
    """Bodies that keep every rule except one: any rule, or that of `clause`. Raises `ValueError` if no rule has that clause."""
    rules = _rules(operation)
    if clause is not None and clause not in rules:
        raise ValueError(f"no rule of {operation} is stated by {clause!r}: known are {', '.join(rules)}")
    return st.one_of([_breaking(operation, name, *rules[name]) for name in ([clause] if clause else rules)])


def _breaking(operation: Operation, clause: str, member: str, wrongs: Wrongs) -> st.SearchStrategy[Breach]:
    def breach(body: dict[str, object], wrong: tuple[object, str]) -> Breach:
        changed = {name: value for name, value in {**body, member: wrong[0]}.items() if value is not ABSENT}
        return Breach(clause, f"{member}: {wrong[1]}", operation, changed)

    return st.builds(breach, bodies(operation), wrongs)
