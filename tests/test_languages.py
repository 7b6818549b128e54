"""The package for JavaScript and the examples in other languages: each runs against a simulator, in the test runner of its language."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

import pixazo_simulator
from pixazo_simulator import Simulator
from tests.command import COMMAND, environment, run_process
from tests.patience import PATIENCE
from tests.tools import tool

ROOT = Path(__file__).parent.parent
PACKAGE, EXAMPLES = ROOT / "javascript", ROOT / "docs" / "examples"
PATH = f"{Path(COMMAND).parent}{os.pathsep}{os.environ['PATH']}"
TYPOS = """
import { Simulator } from "pixazo-testkit";
const simulator = Simulator.connect();
const world = await simulator.createWorld();
"""
WRONG = (
    'simulator.createWorld({ ballance: "0.50" })',
    'simulator.createWorld({ policy: { refunds: "eror" } })',
    'Simulator.start({ clock: "maual" })',
    'world.addRule({ when: "genrate", reply: { status: 429 } })',
    'world.addRule({ when: "generate", repyl: { status: 429 } })',
    'world.addRule({ when: "generate", match: { promt: "A bear" } })',
    'world.addRule({ when: "generate", match: { prompt: { contians: "bear" } } })',
    'world.addRule({ when: "status", faults: [{ fault: "conection_reset" }] })',
    'world.addRule({ when: "generate", end: { status: "FAILD" } })',
    'world.advance("15")',
    'world.journal({ opration: "status" })',
    "world.bill().spent",
    "simulator.journal()",
)
"""Calls with a mistake, each of which the types must show."""


def node_tests(folder: Path, *files: str | Path) -> str:
    """What the test runner of Node says of these files, which must all pass."""
    command = (tool("node"), "--test", "--test-reporter=tap", *files)
    ran = run_process(*command, cwd=folder, env=environment(PATH=PATH), patience=2 * PATIENCE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def project(folder: Path, example: str) -> Path:
    """A copy of an example into which the package is installed."""
    for file in (EXAMPLES / example).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "pixazo-testkit").symlink_to(PACKAGE)
    return folder


def compiler() -> str:
    """The TypeScript compiler that `npm ci` in javascript/ installs."""
    installed = PACKAGE / "node_modules" / ".bin" / "tsc"
    return str(installed) if installed.exists() else tool("tsc")


@pytest.mark.slow
def test_the_generated_files_are_current(tmp_path: Path) -> None:
    """To mend them run `.venv/bin/python tools/javascript.py`, then `npm run build` in javascript/."""
    for name in ("src", "types"):
        (tmp_path / name).mkdir()
    made = run_process(sys.executable, ROOT / "tools" / "javascript.py", tmp_path)
    assert made.returncode == 0, made.stderr
    for name in ("src/routes.js", "types/openapi.d.ts"):
        assert (PACKAGE / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_package_is_described_as_the_one_of_python() -> None:
    """Version and licence are the same; the lock file has no address of a registry, so that each installs from its own."""
    described = json.loads((PACKAGE / "package.json").read_bytes())
    lock = (PACKAGE / "package-lock.json").read_text(encoding="utf-8")
    versions = (described["version"], json.loads(lock)["version"], json.loads(lock)["packages"][""]["version"])
    assert set(versions) == {pixazo_simulator.__version__}
    assert "dependencies" not in described
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "://" not in lock


@pytest.mark.slow
def test_the_package_holds_what_users_need_and_nothing_else() -> None:
    """As npm would publish it."""
    packed = run_process(tool("npm"), "pack", "--dry-run", "--json", "--offline", cwd=PACKAGE)
    assert packed.returncode == 0, packed.stderr
    paths = {file["path"] for file in json.loads(packed.stdout)[0]["files"]}
    kept = {path.relative_to(PACKAGE).as_posix() for name in ("src", "types") for path in (PACKAGE / name).iterdir()}
    assert paths == kept | {"package.json", "README.md", "LICENSE"}


@pytest.mark.slow
def test_the_package_and_its_examples_work_in_node(tmp_path: Path) -> None:
    """The tests of the package, and those that users copy."""
    folder = project(tmp_path, "node")
    said = node_tests(folder, *PACKAGE.glob("test/*.test.js"), "render.test.mjs", "webhooks.test.mjs")
    assert re.search(r"^# pass 20$", said, re.MULTILINE), said


@pytest.mark.slow
def test_the_example_in_typescript_passes_and_mistakes_are_shown(tmp_path: Path) -> None:
    """Compiled as its tsconfig.json says; each wrong line would fail without the comment that expects it."""
    folder = project(tmp_path, "typescript")
    (folder / "node_modules" / "@types").symlink_to(PACKAGE / "node_modules" / "@types")
    lines = "".join(f"// @ts-expect-error\nawait {line};\n" for line in WRONG)
    (folder / "typos.ts").write_text(f"{TYPOS}{lines}", encoding="utf-8")
    compiled = run_process(compiler(), cwd=folder)
    assert compiled.returncode == 0, compiled.stdout
    assert "# pass 2" in node_tests(folder, "dist/render.test.js").splitlines()


@pytest.mark.slow
def test_the_declarations_are_those_of_the_sources(tmp_path: Path) -> None:
    """To mend them run `npm run build` in javascript/; the sources are correctly typed, too."""
    built = run_process(compiler(), "--outDir", tmp_path, cwd=PACKAGE)
    assert built.returncode == 0, built.stdout
    made = sorted(tmp_path.iterdir())
    assert len(made) == 5
    assert [path.name for path in made if path.read_bytes() != (PACKAGE / "types" / path.name).read_bytes()] == []


@pytest.mark.slow
def test_the_example_in_go_passes(simulator: Simulator, tmp_path: Path) -> None:
    """Without a network: it needs the standard library only."""
    offline = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOCACHE": str(tmp_path)}
    env = environment(PIXAZO_BASE_URL=simulator.url, **offline)
    ran = run_process(
        tool("go"), "test", "-v", "-vet=off", "./...", cwd=EXAMPLES / "go", env=env, patience=4 * PATIENCE
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("--- PASS") == 2


@pytest.mark.slow
def test_the_example_in_shell_passes(simulator: Simulator) -> None:
    """With curl, and the shell that scripts get by default."""
    tool("curl")
    env = environment(PIXAZO_BASE_URL=simulator.url)
    ran = run_process("sh", EXAMPLES / "shell" / "test_render.sh", env=env)
    assert (ran.returncode, ran.stdout) == (0, "ok\n"), ran.stderr
