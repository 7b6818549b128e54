"""Builds the docs site into build/site: assembles its pages, runs Zensical, and checks what it has made."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from tools.contents import DOCS, MERMAID, ROOT, START, Entry, contents, drawing

REPOSITORY = "https://github.com/pixazo-testkit/pixazo-testkit"
BUILD = ROOT / "build"
PAGES, SITE = BUILD / "pages", BUILD / "site"
_LINK = re.compile(r"(?P<code>^ *```.*?^ *```$|`[^`\n]+`)|(?<=\]\()(?P<target>[^)\s]+)(?=\))", re.DOTALL | re.MULTILINE)


def place(file: Path) -> Path | None:
    """Where a file of the checkout stands on the site, if it does."""
    if DOCS in file.parents:
        return PAGES / file.relative_to(DOCS)
    return next((PAGES / entry.place for entry in contents() if entry.page == file), None)


def page_text(page: Path) -> str:
    """A page whose links are those of the site, and those of the code host for what is not on it; diagrams are images."""
    here = place(page) or PAGES

    def linked(found: re.Match[str]) -> str:
        target, fragment = urldefrag(found["target"] or "")
        if found["code"] or not target or "://" in target:
            return found[0]
        file = (page.parent / unquote(target)).resolve()
        there = place(file)
        if there is None or not file.is_file():
            return f"{REPOSITORY}/{'tree' if file.is_dir() else 'blob'}/main/{file.relative_to(ROOT)}"
        return os.path.relpath(there, here.parent) + (f"#{fragment}" if fragment else "")

    def drawn(found: re.Match[str]) -> str:
        file = drawing(found[1])
        if not file.exists():
            raise SystemExit(f"{page.name}: a diagram has no {file.relative_to(ROOT)}: run python -m tools.diagrams")
        image = os.path.relpath(PAGES / file.relative_to(DOCS), here.parent)
        return f"[![Diagram]({image})]({image})"

    text = MERMAID.sub(drawn, _LINK.sub(linked, page.read_text(encoding="utf-8")))
    return f"---\nsearch: {{exclude: true}}\n---\n{text}" if page.name == "CHANGELOG.md" else text


def navigation(entries: list[Entry]) -> list[object]:
    """The entries as Zensical reads them: sections of pages and groups of pages."""
    sections: dict[str, dict[str, list[object]]] = {"Start": {"": [{"Start": "index.md"}]}}
    for each in entries:
        sections.setdefault(each.section, {}).setdefault(each.group, []).append({each.title: each.place})
    return [
        {section: [item for group, items in groups.items() for item in ([{group: items}] if group else items)]}
        for section, groups in sections.items()
    ]


class Page(HTMLParser):
    """The ids of a built page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.links, self.loaded = set[str](), set[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        loads = tag == "link" and given.get("rel") not in ("canonical", "edit", "next", "prev", "alternate")
        self.loaded |= {given["src"]} if "src" in given else {given["href"]} if loads and "href" in given else set()
        self.links |= {given["href"]} if "href" in given else set()


def problems() -> list[str]:
    """The links of the built pages that lead nowhere, and what a page loads from elsewhere."""
    built = {file: Page(file.read_text(encoding="utf-8")) for file in SITE.rglob("*.html")}
    found = list[str]()
    for file, page in built.items():
        found += [f"{file.relative_to(SITE)} loads {url}" for url in page.loaded if urlsplit(url).netloc]
        for url in page.links | page.loaded:
            path, fragment = urldefrag(url)
            if urlsplit(url).scheme or file.name == "404.html":
                continue
            there = (file.parent / unquote(path)).resolve() if path else file
            there = there / "index.html" if there.is_dir() else there
            if not there.exists() or (fragment and there in built and fragment not in built[there].ids):
                found.append(f"{file.relative_to(SITE)} links {url}")
    return sorted(found)


def main() -> None:
    """Build the site, or end with what is wrong."""
    entries = list(contents())
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, PAGES, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for page in [START, *(entry.page for entry in entries)]:
        there = place(page)
        assert there
        there.parent.mkdir(exist_ok=True)
        there.write_text(page_text(page), encoding="utf-8")
    nav = f"nav = {json.dumps(navigation(entries), separators=(', ', ' = '))}"
    config = (ROOT / "tools" / "zensical.toml").read_text(encoding="utf-8").replace("NAVIGATION", nav)
    (BUILD / "zensical.toml").write_text(config, encoding="utf-8")
    if subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", BUILD / "zensical.toml"], check=False
    ).returncode:
        raise SystemExit("the builder found what it shows above")
    for page in {entry.page for entry in entries if entry.page.parent == ROOT}:  # the one place that is not in docs/
        built = SITE / "project" / f"{page.stem.lower()}.html"
        text = built.read_text(encoding="utf-8")
        built.write_text(text.replace(f"/docs/project/{page.name.lower()}", f"/{page.name}"), encoding="utf-8")
    for page in PAGES.rglob("*.md"):
        shutil.copy(page, SITE / page.relative_to(PAGES))  # plain text for programs, as llms.txt says
    whole = [(START, "index.md"), *((entry.page, str(entry.page.relative_to(ROOT))) for entry in entries)]
    text = "\n\n".join(f"<!-- {name} -->\n\n{page.read_text(encoding='utf-8')}" for page, name in whole)
    (SITE / "llms-full.txt").write_text(text, encoding="utf-8")
    if wrong := problems():
        raise SystemExit("\n".join(wrong))
    print(f"{SITE}: {len(list(SITE.rglob('*.html')))} pages")


if __name__ == "__main__":
    main()
