"""Reads the files that users write, in TOML, JSON or YAML: what a text says, and on which line each of its values is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

from pixazo_simulator.spec.decoding import InvalidDataError, InvalidTextError, Path

from .lines import json_lines, read_toml, toml_lines

T = TypeVar("T")

FORMS = {".toml": "TOML", ".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
"""The format of a file, by the end of its name; any other file is TOML."""
SCHEMA = "$schema"
"""The member by which a file names its schema to editors."""


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
        """The line of each value."""
        if self._form == "YAML":
            return self._yaml_lines
        return json_lines(self._text) if self._form == "JSON" else toml_lines(self._text)

    def line(self, path: Path) -> int:
        """The line of the value at a path, or of the nearest one around it."""
        return next((self.lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.lines), 1)


def read_text_as(
    what: str, text: str, form: str, read: Callable[[Any], T], says: Callable[[InvalidDataError], str] = str
) -> T:
    """What `read` makes of the data of a text that is called `what`.

    Raises ValueError with `what`, the line where it is known, and what is wrong: of an InvalidDataError that `read` raises what it `says`.
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
    """What is wrong with a table that has another list of a name `instead` of its own, then the `problems` of each element of that."""
    given = cast("dict[str, Any]", table).get(name) if isinstance(table, dict) else None
    elements = cast("list[object]", given) if isinstance(given, list) else []
    yield from problems_of({**table, name: instead} if elements else table, read, place)
    for number, each in enumerate(elements):
        yield from problems(each, (*place, name, number))
