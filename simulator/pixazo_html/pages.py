"""HTML pages: what comes from outside is escaped, and what cannot be seen is shown."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from .texts import visible

_OWN = files("pixazo_html")
STYLE = _OWN.joinpath("style.css").read_text(encoding="utf-8")
"""The stylesheet of all pages."""


def templates(folder: Traversable) -> Environment:
    """The templates of a folder (`*.jinja`), and the macros of `components.jinja`, which they import.

    Every value is escaped: markup for the browser, and characters that are not seen, or steer what shows them, for the reader.
    The filter `lines` keeps the line ends of a text, `pretty` indents a JSON value, `prose` makes code of what stands in backticks.
    """
    found = {
        each.name: each.read_text(encoding="utf-8")
        for place in (_OWN, folder)
        for each in place.iterdir()
        if each.name.endswith(".jinja")
    }
    environment = Environment(
        loader=DictLoader(found), autoescape=True, finalize=_shown, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, auto_reload=False,
    )  # fmt: skip
    environment.filters |= {"lines": lines, "pretty": pretty, "prose": prose}
    return environment


def _shown(value: object) -> object:
    """What a template shows of a value; Jinja2 then escapes the markup, except in what is marked as safe."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def lines(text: str) -> Markup:
    """A text whose line ends stay; everything else is escaped."""
    return Markup("\n").join(escape(visible(line)) for line in re.split(r"\r?\n", text))


def pretty(value: object) -> Markup:
    """A JSON value in indented lines, or a text as it is."""
    return lines(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))


def prose(text: str) -> Markup:
    """A text of ours, in which backticks enclose code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704 - escaped just there
