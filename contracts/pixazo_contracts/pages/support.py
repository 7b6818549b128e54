"""The clauses and the policy fields of the simulator that depend on a fact of the page: those that quote it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from pixazo_contracts.clauses import CATALOGUE, Quote
from pixazo_contracts.trace import MODEL, is_array

from .facts import Fact
from .page import Operation
from .template import kind_of

#: The sections inside another one.
_CONTAINED: Final = {"retrieving results": ("endpoint",), "error responses": ("queue system errors",)}
_SAMPLES: Final = {"insufficient_balance": "402", "model_not_found": "400"}


@cache
def quotations() -> dict[str, dict[str, tuple[Quote, ...]]]:
    """The quotations of the page, by the ids of clauses (`clauses`) and by the names of policy fields (`policy`)."""
    file = files("pixazo_contracts.pages").joinpath("data/policy.json").read_bytes()
    policy = msgspec.json.decode(file, type=dict[str, list[tuple[str, str]]])
    return {
        "clauses": {clause.id: clause.quotes for clause in CATALOGUE},
        "policy": {name: tuple(Quote(*each) for each in quotes) for name, quotes in policy.items()},
    }


def support(operation: Operation, fact: Fact) -> dict[str, Any]:
    """The `clauses` and the `policy` fields that quote this fact of an operation of Hailuo; other models have none."""
    return {
        kind: tuple(name for name, quotes in quoted.items() if any(is_about(each, operation, fact) for each in quotes))
        for kind, quoted in quotations().items()
    }


def is_about(quote: Quote, operation: Operation, fact: Fact) -> bool:
    """Whether a fact is the quoted one."""
    if operation.model_id != MODEL or not _stands_in(quote.heading, operation, fact):
        return False
    if not quote.words:
        return fact.part in ("sample", "request", "example") and _SAMPLES.get(quote.sample, "") in fact.name
    if _plain(quote.words) not in _plain(fact.row or fact.text):
        return False
    if fact.part != "parameter" or " | " in quote.words or fact.attribute in ("", "description", "conditions"):
        return True
    values = fact.meaning if is_array(fact.meaning) else [fact.meaning]
    return any(str(each).casefold() in quote.words.casefold() for each in values)


def _stands_in(heading: str, operation: Operation, fact: Fact) -> bool:
    """Whether a heading, as clauses write it, is that of a fact: it may name the operation, in parentheses or after a dash."""
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
