"""What a release rests on: one version everywhere, a changelog that names it, and a description that leads somewhere."""

from __future__ import annotations

import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pixazo_simulator import __version__
from tests.command import run_process

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/pixazo-testkit/pixazo-testkit"
IN_DOCS = re.compile(r"pixazo[-_]testkit(?:/pixazo-testkit)?(?:\[\w+\])?(?:[-:@]v?|==|/v|\n\s+rev: v)(\d+\.\d+\.\d+)")
"""A version of ours that a page or an example has a user install."""


def text(name: str) -> str:
    """A file of the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def versions() -> list[tuple[str, str]]:
    """The versions that have a section in the changelog, and their days; the newest first."""
    return re.findall(r"^## \[(\d.*?)\] - (\d{4}-\d\d-\d\d)$", text("CHANGELOG.md"), re.MULTILINE)


def cited(field: str) -> str:
    """A field of CITATION.cff."""
    found = re.search(rf'^{field}: "?([^"\n]+)"?$', text("CITATION.cff"), re.MULTILINE)
    assert found
    return found[1]


def test_the_version_is_the_same_everywhere() -> None:
    """It is set in `pixazo_simulator`; citation, npm package, documents and examples follow."""
    found = {"CITATION.cff": cited("version")}
    if (package := ROOT / "javascript" / "package.json").exists():
        found["package.json"] = json.loads(package.read_text(encoding="utf-8"))["version"]
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.*")]:
        if page.suffix in (".md", ".yaml", ".yml", ".toml", ".txt") and page.name != "CHANGELOG.md":
            found |= {f"{page}: {each}": each for each in IN_DOCS.findall(page.read_text(encoding="utf-8"))}
    assert {place: version for place, version in found.items() if version != __version__} == {}


def test_the_changelog_has_this_version_first() -> None:
    """With the day of the citation."""
    if not versions():
        pytest.skip("no version has a section yet")
    assert versions()[0] == (__version__, cited("date-released"))


def test_every_heading_of_the_changelog_is_a_link() -> None:
    """To what has changed since the version before it."""
    if not versions():
        pytest.skip("no version has a section yet")
    numbers = [number for number, _ in versions()]
    wanted = [f"[Unreleased]: {REPOSITORY}/compare/v{numbers[0]}...HEAD"]
    wanted += [f"[{new}]: {REPOSITORY}/compare/v{old}...v{new}" for new, old in pairwise(numbers)]
    wanted += [f"[{numbers[-1]}]: {REPOSITORY}/releases/tag/v{numbers[-1]}"]
    assert re.findall(r"^\[.+\]: \S+$", text("CHANGELOG.md"), re.MULTILINE) == wanted


def test_the_long_description_leads_to_files_of_this_version() -> None:
    """On the package index a relative link leads nowhere."""
    ran = run_process(sys.executable, "-m", "hatchling", "metadata", cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    links = re.findall(r"\]\(([^)\s]+)", json.loads(ran.stdout)["readme"]["text"])
    assert [each for each in links if not each.startswith("https://")] == []
    places = [re.fullmatch(rf"https://\S+/v{re.escape(__version__)}/([^#]+)\S*", each) for each in links]
    files = [found[1] for found in places if found]
    assert len(files) > 20
    assert [each for each in files if not (ROOT / each).exists()] == []


def test_the_workflows_run_environments_of_tox() -> None:
    """A name that tox does not know would fail only on the code host."""
    known = {"py", *re.findall(r"^\[testenv:(\w+)\]", text("tox.ini"), re.MULTILINE)}
    workflows = "".join(file.read_text(encoding="utf-8") for file in (ROOT / ".github" / "workflows").glob("*.yml"))
    named = set(re.findall(r"tox -e (\w+)", workflows))
    assert {"docs", "package"} <= named <= known
