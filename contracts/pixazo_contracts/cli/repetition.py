"""The command that repeats a run: what was given, with each key in an environment variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from pixazo_contracts.judge import key_variable, shell_word

from .configure import pairs

#: A URL that has no room for a token.
ORIGIN: Final = re.compile(r"https?://[^/?#@]+/?")


def _accounts(option: str, values: Iterable[object]) -> Iterator[str]:
    for role, keys in pairs(option, [str(value) for value in values]).items():
        for number in range(len(keys)):
            account = f"{role}.{number}" if number else role
            yield f'{shell_word(f"{role}=")}"${key_variable(account)}"'


def _words(option: str, values: Sequence[object]) -> Iterator[str]:
    if option.endswith("-account"):
        return _accounts(option, values)
    if option.endswith("-receiver-url") and not ORIGIN.fullmatch(str(values[0])):
        return iter(['"$RECEIVER_URL"'])  # it may hold a token
    return (shell_word(str(value)) for value in values)


def again(command: Sequence[str], given: Mapping[str, object]) -> tuple[str, ...]:
    """The words of a shell that give these options to a command; one that is None, empty, 0 or False is left out."""
    words = list(command)
    for option, value in given.items():
        if value is True:
            words.append(option)
        elif value:
            values = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
            words += (word for each in _words(option, values) for word in (option, each))
    return tuple(words)
