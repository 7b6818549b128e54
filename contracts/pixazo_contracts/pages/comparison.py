"""What changed between two versions of a page: what callers can notice, and what is wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any, Final, Literal

import msgspec

from .descriptions import sentences
from .facts import Fact, facts, operation_name
from .meaning import atoms
from .page import Operation, Page
from .support import clauses_on, policy_on

__all__ = ["Change", "compare_pages"]

#: Sides of a parameter that are a bound from above, and those from below: lowering one narrows what callers may send.
_UPPER: Final = frozenset({"maximum", "max_length", "max_items", "max_bytes"})
_LOWER: Final = frozenset({"minimum", "min_length", "min_items", "short_side_above"})


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
    changes = [*_operations(old, new), *_sentences("", old.sentences, new.sentences, None)]
    changes += [
        Change(kind="wording", operation="", part="page", name=name, before=getattr(old, name), after=getattr(new, name))
        for name in ("title", "source", "provider")
        if getattr(old, name) != getattr(new, name)
    ]
    known = {" ".join(each.text.split()) for each in old.unread}
    changes += [
        Change(kind="meaning", operation="", part="not understood", name=each.section, after=each.text, effect="unknown")
        for each in new.unread
        if " ".join(each.text.split()) not in known
    ]
    return tuple(sorted(changes, key=lambda change: change.kind))


def _operations(old: Page, new: Page) -> Iterator[Change]:
    pairs = _paired(old.operations, new.operations)
    for before, after in pairs:
        if after is None:
            assert before is not None
            name = operation_name(before.path)
            rests = tuple(dict.fromkeys(each for fact in facts(before) for each in clauses_on(before, fact)))
            yield Change(
                kind="meaning", operation=name, part="operation", name=name, before=f"{before.method} {before.path}", effect="breaking",
                clauses=rests,
            )  # fmt: skip
        elif before is None:
            name = operation_name(after.path)
            yield Change(
                kind="meaning", operation=name, part="operation", name=name, after=f"{after.method} {after.path}", effect="widening"
            )
        else:
            yield from _facts(before, after)
            yield from _sentences(operation_name(before.path), before.sentences, after.sentences, before)


def _paired(old: Iterable[Operation], new: Iterable[Operation]) -> list[tuple[Operation | None, Operation | None]]:
    """Which operation of the old page is which of the new one: that of its path, else of its heading, else the only one left of its parameters."""
    left = list(new)
    pairs: list[tuple[Operation | None, Operation | None]] = []
    unpaired = list[Operation]()
    for each in old:
        if (found := next((other for other in left if (other.method, other.path) == (each.method, each.path)), None)) is None:
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
    name = operation_name(before.path)
    olds = {fact.key: fact for fact in facts(before)}
    news = {fact.key: fact for fact in facts(after)}
    for key in dict.fromkeys([*olds, *news]):
        old, new = olds.get(key), news.get(key)
        one = old or new
        assert one is not None
        whole = (one.part, one.name, "")
        if one.attribute and (whole in olds) != (whole in news):
            continue  # the parameter or field itself came or went
        if old is not None and new is not None and old.meaning == new.meaning:
            if old.meaning is not True and _squeezed(old.text) != _squeezed(new.text):
                yield Change(
                    kind="wording", operation=name, part=one.part, name=one.name, attribute=one.attribute, before=old.text, after=new.text
                )
            continue
        if one.part == "example":
            yield Change(kind="wording", operation=name, part=one.part, name=one.name, before=old and old.text, after=new and new.text)
            continue
        yield Change(
            kind="meaning",
            operation=name,
            part=one.part,
            name=one.name,
            attribute=one.attribute,
            before=_shown(old),
            after=_shown(new),
            effect=_effect(one, old, new),
            clauses=clauses_on(before, old) if old else (),
            policy=policy_on(before, old) if old else (),
        )


def _squeezed(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def _shown(fact: Fact | None) -> Any:
    """The value of a fact, or the words of the page where the value is their meaning."""
    if fact is None:
        return None
    if fact.part == "parameter" and fact.attribute not in ("", "type", "description", "conditions", "default"):
        return fact.meaning
    return list(fact.meaning) if fact.part == "polling" else fact.text


def _effect(fact: Fact, old: Fact | None, new: Fact | None) -> Literal["breaking", "widening", "unknown"]:
    before, after = old and old.meaning, new and new.meaning
    if fact.part in ("request", "status route", "webhook", "header", "authentication"):
        return "breaking"
    if fact.part != "parameter":
        return "unknown" if old and new else "breaking" if old else "unknown"
    if fact.attribute == "":
        return "breaking" if new is None or new.row.split(" | ")[1] == "Yes" else "widening"
    if fact.attribute == "required":
        return "breaking" if after else "widening"
    if fact.attribute in _UPPER | _LOWER:
        if before is None or after is None:
            return "widening" if after is None else "breaking"
        return "breaking" if (after < before) == (fact.attribute in _UPPER) else "widening"
    if fact.attribute in ("enumeration", "formats"):
        had, has = set(map(str, before or ())), set(map(str, after or ()))
        if not has or not had:
            return "widening" if not has else "breaking"
        return "breaking" if had - has else "widening"
    return "unknown"


def _sentences(operation: str, old: Iterable[Any], new: Iterable[Any], before: Operation | None) -> Iterator[Change]:
    """What changed in the free sentences of each section: their order, and how they are cut into paragraphs, do not matter."""
    olds, news = _by_section(old), _by_section(new)
    for section in dict.fromkeys([*olds, *news]):
        gone = [each for each in olds.get(section, []) if each not in news.get(section, [])]
        came = [each for each in news.get(section, []) if each not in olds.get(section, [])]
        same_meaning = _atoms(olds.get(section, [])) == _atoms(news.get(section, []))
        for was, now in _matched(gone, came):
            means = not same_meaning and atoms(was or "") != atoms(now or "")
            yield Change(
                kind="meaning" if means else "wording",
                operation=operation,
                part="sentence",
                name=section,
                before=was,
                after=now,
                effect="unknown" if means else "",
                clauses=clauses_on(before, Fact("sentence", section, "", None, was, section, was)) if means and before and was else (),
                policy=policy_on(before, Fact("sentence", section, "", None, was, section, was)) if means and before and was else (),
            )


def _by_section(found: Iterable[Any]) -> dict[str, list[str]]:
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
        now = max(left, key=lambda each: SequenceMatcher(None, was, each).ratio(), default=None)
        if now is not None:
            left.remove(now)
        yield was, now
    for now in left:
        yield None, now
