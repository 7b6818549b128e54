"""Every snippet of the documentation runs."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from pixazo_contracts.cli import main as contracts_command
from pixazo_contracts.judge import ExitCode
from pixazo_contracts.trace import ProfileFile
from pixazo_simulator import Clock, Settings, Simulator
from pixazo_simulator.control import ROUTES
from pixazo_simulator.script import FAULTS
from tests.command import COMMAND, run_process
from tests.documentation import DOCS, ROOT, Block, blocks
from tests.patience import PATIENCE
from tests.tools import tool

FAST_SLEEP = Path(__file__).with_name("fast_sleep.py")
# The tutorial is followed from its first block to its last, in tests/test_tutorial.py.
RUN = {each.name: each for each in blocks() if each.file is None and not each.name.startswith("docs/tutorial-")}
PYTHON, SHELL = ({name: each.code for name, each in RUN.items() if each.language == it} for it in ("python", "bash"))
WITH_TESTS = {name: code for name, code in PYTHON.items() if "def test_" in code}
EXAMPLES = DOCS / "examples"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One simulator for all snippets; some of them name its first key."""
    with Simulator(Settings(clock=lambda: Clock.scaled(200))) as simulator:
        yield simulator


@pytest.fixture
def environment(simulator: Simulator) -> dict[str, str]:
    """Variables that lead to a world of the snippet's own, whose clock is 200 times as fast as time."""
    world = simulator.control().create_world(clock="x200")
    return os.environ | {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": str(world.api_key)}


@pytest.mark.slow
@pytest.mark.parametrize("code", [pytest.param(PYTHON[name], id=name) for name in PYTHON if name not in WITH_TESTS])
def test_a_python_snippet_runs_as_printed(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    """It runs to its end without a warning (with shorter pauses)."""
    place = tmp_path / "snippet.py"
    place.write_text(code, encoding="utf-8")
    ran = run_process(sys.executable, "-W", "error", FAST_SLEEP, place.name, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_python_snippets_with_tests_pass(environment: dict[str, str], tmp_path: Path) -> None:
    """Each of them is a file of one run of pytest, which makes errors of warnings."""
    for name, code in WITH_TESTS.items():
        (tmp_path / f"test_{re.sub('[^a-z0-9]', '_', name)}.py").write_text(code, encoding="utf-8")
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path))
    command = (sys.executable, "-W", "error", "-m", "pytest", *options)
    ran = run_process(*command, patience=4 * PATIENCE, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(WITH_TESTS) > 10


@pytest.mark.slow
def test_the_examples_pass(environment: dict[str, str], tmp_path: Path) -> None:
    """The tests in docs/examples are one run of pytest, which makes errors of warnings; each reads what stands beside it."""
    names = Counter(each.name for each in EXAMPLES.rglob("*.py") if each.name not in ("conftest.py", "__init__.py"))
    assert [name for name, count in names.items() if count > 1] == [], "two modules of one run have one name"
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    options = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path))
    ran = run_process(
        sys.executable, "-W", "error", "-m", "pytest", *options, patience=4 * PATIENCE, cwd=tmp_path, env=environment
    )
    assert ran.returncode == (0 if any(name.startswith("test_") for name in names) else 5), ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in SHELL.items()])
def test_a_shell_snippet_runs_as_printed(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Each command and each part of a pipe succeeds."""
    tool("curl")
    path = f"{Path(COMMAND).parent}{os.pathsep}{environment['PATH']}"
    direct = environment | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PATH": path}
    ran = run_process(tool("bash"), "-eu", "-o", "pipefail", "-c", code, cwd=tmp_path, env=direct)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("block", [pytest.param(each, id=each.name) for each in blocks() if each.file])
def test_a_block_that_shows_a_file_has_its_lines(block: Block) -> None:
    """It is the file that is named before it, or consecutive lines of it; one in Python is an example, which has tests."""
    file = ROOT / str(block.file)
    assert f"\n{block.code}" in f"\n{file.read_text(encoding='utf-8')}"
    example = [folder for folder in file.parents if EXAMPLES in folder.parents]
    assert block.language != "python" or any(next(folder.glob("test_*.py"), None) for folder in example)


def _read_yaml(text: str) -> None:
    yaml: Any = pytest.importorskip("yaml")
    assert list(yaml.safe_load_all(text))


def _read_javascript(text: str) -> None:
    checked = run_process(tool("node"), "--input-type=module", "--check", given=text)
    assert checked.returncode == 0, checked.stderr


READERS: dict[str, Callable[[str], object]] = {
    "ini": lambda text: configparser.ConfigParser().read_string(text),
    "javascript": _read_javascript,
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": _read_yaml,
}
RUN_OR_TEXT = {
    "", "python", "bash", "console", "sh", "text", "mermaid", "groovy", "http", "nginx", "dockerfile", "go", "typescript", "html", "diff",
    "java", "py",  # of containers: tests/containers runs the Python
}  # fmt: skip


@pytest.mark.parametrize(
    "block", [pytest.param(each, id=each.name) for each in blocks() if each.language not in RUN_OR_TEXT]
)
def test_a_block_is_of_its_language(block: Block) -> None:
    """Its reader reads it, where the block is not run; a language without a reader is named in RUN_OR_TEXT."""
    READERS[block.language](block.code)


CI = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")


def test_the_jobs_can_be_read() -> None:
    """The YAML is YAML with a schedule or a script, the brackets of the Groovy are closed, the profile is one."""
    yaml: Any = pytest.importorskip("yaml")
    github, tests, gitlab = (
        yaml.safe_load(code) for code in re.findall(r"^```yaml\n(.*?)^```$", CI, re.DOTALL | re.MULTILINE)
    )
    assert github[True]["schedule"][0]["cron"]  # `on` is a boolean of YAML 1.1
    assert github["concurrency"]["cancel-in-progress"] is False
    assert all("run" in step or "uses" in step for step in github["jobs"]["contract"]["steps"])
    assert any("--pixazo-mutants" in step.get("run", "") for step in tests["jobs"]["tests"]["steps"])
    assert gitlab["pixazo-contract"]["cache"]["when"] == "always"
    (groovy,) = re.findall(r"^```groovy\n(.*?)^```$", CI, re.DOTALL | re.MULTILINE)
    for opening, closing in ("{}", "()", "[]"):
        assert groovy.count(opening) == groovy.count(closing)
    (profile,) = re.findall(r"^```toml\n(.*?)^```$", CI, re.DOTALL | re.MULTILINE)
    assert msgspec.toml.decode(profile, type=ProfileFile).ceilings.month == 120


def test_the_commands_of_the_jobs_have_these_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command itself reads each of them, with the files that they name in place."""
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^ *(?:run: )?(pixazo-contracts .*)$", CI.replace("\\\n", " "), re.MULTILINE)
    read: list[str] = []
    for line in lines:
        name, *arguments = shlex.split(line.replace('"$most"', "6").replace("$STATE", "state"))[1:]
        for file in (word for word in arguments if word.endswith((".toml", ".ndjson"))):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).touch()
        command = contracts_command.get_command(click.Context(contracts_command), name)
        assert command
        with command.make_context(name, arguments) as context:
            read.append(name)
            assert context.params.get("max_generations", 6) == 6
    assert sorted(read) == ["diff", "diff", "diff", "plan", "run", "run", "run"]


