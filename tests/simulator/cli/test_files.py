"""`validate` and `schema`: what is wrong with the files of users, and the schemas by which editors complete and check them."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.schemas import SCHEMAS

from pixazo_simulator.cli.files.schemas import file_schema
from pixazo_simulator.cli.group import pixazo_sim
from pixazo_simulator.script import CALLS, EXAMPLES, script_from, script_problems
from pixazo_simulator.server import KINDS, problems
from pixazo_simulator.server.files import _policy_of  # pyright: ignore[reportPrivateUsage]
from pixazo_simulator.spec import Document, model_problems, points, problems_of

ROOT = Path(__file__).parents[3]
VALID = {kind: jsonschema_rs.validator_for(file_schema(kind)) for kind in KINDS}
CHECKS: Any = {"script": script_problems, "profile": partial(problems_of, read=_policy_of), "model": model_problems}
FORMS = {"toml": "TOML", "yaml": "YAML", "json": "JSON"}
MODEL = {"model": "m", "title": "M", "source": "x", "date": "2026-01-02", "label": "assumed"}
OPERATION = {"path": "/m/v1/go", "model_id": "m", "title": "Go", "output": "mp4"}


def snippets() -> list[tuple[str, str, str]]:
    """Page, form and text of every script, profile and model file in the documentation."""
    found: list[tuple[str, str, str]] = []
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for form, text in re.findall(
            r"^```(toml|yaml|json)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            if re.search(
                r"^\[\[rules\]\]|^\"?rules\"?:|^\[\[operations\]\]|^operations:|^extends\b|yaml-language-server|#:schema|\$schema",
                text,
                re.MULTILINE,
            ):
                found.append((page.name, FORMS[form], text))
    return found


def kind_of(data: dict[str, Any]) -> str:
    """Script, model or profile."""
    return "script" if "rules" in data else "model" if "operations" in data else "profile"


def as_json(data: Any) -> Any:
    """As a validator sees it: TOML has dates of its own."""
    return json.loads(json.dumps(data, default=lambda each: each.isoformat()))


@pytest.mark.parametrize(("page", "form", "text"), snippets())
def test_every_file_in_the_docs_is_valid(page: str, form: str, text: str) -> None:
    data = Document(text, form).data
    kind = kind_of(data)
    assert [*map(str, CHECKS[kind](data))] == []
    jsonschema_rs.validate(file_schema(kind), as_json(data))


def test_the_docs_have_such_files() -> None:
    """Of each kind, in each form."""
    found = snippets()
    assert {kind_of(Document(text, form).data) for _, form, text in found} == set(KINDS)
    assert {form for _, form, _ in found} == {"TOML", "YAML", "JSON"}


def test_every_model_that_comes_along_is_valid() -> None:
    for path in sorted((ROOT / "simulator/pixazo_simulator/spec/models").glob("*.toml")):
        assert problems(path, None) == ("model", []), path
        jsonschema_rs.validate(file_schema("model"), as_json(Document(path.read_text(encoding="utf-8"), "TOML").data))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_prints_what_is_published(kind: str) -> None:
    """And the schema has a description for every member at its top level."""
    printed = CliRunner().invoke(pixazo_sim, ["schema", kind]).output
    schema = json.loads(printed)
    assert schema == json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    if kind == "profile":
        assert [*schema["properties"]] == ["$schema", "extends", *points()]
        assert all(each["description"] for each in schema["properties"].values())


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("script", {"rule": []}), ("script", {"rules": [{"when": "genrate"}]}), ("script", {"rules": [{"times": 1}]}),
        ("script", {"rules": [{"when": "generate", "match": {"promt": "x"}}]}),
        ("script", {"rules": [{"when": "status", "match": {"duration": 6}}]}),
        ("script", {"rules": [{"when": "generate", "match": {"prompt": {"contans": "x"}}}]}),
        ("script", {"rules": [{"when": "generate", "match": {"prompt": {"contains": "x", "present": True}}}]}),
        ("script", {"rules": [{"when": "status", "end": {"status": "FAILED"}}]}),
        ("script", {"rules": [{"when": "webhook", "reply": {"status": 500}}]}),
        ("script", {"rules": [{"when": "status", "faults": [{"fault": "stuck"}]}]}),
        ("script", {"rules": [{"when": "generate", "then": [{"faults": [{"fault": "drop"}]}]}]}),
        ("script", {"rules": [{"when": "status", "faults": [{"fault": "delay", "second": 1}]}]}),
        ("script", {"rules": [{"when": "generate", "end": {"status": "DONE"}}]}),
        ("profile", {"cors": "of"}), ("profile", {"cor": "off"}), ("profile", {"extends": "observd"}), ("profile", {"price": None}),
        ("model", {**MODEL, "operations": [{**OPERATION, "output": "avi"}]}), ("model", {**MODEL, "operations": []}),
        ("model", {**MODEL, "operations": [{**OPERATION, "parameters": [{"name": "a b", "type": "string"}]}]}),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_schema_and_reader(kind: str, data: Any) -> None:
    assert not VALID[kind].is_valid(data)
    assert [*CHECKS[kind](data)] != []


OPERANDS = {"equals": 6, "contains": "x", "starts_with": "x", "ends_with": "x", "matches": "x+", "at_least": 1, "at_most": 2.5, "one_of": [1, "x"],
            "present": False, "all": [{"at_least": 1}, 7], "any": [], "not": {"equals": 1}}  # fmt: skip
RULES: list[dict[str, Any]] = [
    *(each.as_json() for each in EXAMPLES.values()),
    *({"when": when, "match": {"headers": {"x": 1}} if when != "webhook" else {"url": "x"}} for when in (*CALLS, "ltx/go")),
    *({"when": "generate", "match": {"prompt": {name: operand}, "body": {"x": None}}} for name, operand in OPERANDS.items()),
    {"when": "generate", "after": 1, "probability": 0.5, "since": 1, "until": "2031-01-01T00:00:00Z", "name": "x", "times": 2,
     "end": {"status": "FAILED", "error": "x", "queued": 1}, "then": [{"reply": {"status": 429, "retry_after": 2}}, {"end": {"progress": [["QUEUED", 1.5]]}}]},
    {"when": "status", "reply": {"status": 200, "json": [1], "headers": {"x": "y"}}, "then": [{"reply": {"status": 200, "text": "x"}}]},
    {"when": "submit", "end": {"after": 2}, "then": [{"end": {"progress": "polls:2"}}, {"faults": [{"fault": "stuck"}]}]},
    {"when": "media", "match": {"method": {"one_of": ["HEAD"]}, "age": 3}, "end": None, "reply": None, "times": None},
]  # fmt: skip
WORDS = ("", "x", "polls:2", "drop", "delay", "webhook", "status", "FAILED")
VALUES: tuple[Any, ...] = (*WORDS, None, True, 0, 1, 2.5, 10**7, -1, [], {}, ["x"], {"x": 1}, {"present": True})


@pytest.mark.parametrize("rule", RULES, ids=range(len(RULES)))
def test_whatever_a_rule_can_have_is_in_the_schema(rule: dict[str, Any]) -> None:
    """Every fault, word, operator and member."""
    assert [*map(str, script_problems({"rules": [rule]}))] == []
    jsonschema_rs.validate(file_schema("script"), {"rules": [rule]})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member and element in a value, at any depth: what has it, and its name or number."""
    kind = type(value).__name__
    keys: list[Any] = list(value) if kind == "dict" else list(range(len(value))) if kind == "list" else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@st.composite
