"""Which characters a page or a terminal shows as they are."""

from __future__ import annotations

import json
import sys
import unicodedata

from pixazo_html import encode_json, visible


def test_no_character_of_these_categories_is_shown() -> None:
    """Controls, formats, surrogates, unassigned ones and all blanks but the space; JSON keeps its value."""
    every = "".join(map(chr, (*range(0x11000), *range(0xE0000, 0xE0200), sys.maxunicode)))
    hidden = "".join(char for char in every if char != " " and unicodedata.category(char)[0] in "CZ")
    assert visible(hidden).isascii()
    assert visible(hidden).isprintable()
    whole = every.replace(every[0xD800:0xE000], "")
    assert json.loads(encode_json(whole)) == whole
