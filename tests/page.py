"""The vendor's page, kept word for word, and the code blocks printed on it."""

from __future__ import annotations

import re
from pathlib import Path

from pixazo_contracts import pages

__all__ = ["IMAGE", "LANGUAGES", "PAGE", "TEXT", "as_read", "blocks", "sample", "sections"]

PAGE = Path(pages.__file__).with_name("data") / "hailuo.md"
IMAGE = "Image to Video"
TEXT = "Text to Video"
LANGUAGES = ("HTTP", "Python", "JavaScript", "cURL")
"""The order of the tabs under `Request Code`."""
_BLOCK = re.compile(r"^```\n(.*?)\n```$", re.DOTALL | re.MULTILINE)


def blocks(part: str, section: str) -> list[str]:
    """The code blocks under a heading of one of the page's two parts, in order."""
    page = PAGE.read_text(encoding="utf-8")
    after = page.split(f"\n### {part}\n", 1)[1]
    ours = re.split(rf"\n### (?:{IMAGE}|{TEXT})\n", after)[0]
    rest = re.split(rf"^\#{{2,3}} {re.escape(section)}$", ours, maxsplit=1, flags=re.MULTILINE)[1]
    return _BLOCK.findall(re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0])


def as_read(text: str) -> str:
    """Words as a reader of the page sees them: without markup, and its layout as single spaces."""
    return " ".join(re.sub(r"\\(?=_)|`|\*\*", "", text.replace(" | ", " ")).split())


def sections() -> dict[str, str]:
    """Heading -> the words that stand under it, as they are read; also by `HEADING (PART)`."""
    page = PAGE.read_text(encoding="utf-8")
    under: dict[str, str] = {}
    parts = re.split(r"^### .* to Video$", page, flags=re.MULTILINE)
    for part, text in zip(("", IMAGE, TEXT), parts, strict=True):
        for heading, words in re.findall(r"^#{2,3} (.*)\n([^#]*)", text, re.MULTILINE):
            for name in (heading, f"{heading} ({part})"):
                under[name] = under.get(name, "") + as_read(words)
    return under


def sample(part: str, language: str) -> str:
    """One tab of `Request Code`."""
    return blocks(part, "Request Code")[LANGUAGES.index(language)]
