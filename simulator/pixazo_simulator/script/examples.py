"""One example of every kind of fault, as a rule that can be run, and how it is written in Python and in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .faults import Fault
from .rule import FAULTS, Rule


def _example(fault: type[Fault]) -> Rule:
    example: Any = fault.example
    return Rule(when=example.when, faults=(fault(**example.arguments),), times=example.times)


EXAMPLES: Mapping[str, Rule] = {kind: _example(fault) for kind, fault in FAULTS.items()}
"""Kind of fault -> a rule with that fault alone."""


def in_python(rule: Rule) -> str:
    """A rule with one fault as a line of a test."""
    (fault,) = rule.faults
    arguments = ", ".join(
        f"{field.name}={value!r}"
        for field in msgspec.structs.fields(fault)
        if (value := getattr(fault, field.name)) != field.default
    )
    times = f", times={rule.times}" if rule.times else ""
    return f'pixazo.when("{rule.when}").fault({type(fault).__name__}({arguments}){times})'


def in_toml(rule: Rule) -> str:
    """A rule with one fault as a table of a script file."""
    # A text, number or boolean is written in TOML as in JSON.
    members = msgspec.to_builtins(rule.faults[0]).items()
    fault = ", ".join(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in members)
    times = [f"times = {rule.times}"] if rule.times else []
    return "\n".join(["[[rules]]", f'when = "{rule.when}"', *times, f"faults = [{{ {fault} }}]"])
