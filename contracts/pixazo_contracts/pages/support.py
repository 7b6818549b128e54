"""Which clauses and which policy fields rest on a fact of the page: those that quote it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Final

from pixazo_contracts.clauses import CATALOGUE

from .facts import Fact
from .page import Operation
from .template import kind_of

__all__ = ["clauses_on", "policy_on"]

_MODEL: Final = "minimax-hailuo-ai"
#: The sections that stand in another one.
_CONTAINED: Final = {"retrieving results": ("endpoint",), "error responses": ("queue system errors",)}
_SAMPLES: Final = {"insufficient_balance": "402", "model_not_found": "400"}


def clauses_on(operation: Operation, fact: Fact) -> tuple[str, ...]:
    """The ids of the clauses that quote this fact of an operation of Hailuo; of other models there are none."""
    return tuple(
        clause.id
        for clause in CATALOGUE
        if any(_quotes(quote.heading, quote.words, quote.sample, operation, fact) for quote in clause.quotes)
    )


def policy_on(operation: Operation, fact: Fact) -> tuple[str, ...]:
    """The names of the policy fields of the simulator that quote it."""
    return tuple(
        name
        for name, quotes in _policy().items()
        if any(_quotes(heading, words, "", operation, fact) for heading, words in quotes)
    )


@cache
def _policy() -> dict[str, list[tuple[str, str]]]:
    return {
        name: [tuple(each) for each in quotes]
        for name, quotes in json.loads(files(__package__).joinpath("policy.json").read_bytes()).items()
    }


def _quotes(heading: str, words: str, sample: str, operation: Operation, fact: Fact) -> bool:
    if operation.model_id != _MODEL or not _stands_in(heading, operation, fact):
        return False
    if not words:
        number = _SAMPLES.get(sample, "")
        return fact.part in ("sample", "request", "example") and (not number or number in fact.name)
    row = _plain(fact.row or fact.text)
    if _plain(words) not in row:
        return False
    if fact.part != "parameter" or " | " in words or fact.attribute in ("", "description", "conditions"):
        return True
    values = fact.meaning if isinstance(fact.meaning, list) else [fact.meaning]
    return any(str(each).casefold() in words.casefold() for each in values)


def _stands_in(heading: str, operation: Operation, fact: Fact) -> bool:
    """Whether a heading, as clauses name it, is that of a fact: it may name the operation, in parentheses or after a dash."""
    bare, which = heading, ""
    if " - " in heading:
        bare, _, which = heading.partition(" - ")
    elif not kind_of(heading):
        bare, _, which = heading.rstrip(")").rpartition(" (")
    kind = kind_of(bare)
    same = {kind, *_CONTAINED.get(kind, ())}
    return fact.section in same and (not which or which in (operation.group, operation.title.partition(" - ")[0]))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*\\]", "", text).split()).casefold()
