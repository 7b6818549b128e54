"""What `pixazo-sim mutants` and `pixazo-sim faults` list, and `serve` with one of them, or with a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.caller import Caller, over_http
from tests.command import Serving, mistake

from pixazo_simulator.cli.group import pixazo_sim
from pixazo_simulator.mutants import MUTANTS, VARIANTS
from pixazo_simulator.script import FAULTS

SCRIPT = """\
[[rules]]
when = "generate"
match.prompt = { contains = "bear" }
reply = { status = 429, retry_after = 2 }
times = 1
"""


def printed(*words: str) -> str:
    """What a command prints, on a terminal of 100 columns."""
    ran = CliRunner(env={"COLUMNS": "100"}).invoke(pixazo_sim, words)
    assert (ran.exit_code, ran.stderr) == (0, "")
    return ran.stdout


def test_the_mutants_are_a_line_each() -> None:
    """Name, clause (or that it is benign) and description, mutants first."""
    lines = [line.split() for line in printed("mutants").splitlines() if line.startswith("  ")]
    assert lines[0][:2] == ["base-path-renamed", "BASE-01"]
    assert lines[-1][:2] == ["callbacks-numbered", "benign"]
    assert len(lines) == len(MUTANTS) + len(VARIANTS)


@pytest.mark.parametrize(
    ("options", "variables"),
    [([], {"PIXAZO_SIM_MUTANT": "no-polling-url"}), (["--variant", "json-indented"], {})],
    ids=["mutant", "variant"],
)
def test_serve_is_what_it_was_asked_to_be(serve: Callable[..., Serving], options: list[str], variables: Any) -> None:
    """With the mutation, which the environment may name, or the variation, and no other difference."""
    serving = serve(*options, **variables)
    reply = Caller(over_http(serving.url), serving.key).generate()
    assert reply.status == 202
    assert ("polling_url" in reply.json()) == bool(options)
    assert (b"\n  " in reply.body) == bool(options)


def test_every_fault_is_listed() -> None:
    """With what it does, its parameters, and an example in Python and in TOML."""
    lines = printed("faults").splitlines()
    assert [line.split()[0] for line in lines if line and line[0] not in " U"] == list(FAULTS)
    assert "not_found_window  NotFoundWindow(seconds=3)" in lines
    at = lines.index('    pixazo.when("status").fault(NotFoundWindow(seconds=2))')
    assert lines[at + 1 : at + 3] == ["    [[rules]]", '    when = "status"']
    assert max(map(len, lines)) <= 100


def test_a_script_holds_in_every_world(serve: Callable[..., Serving], tmp_path: Path) -> None:
    """Each world counts for itself, those that open later too; the environment may name the file."""
    file = tmp_path / "script.toml"
    file.write_text(SCRIPT, encoding="utf-8")
    serving = serve("--open-keys", PIXAZO_SIM_SCRIPT=str(file))
    for key in (serving.key, "another-key"):
        caller = Caller(over_http(serving.url), key)
        responses = [caller.generate(prompt) for prompt in ("A cat", "A bear", "A bear")]
        assert [reply.status for reply in responses] == [202, 429, 202]
        assert responses[1].headers["retry-after"] == "2"


def test_a_mistake_in_a_script_is_reported_in_one_line(tmp_path: Path) -> None:
    """With file, line, key and the nearest known name; nothing is served."""
    file = tmp_path / "script.toml"
    file.write_text(SCRIPT.replace("times", "tiems"), encoding="utf-8")
    says = mistake("serve", "--port", "0", "--script", str(file))
    assert says.startswith(f"script {file}, line 5: rules[0].tiems: unknown field `tiems` (did you mean times?); known")
