"""Draws the Mermaid diagrams of the pages as docs/images/diagram-HASH.svg, which the site shows: no page of it loads a script from elsewhere.

Needs npm, chromium and playwright (the extra `test`). What no page has any more is removed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.contents import DOCS, contents

MERMAID = "mermaid@11.17.2"
_BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SETTINGS = {"theme": "neutral", "htmlLabels": False, "flowchart": {"htmlLabels": False}, "fontFamily": "sans-serif"}

_DRAW = """async ([source, settings]) => {
  mermaid.initialize(settings)
  document.body.innerHTML = (await mermaid.render("d", source)).svg
  document.body.firstChild.style.background = "white"
  return new XMLSerializer().serializeToString(document.body.firstChild)
}"""


def diagrams() -> Iterator[tuple[Path, str]]:
    """The file and the source of each diagram."""
    for entry in contents():
        for source in _BLOCK.findall(entry.page.read_text(encoding="utf-8")):
            yield DOCS / "images" / f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg", source


def main() -> None:
    """Draw those that are not there."""
    from playwright.sync_api import sync_playwright

    wanted = dict(diagrams())
    for file in set((DOCS / "images").glob("diagram-*.svg")) - set(wanted):
        file.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", folder, MERMAID], check=True)
        page = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]).new_page()
        page.add_script_tag(path=f"{folder}/node_modules/mermaid/dist/mermaid.min.js")
        for file, source in wanted.items():
            file.write_text(page.evaluate(_DRAW, [source, _SETTINGS]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
