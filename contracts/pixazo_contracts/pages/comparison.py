"""What changed between two versions of a page: changes that callers can notice, with what depends on them, and changes of wording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from pixazo_contracts.clauses import CATALOGUE, Quote
from pixazo_contracts.trace import MODEL, is_array

from .descriptions import sentences
from .facts import PRESENT, Fact, facts, operation_name
from .meaning import COMPARISONS, atoms
from .page import TITLES, Operation, Page, Sentence, kind_of

#: Attributes of a parameter that are upper bounds, and all that limit what callers may send.
_UPPER: Final = frozenset({"maximum", "max_length", "max_items", "max_bytes"})
#: How many new sentences are compared with an old one to find the most similar.
_MOST_COMPARED: Final = 40
#: Sections at the end of an operation that are gone if a page was cut off.
_FEWEST_GONE: Final = 3
#: The sections inside another one.
_CONTAINED: Final = {"retrieving results": ("endpoint",), "error responses": ("queue system errors",)}
_SAMPLES: Final = {"insufficient_balance": "402", "model_not_found": "400"}
Effect = Literal["", "breaking", "widening", "unknown"]
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
    effect: Effect = ""
    clauses: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()


def compare_pages(old: Page, new: Page) -> tuple[Change, ...]:
    """The changes from one version of a page to another, in the order of the old one, changes of meaning first."""
    changes = list[Change](_cut(old, new))
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
        change = partial(Change, operation="", part="page", name=name, before=was, after=now)
        if was != now and (name == "source" or atoms(was) == atoms(now)):
            changes.append(change(kind="wording"))
        elif was != now:
            changes.append(change(kind="meaning", effect="unknown"))
    known = {" ".join(each.text.split()) for each in old.unread}
    unread = partial(Change, kind="meaning", operation="", part="not understood", effect="unknown")
    further = (each for each in new.unread if " ".join(each.text.split()) not in known)
    changes += (unread(name=each.section, after=each.text) for each in further)
    return tuple(sorted(changes, key=lambda change: change.kind))


def _cut(old: Page, new: Page) -> Iterator[Change]:
    """A remark if a page seems to end too early: within a sample, or before the last sections of an operation."""
    cut = partial(Change, kind="meaning", operation="", part="page", name="end", effect="unknown")
    last = new.operations[-1]
    partner = next(
        (before for before, after in _paired(old.operations, new.operations) if after is last and before), last
    )
    had, has = ({TITLES.index(each) for each in _sections(operation)} for operation in (partner, last))
    gone = had - has
    if new.is_open and gone:
        yield cut(after="It ends within a sample: the page seems to be cut off.")
    elif len(gone) >= _FEWEST_GONE and has and min(gone) > max(has):
        where = f"Nothing was found behind the section {TITLES[max(has)]} of {last.path}"
        yield cut(after=f"{where}: the page seems to be cut off, or the fence of a sample is missing.")


def _sections(operation: Operation) -> set[str]:
    """The sections of the template of which something is left in an operation."""
    found = {fact.section for fact in facts(operation) if fact.meaning} | {each.section for each in operation.sentences}
    return found & {*TITLES} - {"request headers"}  # the sample of the request has headers, too


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
    changed: dict[str, list[Any]] = {}
    unread, told = _unread(before, after), set[str]()
    for key in dict.fromkeys([*olds, *news]):
        old, new = olds.get(key), news.get(key)
        part, name, attribute = key
        whole = (part, name, "")
        if attribute and (whole in olds) != (whole in news):
            continue  # the parameter, field or sample itself was added or removed
        change = partial(Change, operation=operation_name(before.path), part=part, name=name, attribute=attribute)
        if old and new is None and _is_reworded(old, news.get((part, name, "description"))):
            continue
        is_same = old is not None and new is not None and old.meaning == new.meaning
        is_told = attribute == "description" and old and new and _is_told(old, new, changed.get(name, []))
        if is_same or is_told or part == "example":
            texts = [each.text if each else None for each in (old, new)]
            is_presence = old is not None and old.meaning == PRESENT
            if not is_presence and _squeezed(texts[0]) != _squeezed(texts[1]):
                yield change(kind="wording", before=texts[0], after=texts[1])
            continue
        if part == "parameter":
            changed.setdefault(name, []).extend(each.meaning for each in (old, new) if each)
        rests = support(before, old) if old else {}
        said = news.get((part, name, "description"))
        is_replaced = old and said and new is None and (name in unread or said.commits - old.commits)
        effect = "unknown" if is_replaced else _effect(key, old, new)
        yield change(kind="meaning", before=_shown(old), after=_shown(new), effect=effect, **rests)
        told |= {name} if attribute == "description" else set()
    further = partial(Change, kind="meaning", operation=operation_name(before.path), part="parameter", effect="unknown")
    for name in [each for each in unread if each not in told]:
        yield from (further(name=name, attribute="not understood", after=each) for each in unread[name])


def _unread(before: Operation, after: Operation) -> dict[str, list[str]]:
    """The sentences about each parameter of both versions that are not understood, and commit to something else than any before."""
    known = {each.name: {atoms(text) for text in each.unread} for each in before.parameters}
    found = {
        each.name: [text for text in each.unread if atoms(text) not in known[each.name]]
        for each in after.parameters
        if each.name in known
    }
    return {name: texts for name, texts in found.items() if texts}


def _is_reworded(old: Fact, description: Fact | None) -> bool:
    """Whether a description commits to the same in words from which a condition was not read. Any other rule that is lost has changed."""
    if old.attribute != "conditions" or description is None:
        return False
    return bool(old.commits) and old.commits == description.commits


def _is_told(old: Fact, new: Fact, rules: Sequence[Any]) -> bool:
    """Whether the changes of rules already say what changed in a description: nothing else than numbers, bounds and values of theirs did."""
    values = atoms(*map(str, rules))
    return bool(rules) and all(
        each in values or each in COMPARISONS or re.search(r"\d", each) for each in old.commits ^ new.commits
    )


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
        required = "Yes" if new is None else new.row.split(" | ")[1]
        return "breaking" if required == "Yes" else "widening" if required == "No" else "unknown"
    before, after = (each.meaning if each else None for each in (old, new))
    if attribute == "required":
        return "unknown" if after is None else "breaking" if after else "widening"
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