def changed_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A right rule, in which a member or element at some depth was replaced, left out, renamed or added."""
    rule: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(RULES))))
    at, key = draw(st.sampled_from(places(rule)))
    value = draw(st.sampled_from(VALUES))
    names = ["when", "match", "reply", "end", "faults", "json", "status", "seconds", "x", "prompt", "url", "age"]
    match draw(st.sampled_from(["replace"] if isinstance(key, int) else ["replace", "leave out", "rename"])):
        case "leave out":
            del at[key]
        case "rename":
            at[draw(st.sampled_from(names))] = at[key] if draw(st.booleans()) else value
        case _:
            at[key] = value
    return rule


@pytest.mark.slow
@given(changed_rules())
def test_what_the_schema_of_scripts_refuses_the_reader_refuses(rule: dict[str, Any]) -> None:
    """Not the other way round: the reader also knows what excludes what, what is an instant, a pattern, an operation."""
    script = {"rules": [rule]}
    if not VALID["script"].is_valid(script):
        with pytest.raises(ValueError, match="script x, line"):
            script_from(json.dumps(script), "x", "JSON")


WRONG = """\
[[rules]]
when = 'genrate'
tmes = 3
[[rules]]
when = 'generate'
match.promt = 'x'
end.status = 'DONE'
"""


@pytest.mark.slow
def test_validate_tells_every_problem_with_its_line(tmp_path: Path) -> None:
    """One line each, with the nearest right name; a good file has its kind told, and the exit code is 1 if any is wrong."""
    files = {
        "script.toml": WRONG, "profile.yaml": "cors: off\nprice: 3\nretetion: forever\nextends: observd\n",
        "model.json": json.dumps({**MODEL, "operations": [{**OPERATION, "ouput": "mp4", "parameters": [{"name": "a b", "type": "txt"}]}]}, indent=1),
        "good.yml": "rules: [{when: status, faults: [{fault: hang}]}]", "broken.json": '{\n"rules": [', "strange.toml": "x = 1", "deep.toml": "rules = " + "[" * 100_000,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    paths = [*map(str, map(tmp_path.joinpath, files)), str(tmp_path / "missing.toml")]
    ran = CliRunner().invoke(pixazo_sim, ["validate", *paths])
    assert ran.exit_code == 1
    told = [line.removeprefix(f"{tmp_path}/") for line in ran.output.splitlines()]
    starts = [
        "script.toml:3: rules[0].tmes: unknown field `tmes` (did you mean times?)",
        "script.toml:2: rules[0].when: when 'genrate' is not one of",
        "script.toml:6: rules[1].match.promt: when 'generate' has no fact 'promt' (did you mean prompt?)",
        "script.toml:7: rules[1].end.status: end 'DONE' is not one of",
        "profile.yaml:2: policy field price: price '3' is not",
        "profile.yaml:3: policy field 'retetion' does not exist (did you mean retention?)",
        "profile.yaml:4: extends 'observd' is not one of documented, observed (did you mean observed?)",
        "model.json:13: operations[0].ouput: unknown field `ouput` (did you mean output?)",
        "model.json:16: operations[0].parameters[0].name 'a b': give a name such as prompt",
        "model.json:17: operations[0].parameters[0].type 'txt': give",
        "good.yml: a valid script",
        "broken.json:2: not valid JSON: Expecting value",
        "strange.toml: its keys match no script, profile or model",
        "deep.toml: is nested too deeply",
        "missing.toml: cannot be read: No such file or directory",
    ]
    assert sorted(start for start in starts if not any(line.startswith(start) for line in told)) == []
    assert len(told) == len(starts)
    good = CliRunner().invoke(pixazo_sim, ["validate", "--kind", "script", paths[3]])
    assert (good.exit_code, good.output) == (0, f"{paths[3]}: a valid script\n")
