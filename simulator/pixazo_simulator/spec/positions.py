"""On which line each value of a JSON or TOML text stands."""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

MOST_NAMES = 100
"""Names in one dotted key of a TOML text."""

Path = tuple["str | int", ...]
"""Where a value stands: the names of members and the places in lists, counted from 0."""

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def json_lines(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every member and element of a valid JSON text; of a member it is that of its name."""
    return _Json(text).lines


class _Json:
    """Walks through a JSON text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = _numbering(text)
        self._at = 0
        self.lines: dict[Path, int] = {}
        self._value(())

    def _value(self, path: Path) -> None:
        start = self._peek()
        if start == "{":
            self._several(path, "}", named=True)
        elif start == "[":
            self._several(path, "]", named=False)
        elif start == '"':
            self._string()
        else:
            self._at = _end(_SCALAR, self._text, self._at)

    def _several(self, path: Path, close: str, *, named: bool) -> None:
        self._at += 1
        number = 0
        while self._peek() != close:
            if self._text[self._at] == ",":
                self._at += 1
                self._peek()
            line = self._line(self._at)
            inner: Path = (*path, self._name() if named else number)
            self.lines[inner] = line
            self._value(inner)
            number += 1
        self._at += 1

    def _name(self) -> str:
        name = self._string()
        self._peek()
        self._at += 1  # the colon
        return name

    def _string(self) -> str:
        start, self._at = self._at, _end(_STRING, self._text, self._at)
        value: str = json.loads(self._text[start : self._at])
        return value

    def _peek(self) -> str:
        self._at = _end(_SPACE, self._text, self._at)
        return self._text[self._at]


_QUIET = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_PLAIN = re.compile(r"[^,\]}#\n]+")


_LONG_KEY = re.compile(
    rf"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MOST_NAMES}}}""", re.ASCII
)


def read_toml(text: str) -> dict[str, Any]:
    """What a TOML text says.

    Raises ValueError (TOMLDecodeError) that names the line for what is no TOML, and for a key of more than MOST_NAMES dotted
    names, for which tomllib would need a time that grows with the square of their number; RecursionError for deep nesting.
    """
    if found := _LONG_KEY.search(text):
        line = _numbering(text)(found.start())
        raise tomllib.TOMLDecodeError(f"A key has more than {MOST_NAMES} dotted names (at line {line})")
    return tomllib.loads(text)


def toml_lines(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every table, key and element of a valid TOML text; of a key it is that of its name."""
    return _Toml(text.replace("\r\n", "\n")).lines


class _Toml:
    """Walks through a TOML text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = _numbering(text)
        self._at = 0
        self._arrays: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}
        table: Path = ()
        while not self._ended():
            table = self._statement(table)

    def _ended(self) -> bool:
        self._skip(_QUIET)
        return self._at >= len(self._text)

    def _statement(self, table: Path) -> Path:
        """A header, which names the table of what follows, or a key and its value."""
        if self._text[self._at] != "[":
            self._pair(table)
            return table
        line = self._line(self._at)
        several = self._text.startswith("[[", self._at)
        self._at += 1 + several
        found = self._placed(self._key())
        self._at += 1 + several
        if several:
            self._arrays[found] = number = self._arrays.get(found, -1) + 1
            self.lines.setdefault(found, line)
            found = (*found, number)
        self._mark(found, line, 0)
        return found

    def _placed(self, key: list[str]) -> Path:
        """The path that a header means: an array of tables stands for its latest element."""
        path: Path = ()
        for position, name in enumerate(key):
            path = (*path, name)
            if position < len(key) - 1 and path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line(self._at)
        path = (*table, *self._key())
        self._at += 1  # the equals sign
        self._mark(path, line, len(table))
        self._value(path)

    def _mark(self, path: Path, line: int, known: int) -> None:
        """Enter the line of a path and of what its key names on the way there."""
        for length in range(known + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_BLANK)
            names.append(self._name())
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _name(self) -> str:
        start = self._at
        if self._text[start] in "\"'":
            self._string()
            (name,) = tomllib.loads(f"{self._text[start : self._at]} = 0")
            return name
        self._skip(_BARE)
        return self._text[start : self._at]

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        start = self._text[self._at]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline(path)
        elif start in "\"'":
            self._string()
        else:
            self._skip(_PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._next("]"):
            self.lines[*path, number] = self._line(self._at)
            self._value((*path, number))
            number += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._next("}"):
            self._pair(path)

    def _next(self, close: str) -> bool:
        """Come to the next of several values; False, and past the bracket, after the last."""
        self._skip(_QUIET)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_QUIET)
        if self._text[self._at] == close:
            self._at += 1
            return False
        return True

    def _string(self) -> None:
        self._at = next(found.end() for form in _STRINGS if (found := form.match(self._text, self._at)))

    def _skip(self, what: re.Pattern[str]) -> None:
        self._at = _end(what, self._text, self._at)


def _end(what: re.Pattern[str], text: str, at: int) -> int:
    found = what.match(text, at)
    return found.end() if found else at


def _numbering(text: str) -> Callable[[int], int]:
    """What tells on which line a place in a text is, counted from 1."""
    ends = [found.start() for found in re.finditer("\n", text)]
    return lambda at: bisect_left(ends, at) + 1
