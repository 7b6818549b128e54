"""Texts without characters that steer a terminal, reorder text, or are not seen."""

from __future__ import annotations

import re
from typing import Final

import msgspec

#: Characters that Unicode calls printable and that show nothing: letters and marks to be ignored, a blank.
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
    """One line: each character that is not seen, or that steers a terminal, becomes its JSON escape, such as `\\u001b`.

    Those are all of the Unicode categories C and Z but the space, and those that are to be ignored. JSON stays the same value;
    in other texts an escape may have stood there before, so that what comes from outside is to be JSON first.
    """
    return UNUSUAL.sub(_escaped, text)


def encode_json(value: object) -> bytes:
    """A value as JSON in one line, safe to be shown on a terminal."""
    return visible(msgspec.json.encode(value).decode()).encode()
