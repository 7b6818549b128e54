"""What changed between two versions of a page: what callers can notice, and what is wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import partial
from typing import Any, Final, Literal

import msgspec

from .descriptions import sentences
from .facts import PRESENT, Fact, facts, operation_name
from .meaning import atoms
from .page import Operation, Page, Sentence
from .support import clauses_on, policy_on

__all__ = ["Change", "compare_pages"]

#: Sides of a parameter that are a bound from above, and all that bound what callers may send.
_UPPER: Final = frozenset({"maximum", "max_length", "max_items", "max_bytes"})
#: New sentences among which the one most like an old one is looked for.
_MOST_COMPARED: Final = 40
_BOUNDS: Final = _UPPER | {"minimum", "min_length", "min_items", "short_side_above", "enumeration", "formats"}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: of `operation` (its name; empty for the page as a whole) the `part` with its `name` and `attribute`.

    `kind` is `meaning` if callers can notice it, else `wording`. `effect` is `breaking` if a correct caller of before can fail, `widening` if
    more is allowed than before, `unknown` otherwise, empty for wording. `before` and `after` are values or texts of the page, None where
    there is none. `clauses` and `policy` are the clauses and the policy fields that rest on what was there before.
    """

    kind: Literal["meaning", "wording"]
    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    effect: Literal["", "breaking", "widening", "unknown"] = ""
    clauses: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()


def compare_pages(old: Page, new: Page) -> tuple[Change, ...]:
    """The changes from one version of a page to another, in the order of the old one, those of meaning first."""
    changes = [*_operations(old, new), *_sentences(None, old.sentences, new.sentences)]
    changes += [
        Change(
            kind="wording", operation="", part="page", name=name, before=getattr(old, name), after=getattr(new, name)
        )
        for name in ("title", "source", "provider")
        if getattr(old, name) != getattr(new, name)
    ]
    known = {" ".join(each.text.split()) for each in old.unread}
    changes += [
        Change(
            kind="meaning", operation="", part="not understood", name=each.section, after=each.text, effect="unknown"
        )
        for each in new.unread
        if " ".join(each.text.split()) not in known
    ]
    return tuple(sorted(changes, key=lambda change: change.kind))


def _operations(old: Page, new: Page) -> Iterator[Change]:
    for before, after in _paired(old.operations, new.operations):
        if before is not None and after is not None:
            yield from _facts(before, after)
            yield from _sentences(before, before.sentences, after.sentences)
        elif before is not None:
            rests = tuple(dict.fromkeys(each for fact in facts(before) for each in clauses_on(before, fact)))
            yield _whole(before, before=f"{before.method} {before.path}", effect="breaking", clauses=rests)
        elif after is not None:
            yield _whole(after, after=f"{after.method} {after.path}", effect="widening")


def _whole(operation: Operation, **sides: Any) -> Change:
    """An operation that came or went."""
    name = operation_name(operation.path)
    return Change(kind="meaning", operation=name, part="operation", name=name, **sides)


def _paired(old: Iterable[Operation], new: Iterable[Operation]) -> list[tuple[Operation | None, Operation | None]]:
    """Which operation of the old page is which of the new one: that of its path, else of its heading, else the only one left of its parameters."""
    left = list(new)
    pairs: list[tuple[Operation | None, Operation | None]] = []
    unpaired = list[Operation]()
    for each in old:
        if (
            found := next((other for other in left if (other.method, other.path) == (each.method, each.path)), None)
        ) is None:
            unpaired.append(each)
        else:
            left.remove(found)
            pairs.append((each, found))
    for each in unpaired:
        found = next((other for other in left if _same(each, other)), None)
        if found is not None:
            left.remove(found)
        pairs.append((each, found))
    order = list(old)
    pairs.sort(key=lambda pair: order.index(pair[0]) if pair[0] is not None else 0)
    return [*pairs, *((None, each) for each in left)]


def _same(old: Operation, new: Operation) -> bool:
    if old.path == new.path or (old.group, old.title) == (new.group, new.title):
        return True
    names, others = ({each.name for each in operation.parameters} for operation in (old, new))
    return old.title == new.title and len(names & others) * 2 > len(names | others)


