"""YAML files: scalars as YAML 1.2 means them, the line of each value, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.command import run_process
from tests.simulator.spec.test_positions import VALUES

from pixazo_simulator.server import problems, read_models, read_profile, read_script
from pixazo_simulator.spec import Document, InvalidTextError
from pixazo_simulator.spec.formats.yaml_text import MOST_VALUES


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, word) for word in ("off", "on", "no", "yes", "y", "No", "OFF", "none", "2026-03-31", "2026-03-31T10:00:00Z", "1:30", "1_000", "6=0.35", "0b1", "+.inf.")),
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("0777", 777), ("0o17", 15), ("0x1F", 31),
        ("-3", -3), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")), ('"404"', "404"), ("'true'", "true"), ("!!str 404", "404"),
    ],
)  # fmt: skip
def test_a_scalar_means_what_yaml_1_2_says(written: str, meant: object) -> None:
    """PyYAML by itself takes `off` for false, a date for a date, and 1:30 for 90."""
    (found,) = Document(f"a: {written}", "YAML").data.values()
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.slow
@given(VALUES)
def test_json_is_yaml(value: object) -> None:
    """Whatever JSON writes means the same; keys are texts, as in JSON."""
    text = json.dumps({"a": value}, ensure_ascii=False)
    assert Document(text, "YAML").data == Document(text, "JSON").data


@pytest.mark.slow
@given(
    st.recursive(
        st.just("x"), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner)
    )
)
def test_every_value_has_its_line(value: object) -> None:
    """That which JSON, written on lines of its own, has for it."""
    text = json.dumps({"k": value}, indent=1)
    yaml, as_json = Document(text, "YAML"), Document(text, "JSON")
    assert {path: yaml.line(path) for path in as_json.lines} == as_json.lines


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3", 3, "key 'a' is defined twice: remove one"),
        ("404: 1\n'404': 2", 2, "key '404' is defined twice: remove one"),
        ("a: 1\n---\na: 2", 2, "it contains several documents: write one"),
        ("a:\n\t- 1", 2, "found character '\\t' that cannot start any token"),
        ("a: [1\nb: 2", 2, "expected ',' or ']', but got ':'"),
        ("a: *b", 1, "found undefined alias 'b'"),
        ("a: !!python/object/apply:os.system ['x']", 1, "tag '!!python/object/apply:os.system' is not known: leave it out"),
        ("a: !!binary aGk=", 1, "tag '!!binary' is not known: leave it out"),
        ("a: !!int x", 1, "'x' is not of its tag !!int: leave that out"),
        ("? [1]\n: 2", 1, "a key is a list or mapping: write a string"),
        ("a: &a {b: 1}\nc:\n  <<: *a", 3, "YAML 1.2 has no merge keys (<<): write the members, or an alias for a whole value"),
        ("a: 1\nb: \x00", 2, "character U+0000 is not allowed"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_for_us_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    """In one line; no tag makes an object."""
    with pytest.raises(InvalidTextError) as raised:
        Document(text, "YAML")
    assert (raised.value.line, str(raised.value)) == (line, f"not valid YAML: {problem}")


@pytest.mark.slow
def test_aliases_that_multiply_are_bounded() -> None:
    """A few lines that mean a billion values are refused before they are made, also where one holds itself."""
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(InvalidTextError, match=f"more than {MOST_VALUES} values"):
        Document(bomb, "YAML")
    for text in ("a: &a [*a]", "[" * 700):
        with pytest.raises(InvalidTextError, match="is nested too deeply"):
            Document(text, "YAML")


def test_every_kind_of_file_can_be_yaml(tmp_path: Path) -> None:
    """Script, profile and model; `$schema` is for editors only."""
    script, profile, model = (tmp_path / f"{name}.YAML" for name in ("script", "profile", "model"))
    script.write_text(
        "$schema: x\nrules:\n- when: status\n  since: 2026-03-31T10:00:00Z\n  faults: [{fault: hang}]\n",
        encoding="utf-8",
    )
    profile.write_text(
        "# of the lab\nextends: observed\ncors: off\nwebhook_retries: [1, 2]\nunknown_route: 405\n", encoding="utf-8"
    )
    model.write_text(
        "model: m\ntitle: M\nsource: x\ndate: 2026-01-02\nlabel: assumed\noperations:\n- {path: /m/v1/go, model_id: m, title: Go, output: mp4, price: '0.35'}\n",
        encoding="utf-8",
    )
    assert read_script(script)[0].since == "2026-03-31T10:00:00Z"
    policy = read_profile(str(profile))
    assert (policy.cors, policy.webhook_retries, policy.unknown_route) == ("off", (1, 2), "405")
    assert [each.date for each in read_models([str(model)])] == ["2026-01-02"]
    assert [problems(each, None) for each in (script, profile, model)] == [
        ("script", []),
        ("profile", []),
        ("model", []),
    ]


def test_yaml_is_imported_with_the_first_file_of_it() -> None:
    """No server without one pays for it."""
    run = run_process(sys.executable, "-c", "import sys, pixazo_simulator.server as s; print('yaml' in sys.modules)")
    assert run.stdout == "False\n"
