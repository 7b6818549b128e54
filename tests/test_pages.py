"""Every page of the documentation is reached, and every link leads somewhere."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.documentation import DOCS, PAGES, anchors, blocks, links, name_of

START = DOCS / "index.md"


def linked(page: Path) -> set[Path]:
    """The files that a page links."""
    return {(page.parent / urlsplit(target).path).resolve() for target in links(page) if "://" not in target}


def test_the_start_page_lists_every_page() -> None:
    """The navigation of the site and llms.txt are made of its tables: what it does not list would be found by nobody."""
    assert [name_of(page) for page in PAGES if DOCS in page.parents and page not in linked(START) | {START}] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES])
def test_no_link_is_broken(page: Path) -> None:
    """Every relative link leads to a file of the checkout, its fragment to a heading there; every other one is of https."""
    broken = list[str]()
    for target in links(page):
        there = urlsplit(target)
        file = (page.parent / unquote(there.path)).resolve() if there.path else page
        if there.scheme:
            held = re.fullmatch(r"https://[\w-]+(\.[\w-]+)+(/\S*)?", target) or there.hostname in (
                "127.0.0.1",
                "localhost",
            )
        elif there.fragment and file.suffix == ".md":
            held = file in PAGES and there.fragment in anchors(file)
        else:
            held = file.exists()
        if not held:
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=name_of(page)) for page in PAGES if page.name != "CHANGELOG.md"]
)
def test_a_heading_stands_once_on_its_page(page: Path) -> None:
    """The anchor of a second one is numbered otherwise on a code host than on the site."""
    assert [anchor for anchor, count in Counter(anchors(page)).items() if count > 1] == []


def test_every_diagram_is_drawn() -> None:
    """The site shows an image of each, which `python -m tools.diagrams` draws: no page of it loads a script from elsewhere."""
    hashes = {hashlib.sha256(each.code.encode()).hexdigest()[:12] for each in blocks() if each.language == "mermaid"}
    assert {f"diagram-{each}.svg" for each in hashes} == {each.name for each in (DOCS / "images").glob("diagram-*")}
