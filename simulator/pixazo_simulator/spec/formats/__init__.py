"""Reads the files that users write, in TOML, JSON or YAML: what a text says, and on which line each of its values is."""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

from pixazo_simulator.spec.decoding import InvalidDataError, InvalidTextError, Path
from pixazo_simulator.spec.text import regex

__all__ = ["FORMS", "Document", "problems_of", "problems_within", "read_text_as"]

T = TypeVar("T")

FORMS = {".toml": "TOML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
"""The format of a file, by the end of its name; any other file is TOML."""
SCHEMA = "$schema"
"""The member by which a file names its schema to editors."""
MOST_NAMES = 100
"""Names in one dotted key of a TOML text."""

_QUIET = regex(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = regex(r"[A-Za-z0-9_-]+")
_STRINGS = (
    regex(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    regex(r"'''.*?'{3,5}", re.DOTALL),
    regex(r'"(?:[^"\\\n]|\\.)*"'),
    regex(r"'[^'\n]*'"),
)
_PLAIN = regex(r"[^,\]}#\n]+")
_NAME = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = rf"""(?<![\w"'-])(?P<key>(?:{_NAME}){{{MOST_NAMES}}})"""
# A shorter key is skipped as a whole, a string to the end of its line or of the text if it is not closed: trying again at each name
# or quote would take too long.
_SKIPPED = (
    rf"""(?<![\w"'-])(?:{_NAME})++""",
    r'"""(?s:[^\\]|\\.)*?(?:"{3,5}|\Z)',
    r"'''(?s:.)*?(?:'{3,5}|\Z)",
    r'"(?:[^"\\\n]|\\.)*+"?',
    r"'[^'\n]*+'?",
    r"#[^\n]*+",
)
_LONG_KEYS = regex("|".join([_LONG_KEY, *_SKIPPED]), re.ASCII)


class Document:
    """What a text in a format says, without its `$schema`. Raises InvalidTextError; YAML support is imported at first use."""

    def __init__(self, text: str, form: str) -> None:
        self._text, self._form = text, form
        self._yaml_lines: Mapping[Path, int] = {}
        self.data: Any
        try:
            if form == "YAML":
                from .yaml_text import read_yaml

                self.data, self._yaml_lines = read_yaml(text)
            else:
                self.data = json.loads(text) if form == "JSON" else read_toml(text)
        except InvalidTextError:
            raise
        except RecursionError:
            raise InvalidTextError("is nested too deeply") from None
        except json.JSONDecodeError as error:
            raise InvalidTextError(f"not valid JSON: {error.msg}", error.lineno) from None
        except tomllib.TOMLDecodeError as error:
            raise InvalidTextError(f"is not valid TOML: {error}") from None
        except ValueError:
            raise InvalidTextError("contains a number with too many digits") from None  # of int()
        if self.data is None and form == "YAML":  # nothing but comments
            self.data = dict[str, Any]()
        if isinstance(self.data, dict):
            cast("dict[str, Any]", self.data).pop(SCHEMA, None)

    @cached_property
    def lines(self) -> Mapping[Path, int]:
        if self._form == "YAML":
            return self._yaml_lines
        return json_lines(self._text) if self._form == "JSON" else toml_lines(self._text)

    def line(self, path: Path) -> int:
        """The line of the value at a path, or of the nearest one around it."""
        return next((self.lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.lines), 1)


def read_text_as(
    what: str, text: str, form: str, read: Callable[[Any], T], says: Callable[[InvalidDataError], str] = str
) -> T:
    """What `read` makes of the data of a text.

    Raises ValueError with `what`, the name of the text, the line where it is known, and what is wrong: what `says` makes of an InvalidDataError.
    """
    try:
        document = Document(text, form)
        try:
            return read(document.data)
        except InvalidDataError as misfit:
            raise ValueError(f"{what}, line {document.line(misfit.path)}: {says(misfit)}") from None
    except InvalidTextError as error:
        raise ValueError(f"{what}{' ' if error.line is None else f', line {error.line}: '}{error}") from None
    except RecursionError:  # of `read`, or of the search for a line
        raise ValueError(f"{what} is nested too deeply") from None


def problems_of(table: Any, read: Callable[[Any], object], place: Path = ()) -> Iterator[InvalidDataError]:
    """What is wrong with a table at a place: the first thing that `read` raises, then what it raises without that member, and so on."""
    left, gone = dict(cast("dict[str, Any]", table)) if isinstance(table, dict) else table, list[str]()
    while True:
        try:
            read(left)
        except InvalidDataError as misfit:
            if misfit.missing in gone:
                return
            yield misfit.within(*place)
            if not (misfit.path and isinstance(left, dict) and misfit.path[0] in left):
                return
            gone.append(str(misfit.path[0]))
            del left[gone[-1]]
        else:
            return


def problems_within(
    table: Any,
    name: str,
    instead: list[Any],
    read: Callable[[Any], object],
    problems: Callable[[Any, Path], Iterator[InvalidDataError]],
    place: Path = (),
) -> Iterator[InvalidDataError]:
    """What is wrong with a table that has another list of a name `instead` of its own, then the `problems` of each element of that.

    If that is nothing, what is wrong with both together.
    """
    given = cast("dict[str, Any]", table).get(name) if isinstance(table, dict) else None
    elements = cast("list[object]", given) if isinstance(given, list) else []
    found = [*problems_of({**table, name: instead} if elements else table, read, place)]
    for number, each in enumerate(elements):
        found += problems(each, (*place, name, number))
    yield from found or problems_of(table, read, place)


# On which line each value of a JSON or TOML text is. No library covers both: those that keep positions support only one of them.


def read_toml(text: str) -> dict[str, Any]:
    """What a TOML text says. Raises TOMLDecodeError, a ValueError that names the line, and RecursionError for deep nesting.

    Raises InvalidTextError for a key of more than MOST_NAMES dotted names: tomllib takes time in proportion to their square.
    """
    if found := next((each for each in _LONG_KEYS.finditer(text) if each["key"]), None):
        raise InvalidTextError(
            f"not valid TOML: a key has more than {MOST_NAMES} dotted names", _numbering(text)(found.start())
        )
    return tomllib.loads(text)


def json_lines(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every member and element of a valid JSON text; of a member it is that of its name."""
    walk = _Walk(text, json.loads)
    walk.value(())
    return walk.lines


def toml_lines(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every table, key and element of a valid TOML text; of a key it is that of its name."""
    walk = _Walk(text.replace("\r\n", "\n"), lambda name: next(iter(tomllib.loads(f"{name} = 0"))))
    walk.statements()
    return walk.lines


class _Walk:
    """Walks through a valid text: JSON's objects and lists like TOML's inline tables and arrays, which differ in marks only."""

    def __init__(self, text: str, unquote: Callable[[str], str]) -> None:
        self._text = text
        self._line = _numbering(text)
        self._unquote = unquote
        self._at = 0
        self._arrays: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def statements(self) -> None:
        """Walk through the headers of a TOML text, and the keys and values below them."""
        table: Path = ()
        while self._peek():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line, several = self._line(self._at), self._text.startswith("[[", self._at)
        self._at += 1 + several
        key = self._key()
        path: Path = ()
        for position, name in enumerate(key):
            path = (*path, name)
            if position < len(key) - 1 and path in self._arrays:  # means its latest element
                path = (*path, self._arrays[path])
        self._at += 1 + several
        if several:
            self._arrays[path] = number = self._arrays.get(path, -1) + 1
            self.lines.setdefault(path, line)
            path = (*path, number)
        self._mark(path, line, 0)
        return path

    def _pair(self, table: Path) -> None:
        self._peek()
        line, path = self._line(self._at), (*table, *self._key())
        self._at += 1  # the equals sign or colon
        self._mark(path, line, len(table))
        self.value(path)

    def _mark(self, path: Path, line: int, known: int) -> None:
        """Enter the line of a path and of what its key names on the way there."""
        for length in range(known + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            quoted, start = self._peek() in "\"'", self._at
            self._skip(*(_STRINGS if quoted else (_BARE,)))
            name = self._text[start : self._at]
            names.append(self._unquote(name) if quoted else name)
            if self._peek() != ".":
                return names
            self._at += 1

    def value(self, path: Path) -> None:
        start = self._peek()
        if start not in "[{":
            self._skip(*(_STRINGS if start in "\"'" else (_PLAIN,)))
            return
        self._at += 1
        number = 0
        while self._peek() not in "]}":
            if start == "{":
                self._pair(path)
            else:
                self.lines[*path, number] = self._line(self._at)
                self.value((*path, number))
                number += 1
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _peek(self) -> str:
        """The character after white space and comments, none at the end of the text."""
        self._skip(_QUIET)
        return self._text[self._at : self._at + 1]

    def _skip(self, *forms: re.Pattern[str]) -> None:
        self._at = next(found.end() for form in forms if (found := form.match(self._text, self._at)))


def _numbering(text: str) -> Callable[[int], int]:
    """A function that returns the line, counted from 1, of an offset in a text."""
    ends = [found.start() for found in re.finditer("\n", text)]
    return lambda at: bisect_left(ends, at) + 1
