"""API keys in what the gateway sends: they are found, and replaced before anything is written."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable


#: What replaces a key.
REPLACEMENT: Final = "<api-key>"

#: The shortest key that is searched for, in characters: of letters only, which may be a word, and otherwise.
SHORTEST_WORD: Final = 12
SHORTEST_KEY: Final = 6


def is_distinctive(key: str) -> bool:
    """Whether finding this text means that the key was echoed; `secret` may stand in any sentence."""
    return len(key) >= SHORTEST_KEY and (not key.isalpha() or len(key) >= SHORTEST_WORD)


class Redactor:
    """Finds the keys of a run as they are, percent-encoded and in Base64, and replaces them."""

    def __init__(self, keys: Iterable[str]) -> None:
        forms: set[str] = set()
        for key in filter(is_distinctive, keys):
            forms |= {key, quote(key, safe=""), base64.b64encode(key.encode()).decode().rstrip("=")}
        # The longest first, so that none is replaced inside another.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every key replaced."""
        for form in self._forms:
            text = text.replace(form, REPLACEMENT)
        return text

    def holds_key(self, text: str) -> bool:
        """Whether the text holds a key."""
        return any(form in text for form in self._forms)

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The headers with every key in their values replaced."""
        return tuple((name, self.text(value)) for name, value in headers)

    def places(self, headers: Iterable[tuple[str, str]], body: str) -> tuple[str, ...]:
        """The places that hold a key: `header NAME`, `body`."""
        found = [f"header {name}" for name, value in headers if self.holds_key(value)]
        return (*found, *(["body"] if self.holds_key(body) else []))
