"""A mutant for each change of meaning between this version's page and another one: `--pixazo-mutants=page:NEW.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from pixazo_simulator.mutants import Edits, Mutant, find_mutant
from pixazo_simulator.mutants.page import PageChange, edits_for
from pixazo_simulator.spec import nearest, shown

if TYPE_CHECKING:
    from pixazo_contracts.pages import Change, Page

PREFIX = "page:"
LONGEST_NAME = 60
MOST_CLAUSES = 4
"""Clauses that a sentence names."""

Found = tuple[PageChange, tuple[str, ...]]
"""A change, and the clauses that depend on it."""


def read_page_mutants(file: str) -> list[tuple[Mutant, str]]:
    """A mutant for each change of meaning, and why it cannot be tried (these last). Raises ValueError for unreadable pages."""
    try:
        from pixazo_contracts.pages import InvalidPageError, compare_pages, own_page, read_page
    except ImportError as error:
        raise ValueError(f"{PREFIX}{file} needs the extra: pip install 'pixazo-testkit[contracts]': {error}") from None
    try:
        old, new = read_page(own_page()), read_page(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{PREFIX}{file} cannot be read: {error.strerror}") from None
    except (InvalidPageError, UnicodeDecodeError) as error:
        raise ValueError(f"{PREFIX}{file} is not a page of the vendor: {error}") from None
    changes = [change for change in compare_pages(old, new) if change.kind == "meaning"]
    found = _paired(_merged(changes, old, new))
    names = list[str]()
    for change, _ in found:
        names.append(_name(change, names))
    mutants = (_mutant(name, *each) for name, each in zip(names, found, strict=True))
    return sorted(mutants, key=lambda each: each[1] != "")


def mutant_named(name: str) -> Mutant:
    """The mutant of this name, or that of `page:FILE:NAME`. Raises ValueError with the nearest known name."""
    if not name.startswith(PREFIX):
        return find_mutant(name)
    file, _, change = name.removeprefix(PREFIX).rpartition(":")
    known = {mutant.name: mutant for mutant, _ in read_page_mutants(file)}
    if (wanted := f"{PREFIX}{change}") not in known:
        raise ValueError(f"{PREFIX}{file} has no change {change!r}{nearest(wanted, tuple(known))}")
    return known[wanted]


def _merged(changes: Iterable[Change], old: Page, new: Page) -> list[Found]:
    """The changes as values; those that all operations share, or both samples of a 202, are one."""
    found = dict[PageChange, tuple[set[str], list[str]]]()
    for change in changes:
        values = {name: _plain(getattr(change, name)) for name in ("name", "attribute", "before", "after")}
        each = PageChange(operation="", part=change.part, **values)
        if each.part == "sample":
            name = re.sub(r" \d$", "", each.name)
            each = replace(each, name="accepted" if name in ("output", "response") else name)
        if each.part == "status flow":
            flows = [{" → ".join(arrow) for each in page.operations for arrow in each.flow} for page in (old, new)]
            each = replace(each, before=tuple(sorted(flows[0] - flows[1])), after=tuple(sorted(flows[1] - flows[0])))
        if each.part == "status" and any(
            source == each.name for operation in new.operations for source, _ in operation.flow
        ):
            each = replace(each, attribute="running" if each.before is None else "")
        operations, clauses = found.setdefault(each, (set(), []))
        operations.add(change.operation)
        clauses += change.clauses
    result = list[Found]()
    for each, (operations, clauses) in found.items():
        is_of_all = "" in operations or (each.part != "operation" and len(operations) == len(old.operations))
        for operation in [""] if is_of_all else sorted(operations):
            result.append((replace(each, operation=operation), tuple(dict.fromkeys(clauses))))
    return result


def _plain(value: Any) -> Any:
    """A value that can be compared and encoded: a sample on the page may contain an unpaired surrogate."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return tuple(_plain(each) for each in value) if _is_sequence(value) else value


def _is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _paired(found: Sequence[Found]) -> list[Found]:
    """The changes; something that was removed, and something like it that was added, is one that was renamed."""
    came = [each for each in found if each[0].before is None]
    result = list[Found]()
    for change, clauses in found:
        new = next((each for each in came if change.after is None and _is_renamed(change, each[0])), None)
        if new is not None:
            came.remove(new)
            to = new[0].attribute if _is_member(change) else new[0].name
            result.append((replace(change, after=new[0].after, to=to), clauses))
        elif change.before is not None:
            result.append((change, clauses))
    return [*result, *came]


def _is_member(change: PageChange) -> bool:
    return change.part == "sample" and change.attribute != ""


def _is_renamed(gone: PageChange, came: PageChange) -> bool:
    if (gone.operation, gone.part, _is_member(gone)) != (came.operation, came.part, _is_member(came)):
        return False
    if _is_member(gone):
        old, new = (each.attribute.removesuffix("[]") for each in (gone, came))
        same: bool = gone.before == came.after or old == new or old.startswith(f"{new}.") or new.startswith(f"{old}.")
        return gone.name == came.name and same
    match gone.part:
        case "header" | "status route header" | "authentication":
            about = (f"{each.name} {each.before} {each.after}" for each in (gone, came))
            keys = {re.search("key|token|auth", each, re.IGNORECASE) is not None for each in about}
            return keys == {True} or bool(gone.before == came.after)
        case "code":
            return bool(gone.before == came.after) or gone.name[:1] == came.name[:1]
        case "sample":
            return gone.name[:-3] == came.name[:-3]
        case "parameter" | "field":
            rows = {str(each).partition(" | ")[2] for each in (gone.before, came.after)}
            return gone.attribute == came.attribute == "" and len(rows) == 1  # a rule has no other name
        case "status":
            return bool(gone.before == came.after)
        case _:
            return False


def _name(change: PageChange, taken: Sequence[str]) -> str:
    operation = "" if change.part == "operation" else change.operation
    words = (operation, change.part, change.name, change.attribute)
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(filter(None, words)))[:LONGEST_NAME].strip("-")
    name, number = f"{PREFIX}{slug}", 2
    while name in taken:
        name, number = f"{PREFIX}{slug}-{number}", number + 1
    return name


def _mutant(name: str, change: PageChange, clauses: tuple[str, ...]) -> tuple[Mutant, str]:
    """The mutant of a change; values of the page are shown as Python writes them, in one line."""
    edits = edits_for(change)
    thing = " ".join(filter(None, (change.part, change.name, change.attribute)))
    old, new = (_value(value) for value in (change.before, change.after))
    if change.to:
        former = change.attribute if _is_member(change) else change.name
        old, new = shown(former), shown(change.to)
    named = ", ".join([*clauses[:MOST_CLAUSES], *(["..."] if len(clauses) > MOST_CLAUSES else [])])
    dependents = f" ({named})" if named else ""
    where = f"{change.operation}: " if change.operation else ""
    sentence = f"{shown(where + thing)[1:-1]}: {old} -> {new}{dependents}"
    edits, untried = (Edits(), edits) if isinstance(edits, str) else (edits, "")
    return Mutant(name, clauses[0] if clauses else "", sentence, edits), untried


def _value(value: Any) -> str:
    """A value of the page, or a word that says that there is none."""
    return "nothing" if value is None else shown(list(value) if _is_sequence(value) else value)
