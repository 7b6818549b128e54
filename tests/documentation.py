"""The pages of the documentation as Markdown: their code blocks, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

__all__ = ["DOCS", "PAGES", "ROOT", "Block", "anchors", "blocks", "links", "name_of", "text_of"]

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(
    each
    for each in [*ROOT.glob("*.md"), ROOT / "javascript" / "README.md", *DOCS.rglob("*.md")]
    if "node_modules" not in each.parts
)
_BLOCK: Final = re.compile(
    r"(?:^ *<!-- file: (?P<file>\S+) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A code block; `name` is its page and its number there, counted from 1; `file` is the file of the checkout that it shows."""

    name: str
    language: str
    code: str
    file: str | None


@cache
def text_of(page: Path) -> str:
    """The source of a page."""
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    """The path of a page in the checkout, without its suffix."""
    return page.relative_to(ROOT).with_suffix("").as_posix()


@cache
def blocks() -> list[Block]:
    """The code blocks of all pages, without the indentation that a list gives them."""
    return [
        Block(
            f"{name_of(page)}-{number}",
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["code"], flags=re.MULTILINE),
            found["file"],
        )
        for page in PAGES
        for number, found in enumerate(_BLOCK.finditer(text_of(page)), 1)
    ]


@cache
def _parsed(page: Path) -> tuple[list[str], list[str]]:
    """The targets of the links and images of a page, and the texts of its headings."""
    targets, headings = list[str](), list[str]()
    tokens = MarkdownIt().enable("table").parse(text_of(page))
    for before, token in pairwise(tokens):
        children = token.children or []
        targets += (str(each.attrs[name]) for each in children for name in ("href", "src") if name in each.attrs)
        if before.type == "heading_open":
            headings.append("".join(each.content for each in children if each.type in ("text", "code_inline")))
    return targets, headings


def links(page: Path) -> list[str]:
    """The targets of the links and images of a page."""
    return _parsed(page)[0]


def anchors(page: Path) -> Iterator[str]:
    """The anchor of each heading, by the rule of GitHub."""
    for text in _parsed(page)[1]:
        yield re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
