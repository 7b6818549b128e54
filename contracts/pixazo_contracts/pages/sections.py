"""The sections of a page: the headings of the vendor's template, and the blocks below each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from .blocks import Block
from .page import COLUMNS, TABLES, TITLES, kind_of

#: The kind of a sample, by its first lines.
_SAMPLES: Final = (
    (r"\Ahttps?://\S+\Z", "base url"), (r"\APOST \S+.*[{]", "request code"), (r"\AGET \S+/status/", "endpoint"), (r"\Acurl ", "curl example"),
    (r"\AX-[\w-]+: https?://", "webhook"), (r"\A// [45]\d\d", "queue system errors"), (r"→|->", "status flow"),
    (r'"status": "COMPLETED"', "response (completed)"), (r'"status": "ERROR"', "error via status/webhook"), (r'"status": "QUEUED"', "output"),
    (r"\A[{]", "example request"),
)  # fmt: skip
#: An item of a list that is a row: `prompt` (string, required): what it is.
_ITEM: Final = re.compile(r"`?([^`:(]+?)`?\s*(?:\(([^)]*)\))?\s*(?::|\s[-—])\s+(.+)", re.DOTALL)

_NAMED: Final = re.compile(r"`?[\w.\[\]-]+`?\s*\([^)]*\)")


class Section(msgspec.Struct):
    """A heading as on the page, its name in the template (empty if none), its level, its line, and the blocks below it."""

    title: str
    kind: str
    level: int
    line: int
    blocks: list[Block] = []

    def code(self) -> list[Block]:
        """Its samples."""
        return [block for block in self.blocks if block.kind == "code"]


def sections(blocks: Iterable[Block]) -> Iterator[Section]:
    """The blocks by section, in order; the first one has no title."""
    current = Section("", "", 0, 1, [])
    for block in _unswallowed(blocks):
        # A parameter may be called webhook.
        may_be_title = block.kind == "heading" or (block.kind == "text" and block.text[:1].isupper())
        kind = kind_of(block.text) if may_be_title else ""
        if block.kind == "heading" or kind:
            yield _recognized(current)
            current = Section(block.text, kind, block.level, block.line, [])
        else:
            current.blocks.append(block)
    yield _recognized(current)


def _recognized(section: Section) -> Section:
    """The section, identified by its contents if its heading is not in the template."""
    if section.kind == "endpoint" and any(re.match(r"POST (?!\S*/status/)", block.text) for block in section.code()):
        section.kind = "request code"
    if section.title and not section.kind:
        code = next((block.text for block in section.code()), None)
        samples = (kind for pattern, kind in _SAMPLES if code is not None and re.search(pattern, code, re.DOTALL))
        names = {name.partition(" (")[0] for row in rows(section)[0][:1] for name in row.cells}
        section.kind = next(samples, "") or next((kind for columns, kind in TABLES.items() if names == {*columns}), "")
        if any("/status/" in block.text for block in section.blocks if block.kind == "item"):
            section.kind = "typical workflow"
    return section


def _unswallowed(blocks: Iterable[Block]) -> Iterator[Block]:
    """Code without a closing fence swallows the sections after it: a line that is a heading of the template ends it."""
    for block in blocks:
        if block.kind != "code":
            yield block
            continue
        lines, first = block.text.split("\n"), 0
        for number, line in enumerate(lines):
            if line and line[0].isupper() and kind_of(line) in TITLES and ":" not in line:
                if first < number:
                    yield msgspec.structs.replace(block, text="\n".join(lines[first:number]), line=block.line + first)
                yield Block("heading", line, block.line + number)
                first = number + 1
        if first < len(lines):
            yield msgspec.structs.replace(block, text="\n".join(lines[first:]), line=block.line + first)


class Row(NamedTuple):
    """A row of a table: the line at which it begins, and its cells by the names of their columns in lower case."""

    line: int
    cells: dict[str, str]


def _row(line: int, names: Iterable[str], cells: Iterable[str]) -> Row:
    """A row of these cells; backticks around them are layout, except in descriptions."""
    pairs = zip(names, cells, strict=False)
    return Row(line, {name: cell if name == "description" else cell.strip("`") for name, cell in pairs})


def rows(section: Section) -> tuple[list[Row], list[Block]]:
    """The rows of the table of a section, and the blocks that are not part of it.

    A table is rows with pipes; or cells that are paragraphs, after the names of the columns; or, below a first row with pipes, lines of
    code with tabs.
    """
    piped = [block for block in section.blocks if block.kind == "row"]
    rest = [block for block in section.blocks if block.kind != "row"]
    if not piped:
        table, others = _paragraphs(rest)
        return (table, others) if table else _listed(section, rest)
    names = [cell.casefold() for cell in piped[0].cells]
    cells = [(block.line, block.cells) for block in piped[1:]]
    if not cells:
        tabbed = [block for block in rest if block.kind == "code" and "\t" in block.text]
        cells = [(block.line, tuple(line.split("\t"))) for block in tabbed for line in block.text.split("\n")]
        rest = [block for block in rest if block not in tabbed]
    return [_row(line, names, (*each, *[""] * len(names))) for line, each in cells], rest


def _paragraphs(blocks: list[Block]) -> tuple[list[Row], list[Block]]:
    """The rows of a table whose cells are paragraphs."""
    begin = next((number for number, block in enumerate(blocks) if block.text in COLUMNS), len(blocks))
    names = list[str]()
    for block in blocks[begin:]:
        if block.kind != "text" or block.text not in COLUMNS or block.text.casefold() in names:
            break
        names.append(block.text.casefold())
    if not names:
        return [], blocks
    body = blocks[begin + len(names) :]
    end = next((number for number, block in enumerate(body) if block.kind != "text"), len(body))
    end -= end % len(names)
    found = [body[at : at + len(names)] for at in range(0, end, len(names))]
    table = [_row(each[0].line, names, [block.text for block in each]) for each in found]
    return table, [*blocks[:begin], *body[end:]]


def _unnested(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks; an item that has only a name and notes takes the next one, which is nested in it, as its description."""
    name: Block | None = None
    for block in blocks:
        if name and block.kind == "item" and not _NAMED.fullmatch(block.text):
            yield msgspec.structs.replace(name, text=f"{name.text}: {block.text}")
            name = None
            continue
        if name:
            yield name
        name = block if block.kind == "item" and _NAMED.fullmatch(block.text) else None
        if name is None:
            yield block
    if name:
        yield name


def _listed(section: Section, blocks: list[Block]) -> tuple[list[Row], list[Block]]:
    """The rows of a list in place of a table of the template."""
    names = next((columns for columns, kind in TABLES.items() if kind == section.kind), None)
    if names is None:
        return [], blocks
    table = list[Row]()
    blocks = list(_unnested(blocks))
    for block in blocks:
        if block.kind == "item" and (found := _ITEM.fullmatch(block.text)):
            notes = [each.strip() for each in (found[2] or "").split(",")]
            required = {"required": "Yes", "optional": "No"}
            type_ = next((each for each in notes if each not in required), "")
            is_required = next((required[each] for each in notes if each in required), "")
            cells = {"type": type_, "required": is_required, names[0]: found[1], names[-1]: found[3]}
            table.append(_row(block.line, names, [cells[name] for name in names]))
    return table, [block for block in blocks if block.line not in {row.line for row in table}]
