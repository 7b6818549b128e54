"""What the documentation has, in the order of the tables in docs/index.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCS", "MERMAID", "ROOT", "SITE_URL", "START", "Entry", "contents", "drawing"]

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
START = DOCS / "index.md"
SITE_URL = "https://pixazo-testkit.github.io/pixazo-testkit/"
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ROW = re.compile(
    r"^(?P<level>##+) (?P<heading>.+)$|^\| (?:(?P<question>.+) \| )?\[(?P<title>[^]]+)\]\((?P<target>[^)#]+\.md)\) \|(?: (?P<has>.+) \|)?$",
    re.MULTILINE,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A page with its title in the navigation, one sentence about it, and the headings under which it is listed."""

    section: str
    group: str
    title: str
    page: Path
    about: str

    @property
    def place(self) -> str:
        """Where its Markdown stands on the site; pages of the root are in project/."""
        return (
            self.page.relative_to(DOCS).as_posix() if DOCS in self.page.parents else f"project/{self.page.name.lower()}"
        )


def contents() -> Iterator[Entry]:
    """The entries of the start page, each page where it stands first. Raises ValueError for a page of docs/ that has none."""
    section, group, listed = "", "", {START}
    for row in _ROW.finditer(START.read_text(encoding="utf-8")):
        if row["level"]:
            section, group = (row["heading"], "") if row["level"] == "##" else (section, row["heading"])
            continue
        page = (DOCS / row["target"]).resolve()
        if page in listed:
            continue
        listed.add(page)
        yield Entry(section, group, row["title"], page, row["question"] or row["has"])
    if missing := sorted({each for each in DOCS.rglob("*.md") if "node_modules" not in each.parts} - listed):
        names = ", ".join(str(page.relative_to(DOCS)) for page in missing)
        raise ValueError(
            f"docs/index.md has no row for {names}: add `| what it answers | [Title]({names}) |` to a table"
        )


def drawing(source: str) -> Path:
    """The image of a Mermaid diagram."""
    return DOCS / "images" / f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg"
