"""Every snippet of the documentation runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixazo_simulator import Clock, Settings, Simulator
from pixazo_simulator.control import ROUTES
from tests.tools import tool

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HURRY = Path(__file__).with_name("fast_sleep.py")
SECONDS = 60


def snippets(block: re.Pattern[str]) -> Iterator[object]:
    for page in PAGES:
        for number, code in enumerate(block.findall(page.read_text(encoding="utf-8")), 1):
            yield pytest.param(code, id=f"{page.name}-{number}")


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with Simulator(Settings(clock=lambda: Clock.scaled(200))) as simulator:
        yield os.environ | {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": simulator.api_key}


@pytest.mark.parametrize("code", list(snippets(BLOCK)))
def test_a_python_snippet_runs_as_printed(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    """A snippet with tests passes under pytest, any other runs to its end (with shorter pauses)."""
    place = tmp_path / "test_snippet.py"
    place.write_text(code, encoding="utf-8")
    pytest_run = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    runner = pytest_run if "def test_" in code else [str(HURRY)]
    ran = subprocess.run(
        [sys.executable, "-W", "error", *runner, place.name],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("code", list(snippets(SHELL)))
def test_a_shell_snippet_runs_as_printed(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Each command and each part of a pipe succeeds."""
    tool("curl")
    direct = environment | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        [tool("bash"), "-eu", "-o", "pipefail", "-c", code],
        cwd=tmp_path, env=direct, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_control_routes_are_listed_with_their_methods() -> None:
    """All of them, in the order of the table, each with the method of ControlClient that is named after it."""
    page = (ROOT / "docs" / "control.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]+) (/_sim\S*)` \| `(\w+)` \|", page, re.MULTILINE)
    snake = [(route.method, route.path, re.sub(r"(?=[A-Z])", "_", route.name).lower()) for route in ROUTES]
    assert listed == snake


def test_every_page_is_reached_from_the_readme() -> None:
    """No page of the documentation is an orphan."""
    linked = {name for page in PAGES for name in re.findall(r"\(([\w/.-]+\.md)\)", page.read_text(encoding="utf-8"))}
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


def test_no_link_between_pages_is_broken() -> None:
    """Every relative link leads to a file."""
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