def _facts(before: Operation, after: Operation) -> Iterator[Change]:
    olds, news = ({fact.key: fact for fact in facts(operation)} for operation in (before, after))
    changed = set[str]()
    for key in dict.fromkeys([*olds, *news]):
        old, new = olds.get(key), news.get(key)
        part, name, attribute = key
        whole = (part, name, "")
        if attribute and (whole in olds) != (whole in news):
            continue  # the parameter, field or sample itself came or went
        change = partial(Change, operation=operation_name(before.path), part=part, name=name, attribute=attribute)
        if old and new is None and _is_reworded(old, news.get((part, name, "description"))):
            continue
        is_same = old is not None and new is not None and (old.meaning == new.meaning or _is_reworded(old, new))
        is_told = part == "parameter" and attribute == "description" and name in changed  # by one of its rules
        if is_same or is_told or part == "example":
            texts = [each.text if each else None for each in (old, new)]
            is_presence = old is not None and old.meaning == PRESENT
            if not is_presence and _squeezed(texts[0]) != _squeezed(texts[1]):
                yield change(kind="wording", before=texts[0], after=texts[1])
            continue
        if part == "parameter":
            changed.add(name)
        support, effect = _support(before, old), _effect(key, old, new)
        yield change(kind="meaning", before=_shown(old), after=_shown(new), effect=effect, **support)


def _is_reworded(old: Fact, description: Fact | None) -> bool:
    """Whether a description commits to the same in words from which the rule was not read."""
    return (
        bool(old.commits)
        and description is not None
        and description.attribute == "description"
        and old.commits == description.commits
    )


def _support(operation: Operation, fact: Fact | None) -> dict[str, Any]:
    return {"clauses": clauses_on(operation, fact), "policy": policy_on(operation, fact)} if fact else {}


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").replace("\\", "").split())


def _shown(fact: Fact | None) -> Any:
    """The value of a fact, or the words of the page where the value is their meaning."""
    if fact is None:
        return None
    if fact.part == "parameter" and fact.attribute not in ("", "type", "description", "conditions", "default"):
        return fact.meaning
    return list(fact.meaning) if fact.part == "polling" else fact.text


def _effect(
    key: tuple[str, str, str], old: Fact | None, new: Fact | None
) -> Literal["breaking", "widening", "unknown"]:
    part, _, attribute = key
    if part in ("request", "status route", "webhook", "header", "authentication"):
        return "breaking"
    if part != "parameter":
        return "breaking" if new is None else "unknown"
    if not attribute:
        return "breaking" if new is None or new.row.split(" | ")[1] == "Yes" else "widening"
    before, after = (each.meaning if each else None for each in (old, new))
    if attribute == "required":
        return "breaking" if after else "widening"
    if attribute not in _BOUNDS:
        return "unknown"
    if before is None or after is None:
        return "widening" if after is None else "breaking"
    if attribute in ("enumeration", "formats"):
        return "widening" if set(before) <= set(after) else "breaking"
    return "widening" if (after > before) == (attribute in _UPPER) else "breaking"


def _sentences(operation: Operation | None, old: Iterable[Sentence], new: Iterable[Sentence]) -> Iterator[Change]:
    """What changed in the free sentences of each section: their order, and how they are cut into paragraphs, do not matter."""
    olds, news = _by_section(old), _by_section(new)
    said, says = ({each for texts in found.values() for each in texts} for found in (olds, news))
    for section in dict.fromkeys([*olds, *news]):
        were, are = olds.get(section, []), news.get(section, [])
        has_same_atoms = _atoms(were) == _atoms(are)
        name = operation_name(operation.path) if operation else ""
        change = partial(Change, operation=name, part="sentence", name=section)
        gone, came = [each for each in were if each not in says], [each for each in are if each not in said]
        for was, now in _matched(gone, came):
            is_caption = section == "request code"  # the names of the languages of the samples
            if has_same_atoms or is_caption or atoms(was or "") == atoms(now or ""):
                yield change(kind="wording", before=was, after=now)
            else:
                fact = Fact("sentence", section, "", None, was, section) if was else None
                rests = _support(operation, fact) if operation else {}
                yield change(kind="meaning", before=was, after=now, effect="unknown", **rests)


def _by_section(found: Iterable[Sentence]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in found:
        texts.setdefault(each.section, []).extend(sentences(each.text))
    return texts


def _atoms(texts: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*map(atoms, texts))


def _matched(gone: list[str], came: list[str]) -> Iterator[tuple[str | None, str | None]]:
    """Each sentence that is no longer there with the one most like it that is new."""
    left = list(came)
    for was in gone:
        near = left[:_MOST_COMPARED]
        now = max(near, key=lambda each: SequenceMatcher(None, was[:500], each[:500]).ratio(), default=None)
        if now is not None:
            left.remove(now)
        yield was, now
    for now in left:
        yield None, now
