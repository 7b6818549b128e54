"""Text without secrets: the API key and embedded images are hidden."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

_DATA_URL = re.compile(r"(data:[\w.+/\\-]{0,100}(?:;[\w=.+-]{1,100}){0,5},)((?:\\/|[\w+/=%-]++)++)")
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)

LONGEST_READ = 20_000
LONGEST_SHOWN = 300


def hide_key(text: str, key: str) -> str:
    """The text with `***` for the key, also where it stands in a URL or in JSON."""
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1]):
        text = text.replace(form, "***")
    return text


def hide_data_urls(text: str) -> str:
    """The text with the payload of every data URL replaced by its length in characters."""
    if "data:" not in text:
        return text
    return _DATA_URL.sub(lambda found: f"{found[1]}<{len(found[2])} characters>", text)


def shorten(text: str) -> str:
    """One line of at most LONGEST_SHOWN characters; of an HTML page, what a reader would see."""
    seen = hide_data_urls(text)[:LONGEST_READ].strip()
    if seen.startswith("<"):
        seen = _UNSEEN.sub(" ", seen)
    line = " ".join(seen.split())
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"
