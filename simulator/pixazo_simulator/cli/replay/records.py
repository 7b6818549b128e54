"""The records of a trace that matter here: NDJSON, one record per line, each wrapped in its kind. Other members of a record are ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator.spec import SUBMITS, Redactor, Status, read_instant

WRONG_FILE = "pixazo-contracts run, proxy and har write traces"
WEBHOOK_HEADER = "x-webhook-url"
_SHOWN = ("content-type", "retry-after")
"""Headers of a response that an app acts upon."""
_CUT_IMAGE = re.compile(r'(?i)"data:image/[^"]*… \(\d+ characters\)"')
"""A data URL of which a recorder kept only the beginning."""
_PNG = (
    '"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAUAAAAFAAQAAAADl65gHAAAAI0lEQVR42u3BAQ0AAADCoPdPbQ8HFAAAAAAAAAAAAAAA'
    'APwaM0AAAWQoMfMAAAAASUVORK5CYII="'
)
"""A black image of 320 by 320 pixels."""

Fields = tuple[tuple[str, str], ...]


_REDACTOR: Final = Redactor()


def _hidden(text: str) -> str:
    """A text without the values of names that sound like secrets, such as the token in the URL of a webhook; JSON remains JSON."""
    if (shown := _REDACTOR.text(text)) != text:
        try:
            return json.dumps(_REDACTOR.json(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return shown


class _Header(msgspec.Struct):
    started_at: str
    profile: Mapping[str, Any] = {}


class MediaFacts(msgspec.Struct):
    """What was seen of a download."""

    cut: bool = False


class Message(msgspec.Struct, dict=True, kw_only=True):
    """A request, a response or a callback."""

    headers: Fields = ()
    body: str | None = None
    size: int = 0

    def __post_init__(self) -> None:
        """Keep no secret: what is read here is written into scripts and tests."""
        self.headers = tuple((name, _hidden(value)) for name, value in self.headers)
        for name in ("body", "url", "request_body", "target"):
            if text := getattr(self, name, None):
                setattr(self, name, _hidden(text))

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The members of the body; empty when it is not a JSON object."""
        try:
            return msgspec.json.decode(self.body or "", type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return {}

    def header(self, name: str) -> str | None:
        """The first header of a name, given in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def shown(self) -> dict[str, str]:
        return {name: value for name in _SHOWN if (value := self.header(name)) is not None}


class Exchange(Message, kw_only=True):
    """One request and its response; `started` and `finished` are seconds of the trace. Without a response `error` says why."""

    operation: str
    method: str
    url: str
    started: float
    finished: float
    status: int | None
    error: str | None = None
    request_id: str | None = None
    request_headers: Fields = ()
    request_body: str | None = None
    media: MediaFacts | None = None

    @property
    def is_submit(self) -> bool:
        return self.operation in SUBMITS and self.method == "POST"

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @cached_property
    def request(self) -> Message:
        return Message(headers=self.request_headers, body=self.request_body)

    @property
    def body_again(self) -> str:
        """The request's body as it can be sent again: with a small image for one that was cut, empty for none."""
        return _CUT_IMAGE.sub(_PNG, self.request_body or "")

    @property
    def path(self) -> str:
        """The path that was called, without the query, which may contain a key."""
        return urlsplit(self.url).path

    @property
    def word(self) -> str | None:
        """The state that was read, in the letters of the page where it is one of them."""
        word = next((value for name, value in self.members.items() if name.lower() == "status"), None)
        return (word.upper() if word.upper() in Status.__members__ else word) if isinstance(word, str) else None

    @property
    def webhook_urls(self) -> tuple[str, ...]:
        given = (self.request.header(WEBHOOK_HEADER), self.request.members.get("callback_url"))
        return tuple(url for url in given if isinstance(url, str) and url.startswith("http"))


class Callback(Message, kw_only=True):
    """One request that reached the receiver, `at` seconds of the trace, and the status code of the response."""

    at: float
    target: str
    answered: int


class Trace(msgspec.Struct, frozen=True):
    """Recorded traffic in the order in which it began, and the instant (RFC 3339) at which the seconds begin.

    `hears` tells whether webhooks reached the recorder: if not, the absence of one shows nothing.
    """

    started_at: str
    exchanges: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    hears: bool = True


def read_trace(data: bytes) -> Trace | None:
    """The records of a trace, None for a file of another kind. Raises ValueError with the line and the remedy."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if not lines or not lines[0][1].lstrip().startswith((b'{"header":', b'{"exchange":', b'{"callback":')):
        return None
    header, exchanges, callbacks = None, list[Exchange](), list[Callback]()
    for number, line in lines:
        try:
            ((kind, raw),) = msgspec.json.decode(line, type=dict[str, msgspec.Raw]).items()
            if kind == "header":
                header = msgspec.json.decode(raw, type=_Header)
            elif kind == "exchange":
                exchanges.append(msgspec.json.decode(raw, type=Exchange))
            elif kind == "callback":
                callbacks.append(msgspec.json.decode(raw, type=Callback))
        except ValueError as error:
            if line is lines[-1][1] and exchanges:
                break  # a stopped recorder left half a line
            raise ValueError(f"line {number} is not a record of a trace ({error}): {WRONG_FILE}") from None
    if header is None or read_instant(header.started_at) is None:
        raise ValueError(f"the trace has no header with the instant started_at: {WRONG_FILE}")
    if not any(each.is_submit for each in exchanges):
        raise ValueError(
            "the trace has no submission, so there is nothing to replay: record the traffic of an app that submits"
        )
    hears = "receiver" in header.profile.get("capabilities", ["receiver"])
    return Trace(header.started_at, tuple(sorted(exchanges, key=lambda each: each.started)), tuple(callbacks), hears)
