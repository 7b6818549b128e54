"""A rule for every kind of fault, and how such a rule is written in Python and TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .rule import FAULTS, Rule

EXAMPLES: Mapping[str, Rule] = {
    kind: Rule(when=when, faults=(fault(**arguments),), times=times)
    for kind, fault in FAULTS.items()
    for when, times, arguments in (fault.example,)
}
"""Kind of fault -> a rule with that fault alone."""


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """The default of a parameter; None where it is required."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def in_python(rule: Rule) -> str:
    """A rule with one fault as a line of a test."""
    (fault,) = rule.faults
    given = msgspec.to_builtins(fault)  # encoding leaves defaults out
    members = msgspec.structs.asdict(fault).items()
    arguments = ", ".join(f"{name}={value!r}" for name, value in members if name in given)
    times = f", times={rule.times}" if rule.times else ""
    return f'pixazo.when("{rule.when}").fault({type(fault).__name__}({arguments}){times})'


def in_toml(rule: Rule) -> str:
    """A rule with one fault as a table of a script file."""
    # A string, number or boolean is written in TOML as in JSON.
    members = msgspec.to_builtins(rule.faults[0]).items()
    fault = ", ".join(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in members)
    times = [f"times = {rule.times}"] if rule.times else []
    return "\n".join(["[[rules]]", f'when = "{rule.when}"', *times, f"faults = [{{ {fault} }}]"])
