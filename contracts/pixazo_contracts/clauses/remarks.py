"""What a judgement says: remarks on the exchanges and callbacks of a trace.

In a remark a value from outside is JSON (`show`; a name may be `plain`), so `"null"` is not null and no value can be taken
for our own words, which are written as they are. A judgement may yield

- `Evidence`: something was checked and found right;
- `Violation`: something was checked and found wrong (`check` yields one of these two);
- `Observation`: what the gateway does where the page is silent, as a short text that is the same in every run;
- `Unseen`: why something could not be checked.

A clause that yields nothing judged nothing, and its verdict is never PASS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pixazo_contracts.trace import MISSING, Callback, Exchange, visible

#: The longest rendering of a value in a finding, in characters: the trace has the whole value.
LONGEST_SHOWN: Final = 240
#: A name that needs no quotation marks among our own words.
PLAIN: Final = re.compile(r"(?!(none|nothing|absent|null|true|false)$)[A-Za-z0-9_.*/+-]+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that a clause checked and found right."""

    source: Exchange | Callback


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a clause checked and found wrong: where, what the page says, what was found instead.

    Both texts are our own words, with values as `show` writes them. `related` are further records that it depends on: a clause
    that failed on one of them explains the violation. `drifts`: no client that follows the page is affected, so it is DRIFT even
    where the clause would fail.
    """

    source: Exchange | Callback
    where: str
    expected: str
    got: str
    related: tuple[Exchange | Callback, ...] = ()
    drifts: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What the gateway does where the page is silent, by `source` and `related`; equal behaviour must give equal text."""

    text: str
    source: Exchange | Callback | None = None
    related: tuple[Exchange | Callback, ...] = ()


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why the subject of the clause could not be checked, with the remedy; the reason of the verdict if nothing else was checked.

    With `skips` the gateway may still follow the page, and the clause is SKIPPED, as if the target lacked something.
    """

    reason: str
    skips: bool = False


Remark = Evidence | Violation | Observation | Unseen
Remarks = Iterator[Remark]


def show(value: object) -> str:
    """A value as shown in a finding: JSON in one line, shortened; `absent` for a missing member."""
    text = repr(value) if value is MISSING else visible(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def plain(name: str) -> str:
    """A name or another short text from outside, in a list: unchanged if it is one plain word, else as JSON."""
    return name if PLAIN.fullmatch(name) else show(name)


def code_shown(exchange: Exchange) -> str:
    """A response in a finding: its status code, or why there was none."""
    return f"no response ({exchange.error})" if exchange.status is None else str(exchange.status)


def code_word(exchange: Exchange) -> str:
    """A response in an observation: `accepted`, or else as in a finding."""
    return "accepted" if exchange.succeeded else code_shown(exchange)


def member_names(exchange: Exchange) -> str:
    """The names of the members of a response, sorted, as an observation lists them."""
    return ", ".join(map(plain, sorted(exchange.members))) or "none"


def check(
    holds: bool,  # noqa: FBT001 - reads as a sentence: check(condition, source, where, expected, got)
    source: Exchange | Callback,
    where: str,
    expected: str,
    got: object = MISSING,
    *,
    words: str | None = None,
    related: tuple[Exchange | Callback, ...] = (),
    drifts: bool = False,
) -> Evidence | Violation:
    """`Evidence` if it holds, else the `Violation`: what was found `where` instead of `expected`, as `got` or in our `words`."""
    if holds:
        return Evidence(source)
    return Violation(source, where, expected, show(got) if words is None else words, related, drifts)


def check_member(
    source: Exchange | Callback, name: str, holds: Callable[[object], bool], expected: str, *, drifts: bool = False
) -> Evidence | Violation:
    """`check` a member of the body; `holds` gets its value, `MISSING` if the body has none of that name."""
    value = source.member(name)
    return check(holds(value), source, name, expected, value, drifts=drifts)
