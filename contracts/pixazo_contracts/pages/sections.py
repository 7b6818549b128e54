"""The sections of a page: its Markdown as blocks, each with its line, and the blocks below each heading of the vendor's template.

The vendor publishes tables with every cell on lines of its own; copies of the rendered page have pipe tables, some without their
delimiter row, and samples that lost their fences. `reader` decides what a block means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise, takewhile
from typing import Final, Literal, NamedTuple

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .page import COLUMNS, PRICE, PRICED, TABLES, TITLES, is_required, kind_of

#: Pipe tables are read here, line by line: the parser's rule wants a delimiter row, and drops the cells after `string|null`.
_MARKDOWN: Final = MarkdownIt("commonmark")
#: Typographic quotation marks, dashes and spaces as those of a keyboard; a dash between words stays.
TYPOGRAPHY: Final = str.maketrans({
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "‑": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "：": ":",
    "\u200b": "", "\ufeff": "", "\u00ad": "",
})  # fmt: skip
#: A size such as `832*480` is not emphasis.
_TIMES: Final = re.compile(r"(?<=\d)\*(?=\d)")
#: Tags that are layout, as those of components are (`<Callout type="info">`), and bullets of lists that Markdown does not know.
_TAG: Final = re.compile(
    r"</?(?:(?:a|abbr|b|br|code|details|div|em|i|img|kbd|p|small|span|strong|sub|summary|sup|table|tbody|thead|u)\b"
    r"|(?-i:[A-Z][a-z]+[A-Za-z]*)(?=\s*/?>|\s+\w+=))[^<>]*>",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"<[A-Z][a-z]+[A-Za-z]*>")
_BULLET: Final = re.compile(r"^([ \t]*)[•●▪‣◦○](?=\s)", re.MULTILINE)
#: What stands before and behind the words of a heading: its number, a picture; its anchor. A price is no picture.
_ORNAMENT: Final = re.compile(r"\A(?:\d{1,2}(?:\.\d+)*[.):]+\s+|[^\w`(\[{\"'<$€£]+)+|(?:\{#[^{}\s]*\}|¶)\s*\Z")
#: A number without a last dot: that of a version, unless a heading of the template follows.
_NUMBER: Final = re.compile(r"\A\d+(?:\.\d+)+\s+")
#: What no reader sees: values between two lines of dashes at the beginning, and in MDX the imports below them, and comments.
_UNSEEN: Final = re.compile(
    r"\A\ufeff?(?:---\r?\n(?:\w[\w-]*:.*\n(?:[ \t-].*\n)*?)*---[ \t]*\r?\n)?(?:\s*(?:import|export) .*\n)*"
    r"|^\{/\*(?:[^*]|\*(?!/))*\*/\}",
    re.MULTILINE,
)
_HTML_HEADING: Final = re.compile(r"^<h([1-6])\b[^<>]*>(.*?)</h\1>", re.MULTILINE | re.IGNORECASE)
_DELIMITERS: Final = re.compile(r"\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?")
#: A line that stands alone in its paragraph, like a heading of the template: a header, a URL, arrows.
_ALONE: Final = re.compile(r"[A-Z][\w-]*: [^.\s]\S*[^.\s]|`?https?://\S+|.*(?:→|->).*")
#: What may be the first line of a request, a command or a JSON value whose fence was lost.
_CODE: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (https?://|/)\S+( HTTP/\S+)?|curl .*|[{\[]|//\s.*")
#: The kind of a sample, by its first lines.
_SAMPLES: Final = (
    (r"\Ahttps?://\S+\Z", "base url"), (r"\APOST \S+.*[{]", "request code"), (r"\AGET \S+/status/", "endpoint"), (r"\A(?:curl|import|from|const|let|var|async|package|using|require|<\?php)\b", "curl example"),
    (r"\AX-[\w-]+: https?://", "webhook"), (r"\A(?://|#|/\*) ?[45]\d\d", "queue system errors"), (r"→|->", "status flow"),
    (r'"status": "COMPLETED"', "response (completed)"), (r'"status": "ERROR"', "error via status/webhook"), (r'"status": "QUEUED"', "output"),
    (r'\A[{].*"(?:status|request_id)":', "response"), (r'\A[{].*"error":', "error responses"), (r"\A[{]", "example request"),
)  # fmt: skip
#: What a sample looks like that may also be one of a callback, if the heading says so.
_OF_CALLBACKS: Final = frozenset(
    {"response", "response (completed)", "error via status/webhook", "output", "error responses"}
)
#: An item of a list that is a row: `prompt` (string, required): what it is.
_ITEM: Final = re.compile(r"`?([^`:(]+?)`?\s*(?:\(([^)]*)\))?\s*(?::|\s[-—])\s+(.+)", re.DOTALL)
_COLUMN: Final = re.compile(r"[A-Z][a-z]+(?: \w+)*[?]?")
_NAMED: Final = re.compile(r"`?[\w.\[\]-]+`?\s*\([^)]*\)")


class Block(msgspec.Struct, frozen=True):
    """One block: its `text` without marks except backticks, its first `line` (from 1), a row's `cells`; `is_open` without an end fence."""

    kind: Literal["heading", "text", "item", "code", "row"]
    text: str
    line: int
    cells: tuple[str, ...] = ()
    is_open: bool = False


