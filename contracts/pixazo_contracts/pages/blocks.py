"""The blocks of a page, in order: headings, paragraphs, list items, code and rows of tables, each with its line.

The vendor publishes a page as Markdown whose tables have every cell on lines of its own; copies of the rendered page have pipe tables, some
without their delimiter row, and samples that lost their fences. `reader` decides what a block means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .page import kind_of

#: Pipe tables are read here, line by line: the parser's rule wants a delimiter row, and drops the cells after `string|null`.
_MARKDOWN: Final = MarkdownIt("commonmark")
#: Typographic quotation marks, dashes and spaces as those of a keyboard; a dash between words stays.
_TYPOGRAPHY: Final = str.maketrans({
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "‑": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "：": ":",
    "\u200b": "", "\ufeff": "",
})  # fmt: skip
#: A size such as `832*480` is not emphasis.
_TIMES: Final = re.compile(r"(?<=\d)\*(?=\d)")
_FENCE: Final = re.compile(r"^[ \t]*(`{3,}|~{3,})([^`\r\n]*)\r?$", re.MULTILINE)
_FRONT_MATTER: Final = re.compile(r"\ufeff?---\r?\n(?:[\w-]+:.*\n)*---[ \t]*\r?\n")
_DELIMITERS: Final = re.compile(r"\|?(\s*:?-{2,}:?\s*\|)*\s*:?-{2,}:?\s*\|?")
#: A line that stands alone in its paragraph, like a heading of the template: a header, a URL, arrows.
_ALONE: Final = re.compile(r"[A-Z][\w-]*: [^.\s]\S*[^.\s]|`?https?://\S+|.*(?:→|->).*")
#: What may be the first line of a request, a command or a JSON value whose fence was lost.
_CODE: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (https?://|/)\S+( HTTP/\S+)?|curl .*|[{\[]|//\s.*")


class Block(msgspec.Struct, frozen=True):
    """One block: its `text` without Markdown marks except backticks, and the 1-based `line` where it begins.

    A `row` has its `cells`; a heading has its `level`, 0 if it is a paragraph in bold.
    """

    kind: Literal["heading", "text", "item", "code", "row"]
    text: str
    line: int
    level: int = 0
    cells: tuple[str, ...] = ()


def read_blocks(markdown: str) -> list[Block]:
    """The blocks of a page of Markdown."""
    return list(_joined(_blocks(_without_front_matter(markdown))))


def _without_front_matter(markdown: str) -> str:
    """The page with empty lines in place of values between two lines of dashes at its beginning."""
    found = _FRONT_MATTER.match(markdown)
    return markdown if found is None else "\n" * found[0].count("\n") + markdown[found.end() :]


def without_comments(html: str) -> str:
    """A piece of HTML without its comments."""
    before, *others = html.split("<!--")
    return before + "".join(each.partition("-->")[2] for each in others)


def is_open(markdown: str) -> bool:
    """Whether a page ends within a sample: its last fence is not closed, and no heading follows it, as where one before it was lost."""
    fence, begin = "", 0
    for found in _FENCE.finditer(markdown):
        if not fence:
            fence, begin = found[1], found.end()
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return bool(fence) and "\n## " not in markdown[begin:]


def _blocks(markdown: str) -> Iterator[Block]:
    tokens = _MARKDOWN.parse(markdown)
    lists = 0
    for number, token in enumerate(tokens):
        lists += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        line = (token.map or [0])[0] + 1
        if token.type in ("fence", "code_block"):
            yield Block("code", token.content.rstrip("\n"), line)
        elif token.type == "html_block":
            if text := without_comments(token.content).strip():
                yield Block("text", text, line)
        elif token.type == "inline":
            opening = tokens[number - 1]
            if opening.type == "heading_open" and opening.markup in "-=" and "|" in token.content:
                yield from _underlined(token, line, int(opening.tag[1:]))
            elif opening.type == "heading_open":
                yield Block("heading", _plain(token), line, level=int(opening.tag[1:]))
            else:
                yield from _paragraph(token, line, "item" if lists else "text")


def _underlined(token: Token, line: int, level: int) -> Iterator[Block]:
    """What stands directly above a line of dashes: rows of a table, and below them perhaps a heading."""
    above, _, last = token.content.rpartition("\n")
    if last.startswith("|"):
        above, last = token.content, ""
    yield from _paragraph(_MARKDOWN.parseInline(above)[0], line, "text")
    if last:
        yield Block("heading", _plain(_MARKDOWN.parseInline(last)[0]), line + above.count("\n") + 1, level=level)


def _paragraph(token: Token, line: int, kind: Literal["text", "item"]) -> Iterator[Block]:
    """A paragraph, or the contents of its lines: rows of a table, headings of the template, headers and URLs, code without a fence."""
    lines = token.content.split("\n")
    plain = _plain(token).split("\n")
    if len(plain) != len(lines):  # a mark spans lines
        plain = [each.translate(_TYPOGRAPHY) for each in lines]
    prose: list[str] = []
    for number, (raw, text) in enumerate(zip(lines, plain, strict=True)):
        is_code, is_row = bool(_CODE.fullmatch(raw)), raw.startswith("|")
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
    """The cells of a row of a pipe table. A pipe without a space on either side belongs to its cell, as in `string|null`."""
    inner = row.strip().removeprefix("|").removesuffix("|")
    parts = re.split(r"(?<!\\)\s\|(?=\s|$)|(?<!\\)\|\s", f" {inner} ")
    return tuple(_plain(_MARKDOWN.parseInline(part.strip().replace("\\|", "|"))[0]) for part in parts)


def _plain(token: Token) -> str:
    """The text of a paragraph or heading: escapes and entities resolved, emphasis and links gone, code in backticks."""
    if _TIMES.search(token.content):
        token = _MARKDOWN.parseInline(_TIMES.sub(r"\\*", token.content))[0]
    around = {"code_inline": "`{}`", "softbreak": "\n", "hardbreak": "\n"}
    shown = (each for each in token.children or () if each.type != "html_inline" or not each.content.startswith("<!--"))
    parts = (around.get(child.type, "{}").format(child.content) for child in shown)
    return "".join(parts).translate(_TYPOGRAPHY)


def _joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks, with the lines of one paragraph in one block, and code that was split into paragraphs in one block."""
    waiting: Block | None = None
    for block in blocks:
        if waiting and waiting.kind == "code" and block.kind in ("code", "text") and _is_open(waiting.text):
            waiting = msgspec.structs.replace(waiting, text=f"{waiting.text}\n{block.text}")
            continue
        if waiting:
            yield waiting
        waiting = block
    if waiting:
        yield waiting


def _is_open(code: str) -> bool:
    """Whether brackets are still open at the end."""
    return sum(code.count(each) for each in "{[") > sum(code.count(each) for each in "}]")
