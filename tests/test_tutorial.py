"""The tutorial works as printed: its files are written, its commands run, and they print what it says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.command import environment, run_process, started
from tests.patience import until
from tests.servers import free_port
from tests.tools import tool

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(
    r"^(?:(?P<told>[^\n]*)`(?P<file>\w+\.py)`:\n\n```python|```console)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
INSTALLED = ("python3 -m venv", "pip install", ". .venv")
SERVERS = ("pixazo-sim serve", "flask")
VARYING = re.compile(r"minimax-hailuo-ai_[0-9a-f-]{36}|\d\d:\d\d:\d\d\.\d{3}|(?<= in )\d+\.\d+s")


def write(file: Path, told: str, text: str) -> None:
    """Do with a block what the words before it say: add it to the file, put it in the place of `hook`, or write the file."""
    if told.endswith("Add to "):
        text = f"{file.read_text(encoding='utf-8')}\n\n{text}"
    elif told.endswith("Replace `hook` in "):
        before = file.read_text(encoding="utf-8")
        start = before.index('@app.post("/hooks/pixazo")')
        text = before[:start] + text + before[before.index("\n\n\n", start) + 1 :]
    file.write_text(text, encoding="utf-8")


def steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block with the lines that it prints."""
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *printed = step.splitlines()
        yield command, printed


def missing(printed: list[str], output: str) -> list[str]:
    """The lines that are not in the output, whatever ids, instants and durations are; three dots stand for anything."""
    lines = VARYING.sub("*", output)
    patterns = {line: re.escape(VARYING.sub("*", line)).replace(r"\.\.\.", ".*") for line in printed}
    return [line for line, pattern in patterns.items() if not re.search(f"^{pattern}", lines, re.MULTILINE)]


class Reader:
    """Somebody who types what the page says, in this folder."""

    def __init__(self, folder: Path, running: ExitStack, **variables: str) -> None:
        self.followed = 0
        self._folder = folder
        self._running = running
        self._variables = environment(**variables)
        self._variables["PATH"] = f"{Path(sys.executable).parent}:{self._variables['PATH']}"
        self._video = ""

    def follow(self, command: str, printed: list[str]) -> None:
        """Type a command; what it prints must contain these lines."""
        self.followed += 1
        if command.startswith("export "):
            self._variables |= dict(re.findall(r"(\w+)=(\S+)", command))
        elif command.startswith(SERVERS):
            self._serve(command, printed)
        elif "/ID" in command:  # until the video is there
            until(lambda: not missing(printed, self._output(command)))
        else:
            output = self._output(command)
            assert missing(printed, output) == [], output
            self._video = next(iter(re.findall(r'"id": *"([^"]+)"', output)), self._video)

    def _output(self, command: str) -> str:
        ran = run_process("bash", "-c", command.replace("ID", self._video), cwd=self._folder, env=self._variables)
        return ran.stdout + ran.stderr

    def _serve(self, command: str, printed: list[str]) -> None:
        log = self._folder / command.split(maxsplit=1)[0]
        with log.open("wb") as output:
            streams = {"stdout": output, "stderr": output}
            self._running.enter_context(started(*command.split(), cwd=self._folder, env=self._variables, **streams))
        until(lambda: not missing(printed, log.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    """In an empty folder, with free ports in place of those that it names."""
    tool("curl")
    simulator, app = str(free_port()), str(free_port())
    page = re.sub(r"\b8900\b", simulator, re.sub(r"\b8000\b", app, PAGE.read_text(encoding="utf-8")))
    with ExitStack() as running:
        # Of plugins ours alone, as where nothing else is installed: to load those of our tests takes seconds.
        plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_pixazo.plugin"}
        reader = Reader(tmp_path, running, PIXAZO_SIM_PORT=simulator, PYTHONDONTWRITEBYTECODE="1", **plugins)
        for block in BLOCK.finditer(page):
            if block["file"]:
                write(tmp_path / block["file"], block["told"], block["text"])
                continue
            for command, printed in steps(block["text"]):
                if not command.startswith(INSTALLED):
                    reader.follow(command, printed)
    assert reader.followed == 10