def read_blocks(markdown: str) -> list[Block]:
    """The blocks of a page of Markdown, without what no reader sees."""
    body = _UNSEEN.sub(lambda found: "\n" * found[0].count("\n"), markdown)
    body = _HTML_HEADING.sub(lambda found: f"{'#' * int(found[1])} {found[2]}", body)
    return _joined(_blocks(_BULLET.sub(r"\1-", body)))


def without_comments(html: str) -> str:
    before, *others = html.split("<!--")
    return before + "".join(each.partition("-->")[2] for each in others)


def _blocks(markdown: str) -> Iterator[Block]:
    tokens = _MARKDOWN.parse(f"{markdown}\n")
    lists = 0
    for number, token in enumerate(tokens):
        lists += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        begin, end = token.map or (0, 0)
        line = begin + 1
        if token.type in ("fence", "code_block"):
            is_open = token.type == "fence" and end - line == token.content.count("\n")  # one line of marks, not two
            yield Block("code", token.content.rstrip("\n"), line, is_open=is_open)
        elif token.type == "html_block":
            outside, *parts = re.split("(?i)<tr\\b", without_comments(token.content))
            for row, *rest in (re.split("(?i)</tr>", part, maxsplit=1) for part in parts):
                cells = (re.split("(?i)</t", cell.partition(">")[2])[0] for cell in re.split("(?i)<t[hd]\\b", row)[1:])
                yield Block("row", row, line, cells=_cells(" | ".join(cells)))
                outside += "".join(rest)
            if text := _TAG.sub(" ", outside).strip():
                yield Block("text", text, line)
        elif token.type == "inline":
            opening = tokens[number - 1]
            if opening.type == "heading_open" and opening.markup in "-=" and "|" in token.content:
                yield from _underlined(token, line)
            elif opening.type == "heading_open":
                yield Block("heading", _plain(token), line)
            else:
                yield from _paragraph(token, line, "item" if lists else "text")


def _underlined(token: Token, line: int) -> Iterator[Block]:
    """What stands directly above a line of dashes: rows of a table, and below them perhaps a heading."""
    above, _, last = token.content.rpartition("\n")
    if last.startswith("|"):
        above, last = token.content, ""
    yield from _paragraph(_MARKDOWN.parseInline(above)[0], line, "text")
    if last:
        yield Block("heading", _plain(_MARKDOWN.parseInline(last)[0]), line + above.count("\n") + 1)


def _paragraph(token: Token, line: int, kind: Literal["text", "item"]) -> Iterator[Block]:
    """A paragraph, or the contents of its lines: rows of a table, headings of the template, headers and URLs, code without a fence."""
    lines = token.content.split("\n")
    plain = _plain(token).split("\n")
    if len(plain) != len(lines):  # a mark spans lines
        plain = [each.translate(TYPOGRAPHY) for each in lines]
    prose: list[str] = []
    # The rows of a table need no pipe at their ends if a line of dashes says that it is one.
    is_table = any("|" in each and _DELIMITERS.fullmatch(each) for each in lines)
    for number, (raw, text) in enumerate(zip(lines, plain, strict=True)):
        is_code, is_row = bool(_CODE.fullmatch(raw)), raw.startswith("|") or (is_table and "|" in raw)
        if prose and (is_code or is_row or _is_alone(text) or _is_alone(prose[-1])):
            yield Block(kind, " ".join(prose), line + number - len(prose))
            prose = []
        if is_code:
            yield Block("code", "\n".join(lines[number:]), line + number)
            return
        if not is_row:
            prose.append(text.strip())
        elif not _DELIMITERS.fullmatch(raw):
            yield Block("row", raw, line + number, cells=_cells(raw))
    if prose:
        yield Block(kind, " ".join(prose), line + len(lines) - len(prose))


def _is_alone(text: str) -> bool:
    return bool(_ALONE.fullmatch(text) or (text[:1].isupper() and kind_of(text)))