def test_each_exit_code_says_what_the_job_is_to_do() -> None:
    """The table of the jobs has the codes of the command, no more and no less."""
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", CI, re.MULTILINE)] == list(ExitCode)


def test_the_control_routes_are_listed_with_their_methods() -> None:
    """All of them, in the order of the table, each with the method of ControlClient that is named after it."""
    page = (ROOT / "docs" / "reference" / "control.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]+) (/_sim\S*)` \| `(\w+)` \|", page, re.MULTILINE)
    snake = [(route.method, route.path, re.sub(r"(?=[A-Z])", "_", route.name).lower()) for route in ROUTES]
    assert listed == snake


# Not the folders of tools, such as .venv and build, which hold anything.
FOLDERS = [
    each
    for each in ROOT.iterdir()
    if each.is_dir() and each.name not in ("build", "dist") and (each.name[0] != "." or each.name == ".ci")
]
FILES = {
    f"/{each.relative_to(ROOT)}": each
    for each in chain(ROOT.iterdir(), *(folder.rglob("*") for folder in FOLDERS))
    if "__pycache__" not in each.parts
}


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_is_there(page: str) -> None:
    """A path in backticks ends a path of the checkout, a folder ends with a slash."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+(?:\.py|\.md|\.toml|\.sh|\.jinja|\.cjs|/))`", text))
    assert len(named) > 20
    assert [name for name in named if not any(path.endswith(f"/{name.rstrip('/')}") for path in FILES)] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_name_that_is_given_is_there(page: str) -> None:
    """Each word in backticks is one of the sources; a member is in a file that has its class, `name` in `file.py` in that file."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    words = {
        path: set(re.findall(r"\w+", f"{path} {file.read_text(encoding='utf-8')}"))
        for path, file in FILES.items()
        if file.suffix in (".cjs", ".ini", ".jinja", ".py", ".sh", ".toml")
    }
    quoted = "\n".join(re.findall(r"`([^`\n]+)`", text))
    assert set(re.findall(r"\w+", quoted)).difference(*words.values()) == set()
    members = re.findall(r"\b([A-Z]\w*)\.(\w+)", quoted)
    assert [names for names in members if not any(found.issuperset(names) for found in words.values())] == []
    placed = re.findall(r"`(?:\w+\.)?(\w+)` (?:in |\()`([\w/]+\.py)`", text)
    assert [
        (name, file)
        for name, file in placed
        if not any(name in found for path, found in words.items() if path.endswith(f"/{file}"))
    ] == []


@pytest.mark.parametrize(
    "package", ["simulator/pixazo_simulator", "simulator/pytest_pixazo", "contracts/pixazo_contracts"]
)
def test_a_wing_has_three_to_twelve_files(package: str) -> None:
    """Counted with its `__init__.py` and without those of its subfolders, as ARCHITECTURE.md says."""
    counted = Counter(path.rpartition("/")[0] for path in FILES if re.match(rf"/{package}/\w+/[^/]+\.\w+$", path))
    wings = {wing: count for wing, count in counted.items() if f"{wing}/__init__.py" in FILES}  # others hold data
    assert len(wings) > 4
    assert {wing: count for wing, count in wings.items() if not 3 <= count <= 12} == {}


def test_every_fault_of_callbacks_has_its_place_in_the_table() -> None:
    """With the rule that asks for it."""
    (table,) = re.findall(
        r"^## Faults of callbacks\n(.*?)^## ",
        (ROOT / "docs" / "how-to" / "webhooks.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    of_callbacks = [fault.__name__ for fault in FAULTS.values() if "webhook" in fault.applies_to]
    assert [name for name in of_callbacks if f"{name}(" not in table] == []
