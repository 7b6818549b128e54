"""Escapes characters that control a terminal, reorder text, or are invisible."""

from __future__ import annotations

import re
from typing import Final

import msgspec

#: Characters that are printable in Unicode but show nothing: ignorable letters and marks (Default_Ignorable_Code_Point), a blank.
UNSEEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)

#: Characters that may need an escape.
UNUSUAL: Final = re.compile("[^ -~]")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() and character not in UNSEEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def visible(text: str) -> str:
    """One line: each character that is invisible, or controls a terminal, becomes its JSON escape, such as `\\u001b`.

    Those are all of the Unicode categories C and Z except the space, and the ignorable ones. JSON keeps its value; other texts may
    already contain such an escape, so texts from outside should be encoded as JSON first.
    """
    return UNUSUAL.sub(_escaped, text)


def encode_json(value: object) -> bytes:
    """A value as JSON in one line, safe to show on a terminal."""
    return visible(msgspec.json.encode(value).decode()).encode()
