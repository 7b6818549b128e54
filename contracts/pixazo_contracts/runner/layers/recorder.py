"""The recorder: the highest layer, which turns every request and answer into a record of the trace."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pixazo_contracts.trace import MISSING, Callback, Exchange, inspect_media, is_object, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.probes import Send
    from pixazo_contracts.trace import Redactor

    from .transport import Reply, Transport


#: Headers of answers and callbacks whose values are kept; of all others only the names, of callbacks, are.
KEPT_HEADERS: Final = frozenset(
    {
        "age",
        "allow",
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "expires",
        "location",
        "retry-after",
        "www-authenticate",
    }
)

#: The longest answer that is kept as text, in bytes, and the longest string of a request body, in characters.
LONGEST_BODY: Final = 256 * 1024
LONGEST_STRING: Final = 4096


def _shortened(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        return f"{value[:64]}… ({len(value)} characters)"
    return {name: _shortened(member) for name, member in value.items()} if is_object(value) else value


def shorten(body: bytes | None) -> str | None:
    """A request body as a trace keeps it: as sent, but for long strings; None if it is not text or far too long."""
    if body is None:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if len(text) <= LONGEST_STRING:
        return text
    value = parse_json.__wrapped__(text)
    shortened = text if value is MISSING else json.dumps(_shortened(value), ensure_ascii=False)
    return shortened if len(shortened) <= LONGEST_BODY else None


def _text(body: bytes) -> str | None:
    """An answer's body as text; None if it is none or too long to keep."""
    if len(body) > LONGEST_BODY:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


class Recorder:
    """Numbers and times what crosses the wire, strikes out keys, and hands each record to `write` before anybody sees it.

    `called` is told the method, target and body of each callback as they came.
    """

    def __init__(
        self,
        inner: Transport,
        origin: str,
        redactor: Redactor,
        now: Callable[[], float],
        write: Callable[[Exchange | Callback], None],
        called: Callable[[str, str, bytes], None] | None = None,
    ) -> None:
        self._inner = inner
        self._origin = origin
        self._redactor = redactor
        self._now = now
        self._write = write
        self._called = called
        self._lock = threading.Lock()
        self.exchanges: list[Exchange] = []
        self.callbacks: list[Callback] = []

    def send(self, request: Send, probe: str) -> Exchange:
        """Send a request, a path being one at the target's origin, and record it. Raises what lower layers refuse to send."""
        if request.url.startswith("/"):
            request = replace(request, url=f"{self._origin}{request.url}")
        started = self._now()
        reply = self._inner.send(request)
        finished = self._now()
        with self._lock:
            exchange = self._exchange(len(self.exchanges) + 1, request, probe, reply, (started, finished))
            self.exchanges.append(exchange)
            self._write(exchange)
        return exchange

    def _exchange(self, number: int, request: Send, probe: str, reply: Reply, times: tuple[float, float]) -> Exchange:
        strike = self._redactor
        body = _text(reply.body)
        searched = reply.body.decode("utf-8", "replace") if request.operation != "media" else ""
        sent = shorten(request.body)
        downloaded = request.operation == "media" and reply.status == 200
        return Exchange(
            number=number,
            probe=probe,
            case=request.case,
            operation=request.operation,
            method=request.method,
            url=strike.text(request.url),
            account=request.account,
            started=times[0],
            finished=times[1],
            status=reply.status,
            aims=request.aims,
            intent=request.intent,
            placement=request.placement,
            reader=request.reader,
            request_id=request.request_id,
            request_headers=strike.headers(request.headers),
            request_body=None if sent is None else strike.text(sent),
            request_size=len(request.body or b""),
            error=reply.error,
            headers=strike.headers(h for h in reply.headers if h[0].lower() in KEPT_HEADERS),
            body=None if body is None else strike.text(body),
            size=len(reply.body),
            media=inspect_media(reply.body) if downloaded else None,
            leaks=strike.places(reply.headers, searched),
            spent=reply.spent,
        )

    def receive(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, answered: int, at: float
    ) -> Callback:
        """Record a request that reached our receiver."""
        strike = self._redactor
        text = _text(body)
        places = strike.places(headers, f"{target} {body.decode('utf-8', 'replace')}")
        with self._lock:
            callback = Callback(
                number=len(self.callbacks) + 1,
                at=at,
                method=method,
                target=strike.text(target),
                answered=answered,
                headers=strike.headers(h for h in headers if h[0].lower() in KEPT_HEADERS),
                header_names=tuple(name for name, _ in headers),
                body=None if text is None else strike.text(text),
                size=len(body),
                leaks=places,
            )
            self.callbacks.append(callback)
            self._write(callback)
        if self._called is not None:
            self._called(method, target, body)
        return callback
