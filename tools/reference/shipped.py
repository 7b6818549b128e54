"""docs/reference/shipped.md: the models that come with the simulator, and what of each is checked."""

from __future__ import annotations

from itertools import groupby

from pixazo_simulator.server.files import read_models
from pixazo_simulator.spec import Operation

from .markdown import table

__all__ = ["page"]

_HEAD = """\
# The included models

`--model NAME` serves one of them, `--model all` all of them ([models.md](../how-to/models.md)). Each was taken from the page that it names, as it was on that day; the label says how we know it. *Second hand*: from a
copy of the vendor's page that a third party published. *Public programs*: from what programs that call the vendor send and expect, so only the prompt is required.

A parameter in bold is required. Its type is followed by what else is checked: if nothing, its values are taken as they are. What the page states about a parameter but nothing checks is counted
in parentheses. This page is generated (`python -m tools.reference`).

"""

_RULES = {
    "enumeration": "values", "minimum": "range", "maximum": "range", "min_length": "length", "max_length": "length",
    "min_items": "items", "max_items": "items", "max_bytes": "bytes", "formats": "formats", "callback": "posted to",
}  # fmt: skip
_CHECKED_FORMATS = {"url", "base64"}


def _parameters(operation: Operation) -> str:
    """The parameters of an operation in one cell."""
    shown = list[str]()
    for each in operation.parameters:
        rules = [
            word
            for name, word in _RULES.items()
            if getattr(each, name) not in (None, (), False)
            and (name != "formats" or _CHECKED_FORMATS & set(each.formats))
        ]
        name = f"**`{each.name}`**" if each.required else f"`{each.name}`"
        notes = [*dict.fromkeys(rules), *(f"({text})" for text in each.unchecked)]
        shown.append(f"{name} {each.type}{': ' if rules else ' ' if notes else ''}{', '.join(notes)}")
    return "; ".join(shown)


def _price(operation: Operation) -> str:
    price = operation.price
    return f"{price.base}{' and more' if price.values else ''}" if price else "of the policy"


def page() -> str:
    """The page."""
    parts = [_HEAD]
    for model, operations in groupby(read_models(["all"]), lambda operation: operation.model):
        found = list(operations)
        rows = (
            (f"`{o.name}`", o.output + ", immediately" * (o.response is not None), _price(o), _parameters(o))
            for o in found
        )
        parts.append(f"## {model}\n\n[Page]({found[0].source}), {found[0].date}: {found[0].label}.\n\n")
        parts.append(table(["operation", "media", "price in dollars", "parameters"], rows))
    return "".join(parts)
