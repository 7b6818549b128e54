"""The vendor's page, kept word for word, and the code blocks printed on it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["IMAGE", "LANGUAGES", "TEXT", "blocks", "sample"]

PAGE = Path(__file__).with_name("vendor") / "hailuo.md"
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


def sample(part: str, language: str) -> str:
    """One tab of `Request Code`."""
    return blocks(part, "Request Code")[LANGUAGES.index(language)]
