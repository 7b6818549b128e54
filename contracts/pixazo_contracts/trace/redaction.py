"""Keys in what the gateway says: found, named by place, and struck out before anything is written."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable


#: What stands where a key stood.
STRUCK: Final = "<api-key>"

#: A key of letters only must be this long to be told from a word.
SHORTEST_WORD: Final = 12
SHORTEST_KEY: Final = 6


def is_distinctive(key: str) -> bool:
    """Whether finding this text can only mean that the key was echoed: `secret` may stand in any sentence."""
    return len(key) >= SHORTEST_KEY and (not key.isalpha() or len(key) >= SHORTEST_WORD)


class Redactor:
    """Knows the keys of a run, as themselves, percent-encoded and in Base64."""

    def __init__(self, keys: Iterable[str]) -> None:
        forms: set[str] = set()
        for key in filter(is_distinctive, keys):
            forms |= {key, quote(key, safe=""), base64.b64encode(key.encode()).decode().rstrip("=")}
        # The longest first, so that no form is struck out inside another.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every key struck out."""
        for form in self._forms:
            text = text.replace(form, STRUCK)
        return text

    def holds_key(self, text: str) -> bool:
        """Whether a key stands in the text."""
        return any(form in text for form in self._forms)

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The headers with every key struck out of their values."""
        return tuple((name, self.text(value)) for name, value in headers)

    def places(self, headers: Iterable[tuple[str, str]], body: str) -> tuple[str, ...]:
        """Where keys stand: `header NAME`, `body`."""
        found = [f"header {name}" for name, value in headers if self.holds_key(value)]
        return (*found, *(["body"] if self.holds_key(body) else []))
