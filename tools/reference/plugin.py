"""docs/reference/plugin.md: fixtures, options, ini settings, the marker, and the public names of `pytest_pixazo` that are no values."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest_pixazo
from pixazo_simulator.script import FAULTS
from pytest_pixazo import plugin
from pytest_pixazo.reports.conduct import CHECKS

from .attributes import is_value
from .client import described
from .markdown import table

__all__ = ["page"]

_HEAD = """\
# The pytest plugin, name by name

Every fixture, option and setting of the plugin, and every public name of `pytest_pixazo` that has methods; the values are in [What a test reads](attributes.md), faults in [Faults](faults.md).
[Tests with pytest](pytest.md) shows how they are used. This page is generated (`python -m tools.reference`).

"""


def _option(name: str, metavar: str = "", choices: Iterable[str] = (), help: str = "", **_: Any) -> tuple[str, str]:  # noqa: A002 - as pytest names it
    return f"`{name} {metavar or '|'.join(choices)}".rstrip() + "`", help


def _ini(name: str, help: str, type: str = "string", default: object = "") -> tuple[str, str, str]:  # noqa: A002 - as pytest names them
    return f"`{name}`", f"{type}{f', default `{default}`' if default not in ('', []) else ''}", help


def _functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The fixtures, as the source has them."""
    for each in ast.parse(inspect.getsource(plugin)).body:
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            "fixture" in ast.unparse(d) for d in each.decorator_list
        ):
            yield each


def page() -> str:
    """The page."""
    parser = Mock()
    plugin.pytest_addoption(parser)
    options = [_option(*each.args, **each.kwargs) for each in parser.getgroup().addoption.call_args_list]
    ini = [_ini(*each.args, **each.kwargs) for each in parser.addini.call_args_list]
    (marker,) = (
        ast.literal_eval(call.args[1])
        for call in ast.walk(ast.parse(inspect.getsource(plugin)))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("addinivalue_line")
    )
    parts = [_HEAD, "## Fixtures\n\n"]
    for each in _functions():
        scope = "session" if "session" in ast.unparse(each.decorator_list[0]) else "function"
        kind = re.sub(r"^Iterator\[(.*)\]$", r"\1", ast.unparse(each.returns) if each.returns else "None")
        parts.append(f"### Fixture {each.name}\n\n`{kind}`, scope {scope}. {ast.get_docstring(each)}\n\n")
    parts += [
        "## Options\n\n", table(["option", "what it does"], options),
        "## Settings of the ini file\n\n", table(["setting", "type", "what it is"], ini),
        f"## The marker\n\n`@pytest.mark.{marker.partition(':')[0]}`:{marker.partition(':')[2]}.\n\n",
    ]  # fmt: skip
    rows = ((f"`{each.name}`", each.description, each.impact, each.remedy) for each in CHECKS.values())
    parts.append(f"## Usage checks\n\n{table(['check', 'what it finds', 'why it hurts', 'remedy'], rows)}")
    for name, thing in inspect.getmembers(pytest_pixazo, lambda it: inspect.isclass(it) or inspect.isfunction(it)):
        if not is_value(thing) and thing not in FAULTS.values():
            parts.append(described(name, thing))
    return "".join(parts)
