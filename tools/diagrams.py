"""Draws the Mermaid diagrams of the pages as docs/images/diagram-HASH.svg, which the site shows: no page of it loads a script from elsewhere.

Needs npm, chromium and playwright (the extra `test`). What no page has any more is removed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile

from tools.contents import DOCS, MERMAID, contents, drawing

_PACKAGE = "mermaid@11.17.2"
_SETTINGS = {"theme": "neutral", "htmlLabels": False, "flowchart": {"htmlLabels": False}, "fontFamily": "sans-serif"}

_DRAW = """async ([source, settings]) => {
  mermaid.initialize(settings)
  document.body.innerHTML = (await mermaid.render("d", source)).svg
  document.body.firstChild.style.background = "white"
  return new XMLSerializer().serializeToString(document.body.firstChild)
}"""


def main() -> None:
    """Draw those that are not there."""
    from playwright.sync_api import sync_playwright

    pages = (entry.page.read_text(encoding="utf-8") for entry in contents())
    wanted = {drawing(source): source for text in pages for source in MERMAID.findall(text)}
    for file in set((DOCS / "images").glob("diagram-*.svg")) - set(wanted):
        file.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", folder, _PACKAGE], check=True)
        page = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]).new_page()
        page.add_script_tag(path=f"{folder}/node_modules/mermaid/dist/mermaid.min.js")
        for file, source in wanted.items():
            file.write_text(page.evaluate(_DRAW, [source, _SETTINGS]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
