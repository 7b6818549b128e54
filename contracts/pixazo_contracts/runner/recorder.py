"""The recorder: the highest layer, which turns every request and its response into a record of the trace, keys redacted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pixazo_contracts.probes import Headers, Send
from pixazo_contracts.trace import MISSING, Callback, Exchange, inspect_media, is_object, parse_json

from .redactor import Redactor
from .transport import Transport

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


#: The fields of an exchange that are copied from the probe's request.
SAID: Final = ("case", "operation", "method", "account", "aims", "intent", "placement", "reader", "request_id")


def _shortened(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        return f"{value[:64]}… ({len(value)} characters)"
    return {name: _shortened(member) for name, member in value.items()} if is_object(value) else value


def _decoded(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def record_request_body(body: bytes | None) -> str | None:
    """A request body as a trace keeps it: as sent, except for long strings; None if it is not text or far too long."""
    text = None if body is None else _decoded(body)
    if text is None or len(text) <= LONGEST_STRING:
        return text
    value = parse_json.__wrapped__(text)
    shortened = text if value is MISSING else json.dumps(_shortened(value), ensure_ascii=False)
    return shortened if len(shortened) <= LONGEST_BODY else None


def record_body(body: bytes) -> str | None:
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
                request_body=self._kept(record_request_body(request.body)),
                request_size=len(request.body or b""),
                error=reply.error,
                headers=redactor.headers(h for h in reply.headers if h[0].lower() in KEPT_HEADERS),
                body=self._kept(record_body(reply.body)),
                size=len(reply.body),
                media=inspect_media(reply.body) if is_media and reply.status == 200 else None,
                leaks=redactor.places(reply.headers, reply.body, *((1,) if is_media else ())),
                spent=reply.spent,
            )
            self.exchanges.append(exchange)
            self._write(exchange)
        return exchange

    def _kept(self, text: str | None) -> str | None:
        """A body as it is kept; None stays None."""
        return None if text is None else self._redactor.text(text)

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
                header_names=tuple(redactor.text(name) for name, _ in headers),
                body=self._kept(record_body(body)),
                size=len(body),
                leaks=redactor.places(headers, target.encode("utf-8", "surrogatepass") + b"\n" + body),
            )
            self.callbacks.append(callback)
            self._write(callback)
        if self._callback_received is not None:
            self._callback_received(method, target, body)
        return callback