def _cells(row: str) -> tuple[str, ...]:
    """The cells of a row of a pipe table. In a row that has spaces beside pipes, a pipe without one belongs to its cell, as in `string|null`."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    parts = re.split(r"(?<!\\)\s\|(?=\s|$)|(?<!\\)\|\s", f" {inner} ")
    parts = parts if len(parts) > 1 else re.split(r"(?<!\\)\|", inner)
    return tuple(_plain(_MARKDOWN.parseInline(part.strip().replace("\\|", "|"))[0]) for part in parts)


def _plain(token: Token) -> str:
    """The text of a paragraph or heading: escapes and entities resolved, emphasis, links and tags of layout gone, code in backticks."""
    if _TIMES.search(token.content):
        token = _MARKDOWN.parseInline(_TIMES.sub(r"\\*", token.content))[0]
    around = {"code_inline": "`{}`", "softbreak": "\n", "hardbreak": "\n"}
    parts = list[str]()
    for each in token.children or ():
        # A reader sees `<Key>`, which nothing closes: a value goes there.
        is_name = _NAME.fullmatch(each.content) and f"</{each.content[1:]}" not in token.content
        if _TAG.fullmatch(each.content) and not is_name:
            parts.append(" ")
        elif each.type != "html_inline" or not each.content.startswith("<!--"):
            parts.append(around.get(each.type, "{}").format(each.content))
    return "".join(parts).translate(TYPOGRAPHY).strip()


def _joined(blocks: Iterable[Block]) -> list[Block]:
    """The blocks, with code that was split into paragraphs in one block: its brackets are still open."""
    joined = list[Block]()
    for block in blocks:
        last = joined[-1] if joined else block
        has_more = last is not block and last.kind == "code" and block.kind in ("code", "text")
        if has_more and sum(map(last.text.count, "{[")) > sum(map(last.text.count, "}]")):
            joined[-1] = msgspec.structs.replace(last, text=f"{last.text}\n{block.text}")
        else:
            joined.append(block)
    return joined


class Section(msgspec.Struct):
    """A heading as on the page, its name in the template (empty if none), its line, and the blocks below it."""

    title: str
    kind: str
    line: int
    blocks: list[Block] = []

    def code(self) -> list[Block]:
        return [block for block in self.blocks if block.kind == "code"]


def sections(blocks: Iterable[Block]) -> Iterator[Section]:
    """The blocks by section, in order; the first one has no title."""
    current = Section("", "", 1, [])
    for block in _unswallowed(blocks):
        # A parameter may be called webhook.
        may_be_title = block.kind == "heading" or (block.kind == "text" and re.match(r"[A-Z]|\S+ ", block.text))
        title = _ORNAMENT.sub("", block.text).strip() if may_be_title else ""
        kind = kind_of(_NUMBER.sub("", title))
        if block.kind == "heading" or kind:
            yield _recognized(current)
            current = Section(title, kind, block.line, [])
        else:
            current.blocks.append(block)
    yield _recognized(current)


def _recognized(section: Section) -> Section:
    """The section, identified by its contents if its heading is not in the template."""
    if section.kind == "endpoint" and any(re.match(r"POST (?!\S*/status/)", block.text) for block in section.code()):
        section.kind = "request code"
    if section.code() and re.match(r"[45]\d\d\b", section.title):
        section.kind = "queue system errors"
    if section.title and not section.kind:
        code = next((block.text for block in section.code()), None)
        samples = (kind for pattern, kind in _SAMPLES if code is not None and re.search(pattern, code, re.DOTALL))
        table = rows(section)[0]
        names = {name.partition(" (")[0] for row in table[:1] for name in row.cells}
        section.kind = next(samples, "") or next((kind for columns, kind in TABLES.items() if names == {*columns}), "")
        if not section.kind and any(PRICE.match(cell) for row in table for cell in row.cells.values()):
            section.kind = "pricing"
        if section.kind in _OF_CALLBACKS and re.search("(?i)^(?!.*status).*(?:webhook|callback)", section.title):
            section.kind = "webhook"
        if section.kind == "request headers" and "response" in section.title.casefold():
            section.kind = ""
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
    pairs = list(zip(names, cells, strict=False))
    given = [name for name, _ in pairs]
    order = next((columns for columns in TABLES if set(columns) <= set(given)), ())
    # In the order of the template; a column that it does not have comes before the last one.
    pairs.sort(key=lambda pair: order.index(pair[0]) if pair[0] in order[:-1] else len(order) + (pair[0] in order[-1:]))
    return Row(line, {name: cell if name == "description" else cell.strip("`") for name, cell in pairs})


def rows(section: Section) -> tuple[list[Row], list[Block]]:
    """The rows of a section's table (with pipes, as paragraphs, or with tabs below a first row of pipes), and the other blocks."""
    piped = [block for block in section.blocks if block.kind == "row"]
    rest = [block for block in section.blocks if block.kind != "row"]
    if not piped:
        table, others = (_priced if section.kind == "pricing" else _paragraphs)(rest)
        return (table, others) if table else _listed(section, rest)
    names = [cell.casefold().rstrip("? ") for cell in piped[0].cells]
    cells = [(block.line, block.cells) for block in piped if block.cells != piped[0].cells]
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
        name = block.text.rstrip("?")
        if block.kind != "text" or name not in COLUMNS or name.casefold() in names:
            break
        names.append(name.casefold())
    if not names:
        return [], blocks
    texts = [block.text for block in takewhile(lambda block: block.kind == "text", blocks[begin:])]
    known = len(names)
    width = next((width for width in range(known, known + 3) if _fits(texts, known, width)), known)
    names += map(str.casefold, texts[known:width])
    body, end = blocks[begin + width :], len(texts) - width
    bounds = [*range(0, end + 1, width)]
    if end % width and "required" in names:  # a description may be empty, or have several paragraphs
        before = names.index("required")
        starts = [at - before for at in range(before, end) if is_required(body[at].text) is not None]
        bounds = [*starts, min(starts[-1] + width, end)] if starts[:1] == [0] else bounds
    table = list[Row]()
    for at, following in pairwise(bounds):
        cells = [block.text for block in body[at:following]]
        table.append(_row(body[at].line, names, [*cells[: width - 1], " ".join(cells[width - 1 :])]))
    return table, [*blocks[:begin], *body[bounds[-1] :]]


