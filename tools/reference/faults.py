"""docs/reference/faults.md: every fault with its parameters and an example."""

from __future__ import annotations

import msgspec

from pixazo_simulator.script import FAULTS
from pixazo_simulator.script.builder import EXAMPLES, default_of, in_python, in_toml

from .attributes import shown
from .markdown import documented, table

_HEAD = """\
# Faults

What a rule of a script can make go wrong, in a response or in a webhook: `faults` of a rule in TOML, YAML or JSON, `.fault(...)` of a rule in Python. `pixazo-sim faults` lists the same. `*/*` is every operation of a model file.
This page is generated (`python -m tools.reference`).

"""


def page() -> str:
    """The page."""
    parts = [_HEAD]
    for name, fault in FAULTS.items():
        where = ", ".join(f"`{each}`" for each in sorted(fault.applies_to))
        never = ", ".join(f"`{each}`" for each in sorted(fault.excludes))
        rows = (
            (f"`{e.encode_name}`", f"`{shown(e.type)}`", "required" if e.required else f"`{default_of(e)}`")
            for e in msgspec.structs.fields(fault)
        )
        parts += [
            f"## {fault.__name__}\n\n`{name}`: {documented(fault)}",
            f"Applies to {where}.{f' Never together with {never}.' if never else ''}\n\n",
            table(["parameter", "type", "default"], rows),
            f"In Python `{in_python(EXAMPLES[name])}`, in a script file:\n\n```toml\n{in_toml(EXAMPLES[name])}\n```\n\n",
        ]
    return "".join(parts)
