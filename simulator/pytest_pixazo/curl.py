"""A request of the journal as a line for sh, so that a reader can repeat it."""

from __future__ import annotations

import json
import re
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["curl"]

KEY_HEADER = "ocp-apim-subscription-key"
LONGEST_DATA_URL = 96
"""Characters of a data URL that are printed; a longer one is cut, with a note."""
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,80},[A-Za-z0-9+/=%_-]+")
#: What curl adds by itself, or what a repetition must not copy.
_LEFT_OUT = frozenset(
    ("accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent", "x-forwarded-host", "x-forwarded-proto")
)  # fmt: skip


def curl(exchange: Mapping[str, Any]) -> str:
    """The request of a told exchange as a command; what had to be changed stands before it in a comment.

    Origin and key are left to `PIXAZO_BASE_URL` and `PIXAZO_API_KEY`.
    """
    request, method = exchange["request"], exchange["method"]
    notes: list[str] = []
    words = ["curl -sS", *_method(method, sends=bool(request["length"]))]
    words += [f"-H {_header(name, value)}" for name, value in request["headers"].items() if _is_told(name, value)]
    if request["length"]:
        words.append(f"--data-raw {quote(_text(request, notes))}")
    words.append(f'"$PIXAZO_BASE_URL"{quote(exchange["target"])}')
    return "".join(f"# {note}\n" for note in notes) + " ".join(words)


def _method(method: str, *, sends: bool) -> list[str]:
    if method == "HEAD":
        return ["--head"]
    return [] if method == ("POST" if sends else "GET") else [f"-X {quote(method)}"]


def _is_told(name: str, value: str) -> bool:
    """The key is always sent; any other secret was taken out, and cannot be."""
    return name == KEY_HEADER or not (name in _LEFT_OUT or "[redacted]" in value or (name, value) == ("accept", "*/*"))


def _header(name: str, value: str) -> str:
    return '"Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY"' if name == KEY_HEADER else quote(f"{name}: {value}")


def _text(request: Mapping[str, Any], notes: list[str]) -> str:
    body = _shortened(request["body"], notes)
    if not isinstance(body, str):
        return json.dumps(body)
    if "\0" in body:
        notes.append("NUL bytes of the body are left out: no argument can hold one")
    if "\ufffd" in body:
        notes.append("bytes of the body that are not UTF-8 are replaced")
    kept = len(request["body"].encode(errors="replace"))
    if kept < request["length"]:
        notes.append(f"the body is cut: {kept} of {request['length']} bytes were kept")
    return body.replace("\0", "")


def _shortened(value: Any, notes: list[str]) -> Any:
    """A JSON value with its data URLs cut."""
    if isinstance(value, list):
        return [_shortened(each, notes) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _shortened(each, notes) for name, each in cast("dict[str, Any]", value).items()}
    if not isinstance(value, str):
        return value

    def cut(found: re.Match[str]) -> str:
        whole = found[0]
        if len(whole) <= LONGEST_DATA_URL:
            return whole
        notes.append(f"a data URL is cut: {LONGEST_DATA_URL} of {len(whole)} characters")
        return whole[:LONGEST_DATA_URL]

    return _DATA_URL.sub(cut, value)
