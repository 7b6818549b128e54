"""On which line each value of a JSON or TOML text stands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.spec.decoding import Path
from pixazo_simulator.spec.formats import json_lines, read_toml, toml_lines

NAMES = st.text("ab\"\\#[]{}=,.\n' é", max_size=4)
SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("a\"\\#[]{},\n'é", max_size=6)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=10
)
TABLES = st.dictionaries(NAMES, VALUES, max_size=4)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the members and elements of a value stand."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(cast("dict[str | int, Any]", value).items())
    elif isinstance(value, list):
        inner = list(enumerate(cast("list[object]", value)))
    for step, each in inner:
        yield (*path, step)
        yield from paths(each, (*path, step))


def inline(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return "{" + ", ".join(f"{json.dumps(name)} = {inline(each)}" for name, each in table.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, cast("list[object]", value))) + "]"
    return json.dumps(value)


@pytest.mark.slow
@given(TABLES, st.sampled_from([None, 0, 2]))
def test_every_place_of_a_json_text_has_a_line(table: dict[str, Any], indent: int | None) -> None:
    """However it is laid out, and a name stands on its line."""
    text = json.dumps(table, indent=indent)
    lines = json_lines(text)
    assert set(lines) == set(paths(table))
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert json.dumps(path[-1]) in text.split("\n")[line - 1]


@pytest.mark.slow
@given(TABLES)
def test_every_place_of_a_toml_text_has_a_line(table: dict[str, Any]) -> None:
    """Each key on its own here, with all kinds of names and values."""
    text = "".join(
        f'# {number} [x] = "\n{json.dumps(name)} = {inline(each)}\n'
        for number, (name, each) in enumerate(table.items())
    )
    lines = toml_lines(text)
    assert set(lines) == set(paths(tomllib.loads(text))) == set(paths(table))
    order = list(table)
    assert all(line == 2 * order.index(str(path[0])) + 2 for path, line in lines.items())


TOML = """\
# [[rules]] is explained elsewhere
title = 'not # a comment'

[[rules]]   # the first
when = "generate"
match.prompt = { contains = "be,]}ar" }
faults = [
  { fault = "delay", seconds = 0.2 },  # ]
  # nothing
  { fault = "hang" }
]

[rules.reply]
text = \"\"\"
multi ] " line
when = 3\"\"\"
at = 1979-05-27T07:32:00Z

[[rules.then]]
times = 2
[[rules.then]]
"q\\"k".'a b' = '''
x'''

[[rules]]
when='x'
[other."a.b"]
c = [[1, 2],
     [3]]
"""


def test_a_toml_text_of_every_form() -> None:
    """Tables, arrays of tables, dotted and quoted keys, strings over several lines, comments, dates."""
    lines = toml_lines(TOML)
    assert set(lines) == set(paths(tomllib.loads(TOML)))
    assert {path: line for path, line in lines.items() if line > 1} == {
        ("title",): 2,
        ("rules",): 4,
        ("rules", 0): 4,
        ("rules", 0, "when"): 5,
        ("rules", 0, "match"): 6,
        ("rules", 0, "match", "prompt"): 6,
        ("rules", 0, "match", "prompt", "contains"): 6,
        ("rules", 0, "faults"): 7,
        ("rules", 0, "faults", 0): 8,
        ("rules", 0, "faults", 0, "fault"): 8,
        ("rules", 0, "faults", 0, "seconds"): 8,
        ("rules", 0, "faults", 1): 10,
        ("rules", 0, "faults", 1, "fault"): 10,
        ("rules", 0, "reply"): 13,
        ("rules", 0, "reply", "text"): 14,
        ("rules", 0, "reply", "at"): 17,
        ("rules", 0, "then"): 19,
        ("rules", 0, "then", 0): 19,
        ("rules", 0, "then", 0, "times"): 20,
        ("rules", 0, "then", 1): 21,
        ("rules", 0, "then", 1, 'q"k'): 22,
        ("rules", 0, "then", 1, 'q"k', "a b"): 22,
        ("rules", 1): 25,
        ("rules", 1, "when"): 26,
        ("other",): 27,
        ("other", "a.b"): 27,
        ("other", "a.b", "c"): 28,
        ("other", "a.b", "c", 0): 28,
        ("other", "a.b", "c", 0, 0): 28,
        ("other", "a.b", "c", 0, 1): 28,
        ("other", "a.b", "c", 1): 29,
        ("other", "a.b", "c", 1, 0): 29,
    }


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "\r\n# x\r\n"])
def test_a_text_of_nothing(text: str) -> None:
    assert toml_lines(text) == {}


def test_lines_may_end_as_windows_ends_them() -> None:
    assert toml_lines(TOML.replace("\n", "\r\n")) == toml_lines(TOML)


@pytest.mark.parametrize("name", ["a", "'a b'", '"a.b"', "a "])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]", "x = {{ {} = 1 }}"])
def test_a_key_has_at_most_100_names(name: str, form: str) -> None:
    """However they are written; for a longer one tomllib would need a time that grows with the square of their number."""
    assert read_toml("\n" + form.format(".".join([name] * 100)))
    with pytest.raises(ValueError, match=r"^not valid TOML: a key has more than 100 dotted names$"):
        read_toml("\n" + form.format(".".join([name] * 101)))


@pytest.mark.parametrize("text", ["One. Two three. " * 200, "." * 10_000, "é." * 10_000, "1.5, " * 200])
def test_a_text_may_have_as_many_dots_as_it_likes(text: str) -> None:
    """It is no key."""
    assert read_toml(f"a = '{text}'") == {"a": text}
