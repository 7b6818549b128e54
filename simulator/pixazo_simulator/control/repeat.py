"""A journalled request as a command that repeats it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from shlex import quote

from pixazo_simulator.spec import HIDDEN, KEY_HEADER, REDACTED, STATUS_PATH

from .schema.responses import Exchange, Request

_KEY_HEADER = KEY_HEADER.lower()
"""The name of the key header as journals record it: in lower case."""
KEY = "PIXAZO_API_KEY"
OTHER_KEY = "THE_KEY_THAT_WAS_SENT"
"""Variables for the key of a test's world, and for any other key."""
LONGEST_DATA_URL = 96
"""Characters of a data URL that are printed; a longer one is cut, with a note."""
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,80},[A-Za-z0-9+/=%_-]+")
#: Headers that curl adds by itself, and those that a repeated request must not copy.
_LEFT_OUT = frozenset(
    ("accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent", "x-forwarded-host", "x-forwarded-proto")
)  # fmt: skip


def curl(exchange: Exchange, *, reached_world: bool = True) -> str:
    """The request of an exchange as a cURL command; comments before it list the parts that had to be changed.

    Origin and key are left to `PIXAZO_BASE_URL` and `PIXAZO_API_KEY`, or to another variable for a key that opened no world.
    """
    request, notes = exchange.request, list[str]()
    key = KEY if reached_world else OTHER_KEY
    if not reached_world and (_KEY_HEADER in request.headers or REDACTED in exchange.target):
        notes.append(f"{OTHER_KEY} is the key that was sent, which is redacted: it opened no world")
    # The variable takes the place of the redacted key, whose brackets made `quote` use single quotes.
    target = quote(exchange.target).replace(REDACTED, f"'\"${key}\"'")
    headers, body = [*_headers(request, key, notes)], _text(request, notes) if request.length else None
    command = curl_command(exchange.method, target, headers, body)
    if HIDDEN in command:
        notes.append(f"{HIDDEN} replaces a secret that was sent")
    return "".join(f"# {note}\n" for note in notes) + command


def curl_command(method: str, target: str, headers: Iterable[str], body: str | None, *, separator: str = " ") -> str:
    """The command that sends a request; target and headers are words of a shell, and the origin is `PIXAZO_BASE_URL`."""
    data = [] if body is None else [f"--data-raw {quote(body)}"]
    start = " ".join(["curl -sS", *_method(method, sends=bool(data))])
    return separator.join([start, *headers, *data, f'"$PIXAZO_BASE_URL"{target}'])


def status_command(request_id: str) -> str:
    """The command that reads the status of a generation."""
    return curl_command("GET", quote(STATUS_PATH + request_id), [f'-H "{KEY_HEADER}: ${KEY}"'], None)


def _method(method: str, *, sends: bool) -> list[str]:
    if method == "HEAD":  # --head cannot send a body; with -X alone cURL waits for one that never comes
        return ["-i -X HEAD --max-time 10" if sends else "--head"]
    return [] if method == ("POST" if sends else "GET") else [f"-X {quote(method)}"]


def _headers(request: Request, key: str, notes: list[str]) -> Iterator[str]:
    if request.length and "content-type" not in request.headers:
        yield "-H 'Content-Type:'"  # otherwise curl sends that of a form
    for name, value in request.headers.items():
        if name == _KEY_HEADER:
            yield f'-H "{KEY_HEADER}: ${key}"'
        elif REDACTED in value or HIDDEN in value:
            notes.append(f"header {name} is left out: it contained a secret")
        elif name not in _LEFT_OUT and (name, value) != ("accept", "*/*"):
            yield f"-H {quote(f'{name}: {value}')}"


def _text(request: Request, notes: list[str]) -> str:
    is_text = isinstance(request.body, str)
    body = _with_short_data_urls(request.body if is_text else json.dumps(request.body), notes)
    if not is_text:
        return body
    if "\0" in body:
        notes.append("NUL bytes of the body are left out: no argument can contain one")
    if "\ufffd" in body:
        notes.append("bytes of the body that are not UTF-8 are replaced")
    kept = len(request.body.encode(errors="replace"))
    if kept < request.length:
        notes.append(f"the body is cut: {kept} of {request.length} bytes were kept")
    return body.replace("\0", "")


def _with_short_data_urls(text: str, notes: list[str]) -> str:
    def cut(found: re.Match[str]) -> str:
        whole = found[0]
        if len(whole) <= LONGEST_DATA_URL:
            return whole
        notes.append(f"a data URL is cut: {LONGEST_DATA_URL} of {len(whole)} characters")
        return whole[:LONGEST_DATA_URL]

    return _DATA_URL.sub(cut, text)
