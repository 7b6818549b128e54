"""What a page says, and what changed between two versions of it, as text, Markdown, JSON, or for GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, Literal

import msgspec

from pixazo_contracts.pages import Change, Operation, Page
from pixazo_contracts.trace import visible
from pixazo_html import Annotation, markdown_table

from .github import GitHub

#: The longest rendering of a value before or after, in characters; JSON has all of it.
_LONGEST: Final = 160


class PageDocument(Page, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:page:1"):
    """What `page read --format json` prints."""

    version: Literal[1] = 1


class PageDiffDocument(msgspec.Struct, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:page-diff:1"):
    """What `page diff` and `page check` print with `--format json`."""

    changes: tuple[Change, ...]
    version: Literal[1] = 1


def page_json(page: Page) -> str:
    return _json(PageDocument(**msgspec.structs.asdict(page)))


def _json(value: object) -> str:
    lines = msgspec.json.format(msgspec.json.encode(value), indent=2).decode().split("\n")
    return "\n".join(map(visible, lines)) + "\n"


def render_page(page: Page) -> str:
    """A page for a reader: each operation with its parameters, then what was not understood."""
    lines = [visible(page.title), *([visible(page.source)] if page.source else [])]
    for operation in page.operations:
        lines += ["", *_operation(operation)]
    unread = [(each.line, each.section, each.text) for each in page.unread]
    unread += [
        (parameter.line, f"{operation.path} {parameter.name}", text)
        for operation in page.operations
        for parameter in operation.parameters
        for text in parameter.unread
    ]
    lines += ["", f"not understood: {len(unread)}"]
    lines += [f"  line {line}, {visible(where)}: {_short(text)}" for line, where, text in sorted(unread)]
    return "\n".join(lines) + "\n"


def _operation(operation: Operation) -> Iterator[str]:
    yield f"{operation.method} {visible(operation.url)}  (line {operation.line})"
    for parameter in operation.parameters:
        required = {True: "required", False: "optional", None: "required or not is not said"}[parameter.required]
        rules = {name: value for name, value in msgspec.to_builtins(parameter.rules).items() if name != "conditions"}
        facts = ", ".join(f"{name} {_short(value)}" for name, value in rules.items())
        yield visible(f"  {parameter.name}: {parameter.type}, {required}{', ' if facts else ''}{facts}")
    said = {name: ", ".join(getattr(operation, name)) for name in ("codes", "statuses", "fields")}
    said |= {
        "flow": ", ".join(map(" -> ".join, operation.flow)),
        "status": f"{operation.status_method} {operation.status_url}".strip(),
        "webhook": operation.webhook_header,
        "polling": "every {} to {} seconds".format(*operation.polling) if operation.polling else "",
    }
    yield from (visible(f"  {name}: {text}") for name, text in said.items() if text)
    for name, price in operation.prices.items():
        yield visible(f"  price: {name}: {price}")


def render_page_changes(changes: Sequence[Change], form: str) -> str:
    if form == "json":
        return _json(PageDiffDocument(tuple(changes)))
    if form == "markdown":
        return "\n".join(_markdown(changes)) + "\n"
    lines = list[str]()
    for (kind, operation), group in groupby(changes, lambda change: (change.kind, change.operation)):
        lines.append(visible(f"{kind}, {operation or 'the page'}"))
        for change in group:
            lines.append(f"  {_thing(change)}{f'  [{change.effect}]' if change.effect else ''}")
            lines += [f"    before: {_short(change.before)}", f"    after:  {_short(change.after)}"]
            lines += (f"    {line}" for line in _support(change))
    return "\n".join([*lines, _counted(changes)]) + "\n"


def _markdown(changes: Sequence[Change]) -> list[str]:
    rows = (
        (change.kind, change.operation or "the page", _thing(change), _short(change.before), _short(change.after), change.effect,
         ", ".join((*change.clauses, *change.policy)))
        for change in changes
    )  # fmt: skip
    head = ("kind", "operation", "thing", "before", "after", "effect", "clauses and policy")
    return [_counted(changes), "", *markdown_table(head, rows)]


def page_github(changes: Sequence[Change]) -> GitHub:
    """A warning for each change of meaning, a notice for each of wording; the table is the summary."""
    annotations = [
        Annotation(
            level="warning" if change.kind == "meaning" else "notice",
            title=f"{change.operation or 'the page'}: {_thing(change)}",
            text="; ".join([f"{_short(change.before)} -> {_short(change.after)}", *_support(change)]),
        )
        for change in changes
    ]
    return GitHub(annotations, ["## The vendor's page", "", *_markdown(changes)])


def _thing(change: Change) -> str:
    name = f" {change.name}" if change.name and change.name != change.operation else ""
    return visible(f"{change.part}{name}{f', {change.attribute}' if change.attribute else ''}")


def _support(change: Change) -> list[str]:
    dependents = (("clauses", change.clauses), ("policy", change.policy))
    return [f"{name}: {', '.join(values)}" for name, values in dependents if values]


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = "nothing" if value in (None, "") else visible(" ".join(said.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _counted(changes: Sequence[Change]) -> str:
    if not changes:
        return "nothing changed"
    meaning, breaking = (sum(word in (each.kind, each.effect) for each in changes) for word in ("meaning", "breaking"))
    return f"changes of meaning: {meaning}, breaking: {breaking}; changes of wording: {len(changes) - meaning}"