def _fits(texts: list[str], known: int, width: int) -> bool:
    """Whether cells make rows of this width: the texts after the known names of columns look like names, each row begins with a word of its own."""
    first = texts[width : len(texts) // width * width : width]
    is_head = all(map(_COLUMN.fullmatch, texts[known:width]))
    return is_head and len({*first}) == len(first) and not any(" " in each or each in COLUMNS for each in first)


def _priced(blocks: list[Block]) -> tuple[list[Row], list[Block]]:
    """The rows of a table of prices whose cells are paragraphs, with any columns: it has as many as let its prices stand below each other."""
    cells = [block for block in blocks if block.kind == "text" and not block.text.endswith((".", ":"))]
    for width in range(2, 9):
        if len(cells) % width or len(cells) < 2 * width:
            continue
        names, *table = (cells[at : at + width] for at in range(0, len(cells), width))
        if any(PRICE.match(each.text) for each in names):
            continue
        columns = {at for at, name in enumerate(names) if PRICED.search(name.text)}
        columns |= {at for row in table for at, each in enumerate(row) if PRICE.match(each.text)}
        prices = [row[at].text for row in table for at in columns]
        are_prices = all(PRICE.match(each) or re.fullmatch(r"[\d.]+|\D*", each) for each in prices)
        if columns and 0 not in columns and are_prices:
            head = [each.text.casefold() for each in names]
            found = [_row(row[0].line, head, [each.text for each in row]) for row in table]
            return found, [block for block in blocks if block not in cells]
    return [], blocks


def _listed(section: Section, blocks: list[Block]) -> tuple[list[Row], list[Block]]:
    """The rows of a list in place of a table of the template."""
    names = next((columns for columns, kind in TABLES.items() if kind == section.kind), None)
    if names is None:
        return [], blocks
    table, taken = list[Row](), set[int]()
    for block, following in pairwise([*blocks, Block("text", "", 0)]):
        # An item that has only a name and notes is described by the next one, which is nested in it.
        is_outer = following.kind == "item" and _NAMED.fullmatch(block.text) and not _NAMED.fullmatch(following.text)
        text = f"{block.text}: {following.text}" if is_outer else block.text
        if block.kind == "item" and block.line not in taken and (found := _ITEM.fullmatch(text)):
            notes = [each.strip() for each in (found[2] or "").split(",")]
            required = {"required": "Yes", "optional": "No"}
            type_ = next((each for each in notes if each not in required), "")
            is_required = next((required[each] for each in notes if each in required), "")
            cells = {"type": type_, "required": is_required, names[0]: found[1], names[-1]: found[3]}
            table.append(_row(block.line, names, [cells[name] for name in names]))
            taken |= {block.line, following.line} if is_outer else {block.line}
    return table, [block for block in blocks if block.line not in taken]
