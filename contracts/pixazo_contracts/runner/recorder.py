"""The recorder: the highest layer, which turns every request and its response into a record of the trace, keys redacted."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote

from pixazo_contracts.probes import Headers, Send
from pixazo_contracts.trace import MISSING, Callback, Exchange, inspect_media, is_object, parse_json

from .transport import Transport

#: What replaces a key.
REPLACEMENT: Final = "<api-key>"

#: The shortest key that is searched for, in characters: of letters only, which may be a word, and otherwise.
SHORTEST_WORD: Final = 12
SHORTEST_KEY: Final = 6

#: Headers of responses and callbacks whose values are kept. Of all others only the names are, and only of callbacks: a header
#: of a response may hold anything, the key included.
KEPT_HEADERS: Final = frozenset(
    {
        *("age", "allow", "cache-control", "content-length", "content-type"),
        *("date", "expires", "location", "retry-after", "www-authenticate"),
    }
)

#: The longest response that is kept as text, in bytes, and the longest string of a request body, in code points.
LONGEST_BODY: Final = 256 * 1024
LONGEST_STRING: Final = 4096


#: What an exchange says of its request as the probe said it.
SAID: Final = ("case", "operation", "method", "account", "aims", "intent", "placement", "reader", "request_id")


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

    def kept(self, text: str | None) -> str | None:
        """A body as it is kept: with every key replaced; None stays None."""
        return None if text is None else self.text(text)

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


def _shortened(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        return f"{value[:64]}… ({len(value)} characters)"
    return {name: _shortened(member) for name, member in value.items()} if is_object(value) else value


def _decoded(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def shorten(body: bytes | None) -> str | None:
    """A request body as a trace keeps it: as sent, except for long strings; None if it is not text or far too long."""
    text = None if body is None else _decoded(body)
    if text is None or len(text) <= LONGEST_STRING:
        return text
    value = parse_json.__wrapped__(text)
    shortened = text if value is MISSING else json.dumps(_shortened(value), ensure_ascii=False)
    return shortened if len(shortened) <= LONGEST_BODY else None


def _text(body: bytes) -> str | None:
    """A body as text; None if it is not text or too long to keep."""
    return None if len(body) > LONGEST_BODY else _decoded(body)


@dataclass(eq=False)
class Recorder:
    """Numbers and times what crosses the network, redacts keys, and gives each record to `write` before it is used.

    `callback_received` gets the method, target and body of each callback as they came, not redacted.
    """

    _inner: Transport
    _origin: str
    _redactor: Redactor
    _now: Callable[[], float]
    _write: Callable[[Exchange | Callback], None]
    _callback_received: Callable[[str, str, bytes], None] | None = None
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    exchanges: list[Exchange] = field(init=False, default_factory=list[Exchange])
    callbacks: list[Callback] = field(init=False, default_factory=list[Callback])

    def send(self, request: Send, probe: str) -> Exchange:
        """Send a request and record it; a path is one at the target's origin. Raises what lower layers raise instead of sending."""
        if request.url.startswith("/"):
            request = replace(request, url=f"{self._origin}{request.url}")
        started = self._now()
        reply = self._inner.send(request)
        finished = self._now()
        redactor, is_media = self._redactor, request.operation == "media"
        with self._lock:
            exchange = Exchange(
                number=len(self.exchanges) + 1,
                probe=probe,
                **{name: getattr(request, name) for name in SAID},
                url=redactor.text(request.url),
                started=started,
                finished=finished,
                status=reply.status,
                request_headers=redactor.headers(request.headers),
                request_body=redactor.kept(shorten(request.body)),
                request_size=len(request.body or b""),
                error=reply.error,
                headers=redactor.headers(h for h in reply.headers if h[0].lower() in KEPT_HEADERS),
                body=redactor.kept(_text(reply.body)),
                size=len(reply.body),
                media=inspect_media(reply.body) if is_media and reply.status == 200 else None,
                leaks=redactor.places(reply.headers, "" if is_media else reply.body.decode("utf-8", "replace")),
                spent=reply.spent,
            )
            self.exchanges.append(exchange)
            self._write(exchange)
        return exchange

    def receive(self, method: str, target: str, headers: Headers, body: bytes, answered: int, at: float) -> Callback:
        """Record a request that reached our receiver."""
        redactor = self._redactor
        with self._lock:
            callback = Callback(
                number=len(self.callbacks) + 1,
                at=at,
                method=method,
                target=redactor.text(target),
                answered=answered,
                headers=redactor.headers(h for h in headers if h[0].lower() in KEPT_HEADERS),
                header_names=tuple(name for name, _ in headers),
                body=redactor.kept(_text(body)),
                size=len(body),
                leaks=redactor.places(headers, f"{target} {body.decode('utf-8', 'replace')}"),
            )
            self.callbacks.append(callback)
            self._write(callback)
        if self._callback_received is not None:
            self._callback_received(method, target, body)
        return callback
