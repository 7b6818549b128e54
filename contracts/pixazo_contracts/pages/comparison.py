"""What changed between two versions of a page: changes that callers can notice, and changes of wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import partial
from typing import Any, Final, Literal

import msgspec

from .descriptions import sentences
from .facts import PRESENT, Fact, facts, operation_name
from .meaning import atoms
from .page import Operation, Page, Sentence
from .support import support

#: Attributes of a parameter that are upper bounds, and all that limit what callers may send.
_UPPER: Final = frozenset({"maximum", "max_length", "max_items", "max_bytes"})
#: How many new sentences are compared with an old one to find the most similar.
_MOST_COMPARED: Final = 40
Effect = Literal["breaking", "widening", "unknown"]
_BOUNDS: Final = _UPPER | {"minimum", "min_length", "min_items", "short_side_above", "enumeration", "formats"}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: of `operation` (its name; empty for the page as a whole) the `part` with its `name` and `attribute`.

    `kind` is `meaning` if callers can notice it, else `wording`. `effect` is `breaking` if a formerly correct caller can fail, `widening` if
    more is allowed than before, `unknown` otherwise, empty for wording. `before` and `after` are values or texts of the page, None if
    there is none. `clauses` and `policy` are the clauses and the policy fields that depend on the earlier text.
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
    """The changes from one version of a page to another, in the order of the old one, changes of meaning first."""
    changes = list[Change]()
    for before, after in _paired(old.operations, new.operations):
        one = before or after
        name = operation_name(one.path) if one else ""
        whole = partial(Change, kind="meaning", operation=name, part="operation", name=name)
        if before is not None and after is not None:
            changes += (*_facts(before, after), *_sentences(before, before.sentences, after.sentences))
        elif before is not None:
            rests = dict.fromkeys(each for fact in facts(before) for each in support(before, fact)["clauses"])
            changes.append(whole(before=f"{before.method} {before.path}", effect="breaking", clauses=tuple(rests)))
        elif after is not None:
            changes.append(whole(after=f"{after.method} {after.path}", effect="widening"))
    changes += _sentences(None, old.sentences, new.sentences)
    for name in ("title", "source", "provider"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            changes.append(Change(kind="wording", operation="", part="page", name=name, before=was, after=now))
    known = {" ".join(each.text.split()) for each in old.unread}
    unread = partial(Change, kind="meaning", operation="", part="not understood", effect="unknown")
    further = (each for each in new.unread if " ".join(each.text.split()) not in known)
    changes += (unread(name=each.section, after=each.text) for each in further)
    return tuple(sorted(changes, key=lambda change: change.kind))


def _paired(old: Sequence[Operation], new: Iterable[Operation]) -> list[tuple[Operation | None, Operation | None]]:
    """The operations of the old page with those of the new one: by path, else by heading, else the only one left with its parameters."""
    left, partners = list(new), dict[int, Operation]()
    for is_same in (_is_same_route, _is_like):
        for number, each in enumerate(old):
            found = next((other for other in left if number not in partners and is_same(each, other)), None)
            if found is not None:
                partners[number] = found
                left.remove(found)
    return [*((each, partners.get(number)) for number, each in enumerate(old)), *((None, each) for each in left)]


def _is_same_route(old: Operation, new: Operation) -> bool:
    return (old.method, old.path) == (new.method, new.path)


def _is_like(old: Operation, new: Operation) -> bool:
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
            continue  # the parameter, field or sample itself was added or removed
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
        rests = support(before, old) if old else {}
        yield change(kind="meaning", before=_shown(old), after=_shown(new), effect=_effect(key, old, new), **rests)


def _is_reworded(old: Fact, description: Fact | None) -> bool:
    """Whether a description commits to the same, in words from which the rule could not be read."""
    if description is None or description.attribute != "description":
        return False
    return bool(old.commits) and old.commits == description.commits


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").replace("\\", "").split())


def _shown(fact: Fact | None) -> Any:
    """The value of a fact, or the words of the page if the value is their meaning."""
    if fact is None:
        return None
    if fact.part == "parameter" and fact.attribute not in ("", "type", "description", "conditions", "default"):
        return fact.meaning
    return list(fact.meaning) if fact.part == "polling" else fact.text


def _effect(key: tuple[str, str, str], old: Fact | None, new: Fact | None) -> Effect:
    part, _, attribute = key
    if part in ("request", "status route", "status route header", "webhook", "header", "authentication"):
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
    """What changed in the free sentences of each section: their order and their division into paragraphs do not matter."""
    olds, news = _by_section(old), _by_section(new)
    said, says = ({each for texts in found.values() for each in texts} for found in (olds, news))
    for section in dict.fromkeys([*olds, *news]):
        were, are = olds.get(section, []), news.get(section, [])
        has_same_atoms = atoms(*were) == atoms(*are)
        name = operation_name(operation.path) if operation else ""
        change = partial(Change, operation=name, part="sentence", name=section)
        gone, came = [each for each in were if each not in says], [each for each in are if each not in said]
        for was, now in _matched(gone, came):
            is_caption = section == "request code"  # the names of the languages of the samples
            if has_same_atoms or is_caption or atoms(was or "") == atoms(now or ""):
                yield change(kind="wording", before=was, after=now)
            else:
                fact = Fact("sentence", section, "", None, was or "", section)
                rests = support(operation, fact) if operation and was else {}
                yield change(kind="meaning", before=was, after=now, effect="unknown", **rests)


def _by_section(found: Iterable[Sentence]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in found:
        texts.setdefault(each.section, []).extend(sentences(each.text))
    return texts


def _matched(gone: list[str], came: list[str]) -> Iterator[tuple[str | None, str | None]]:
    """Each removed sentence with the most similar new one."""
    left = list(came)
    for was in gone:
        near = left[:_MOST_COMPARED]
        now = max(near, key=lambda each: SequenceMatcher(None, was[:500], each[:500]).ratio(), default=None)
        if now is not None:
            left.remove(now)
        yield was, now
    for now in left:
        yield None, now
