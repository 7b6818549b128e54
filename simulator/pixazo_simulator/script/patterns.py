"""Regular expressions of RE2: a search takes time proportional to the text, whatever the pattern."""

from __future__ import annotations

from typing import Any, Protocol, cast

LONGEST_PATTERN = 500
"""Code points of a pattern."""
_MEMORY = 256 * 1024
"""Bytes that one compiled pattern may use, its cache of states included."""
_REMEDIES = {
    "invalid perl operator": (
        "there is no lookahead, lookbehind, atomic group, conditional, comment, or flag other than i, m, s, U; "
        "combine conditions with all, any and not instead"
    ),
    "invalid escape sequence": (
        "there are no backreferences; the end of the text is \\z or $, a character by its code is \\x{e9}, a letter of any script \\pL"
    ),
    "bad repetition operator": "there are no possessive quantifiers; write one quantifier after each part",
    "invalid repetition size": "a part is repeated at most 1000 times, nested repetitions multiplied; write * or + instead",
    "pattern too large": f"compiled it needs more than {_MEMORY // 1024} KiB; write shorter repetitions and fewer alternatives",
}  # fmt: skip
"""What to write instead, by how the library's message begins."""


class Pattern(Protocol):
    """A compiled pattern; a search takes at most about `programsize` steps for each byte."""

    @property
    def programsize(self) -> int:
        """How many instructions it has."""
        ...

    def search(self, text: bytes, /) -> object | None:
        """The first place in UTF-8 text where it matches, None when there is none."""
        ...


def compiled(pattern: str) -> Pattern:
    """Compile a pattern of RE2's syntax. Raises ValueError with the remedy for one that is none, too long, or too large."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(
            f"matches a pattern of {len(pattern)} characters: write at most {LONGEST_PATTERN}, or several conditions"
        )
    re2 = _library()
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = _MEMORY, True, False
    try:
        return cast("Pattern", re2.compile(pattern.encode(), options))
    except UnicodeEncodeError:
        raise ValueError(f"matches {pattern!r} is no Unicode text: leave the lone surrogate out") from None
    except re2.error as error:
        message = error.args[0].decode(errors="replace")
        remedy = next((f": {text}" for start, text in _REMEDIES.items() if message.startswith(start)), "")
        raise ValueError(f"matches {pattern!r} is no regular expression of RE2's syntax: {message}{remedy}") from None


def _library() -> Any:
    """RE2, which is imported with the first pattern."""
    try:
        import re2  # type: ignore[import-untyped]  # ships no type information
    except ImportError:
        raise ValueError(
            "matches needs the package google-re2: install it, or write contains, starts_with or ends_with instead"
        ) from None
    return re2
