"""HTML pages: markup in values is escaped, and invisible characters are made visible."""

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

    Every value is escaped: markup for the browser; for the reader, characters that are invisible or control the display.
    The filter `lines` keeps the line ends of a text, `pretty` indents a JSON value, `prose` makes code of text in backticks.
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
    """The text of a value with its invisible characters escaped; Jinja2 then escapes the markup, unless it is marked safe."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def lines(text: str) -> Markup:
    """A text in which everything except line ends is escaped."""
    return Markup("\n").join(escape(visible(line)) for line in re.split(r"\r?\n", text))


def pretty(value: object) -> Markup:
    """A JSON value in indented lines, or a string as it is."""
    return lines(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))


def prose(text: str) -> Markup:
    """A text of our own in which backticks enclose code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704 - it is escaped in this line
