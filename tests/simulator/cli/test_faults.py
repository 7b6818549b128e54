"""`pixazo-sim faults` and `pixazo-sim serve --script FILE`, as processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.caller import Caller, over_http
from tests.command import Serving, mistake, pixazo_sim

from pixazo_simulator.script import FAULTS, script_from

SCRIPT = """\
[[rules]]
when = "generate"
match.prompt = { contains = "bear" }
reply = { status = 429, retry_after = 2 }
times = 1
"""


def test_every_fault_is_listed() -> None:
    """With what it does, its parameters, and an example in Python and in TOML."""
    ended = pixazo_sim("faults", COLUMNS="100")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[0] for line in ended.stdout.splitlines() if line and line[0] not in " U"] == list(FAULTS)
    assert "not_found_window  NotFoundWindow(seconds=3)\n" in ended.stdout
    assert (
        '    pixazo.when("status").fault(NotFoundWindow(seconds=2))\n    [[rules]]\n    when = "status"\n'
        in ended.stdout
    )
    assert max(map(len, ended.stdout.splitlines())) <= 100


def test_the_list_can_be_read_by_machines() -> None:
    """The rule of each example is one that `/_sim` takes, and the one that its TOML means."""
    output = json.loads(pixazo_sim("faults", "--json").stdout)
    assert [each["fault"] for each in output] == list(FAULTS)
    assert {"fault", "name", "description", "applies_to", "parameters", "python", "toml", "rule"} == set(output[0])
    by_name = {each["fault"]: each for each in output}
    assert by_name["slow_drip"]["parameters"] == {"seconds": None, "pieces": 10}
    assert by_name["drop"]["applies_to"] == ["webhook"]
    for each in output:
        assert [rule.as_json() for rule in script_from(each["toml"], "x", form="TOML")] == [each["rule"]]


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


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("s.toml", SCRIPT.replace("times", "tiems"), "line 5: rules[0].tiems: unknown field `tiems` (did you mean times?); known members are"),
        ("s.json", '{"rules": [\n{"when": "status", "faults": [{"fault": "hagn"}]}]}', "line 2: rules[0].faults[0].fault: fault 'hagn' does not exist (did you mean hang?); known are "),
        ("s.toml", None, "cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_script_is_reported_in_one_line(
    tmp_path: Path, name: str, text: str | None, expected: str
) -> None:
    """With file, line, key and the nearest known name; nothing is served."""
    file = tmp_path / name
    if text is not None:
        file.write_text(text, encoding="utf-8")
    says = mistake("serve", "--port", "0", "--script", str(file))
    assert says.startswith(f"script {file}")
    assert expected in says
