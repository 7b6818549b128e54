"""The recorder: the highest layer, which turns every request and its response into a record of the trace, keys redacted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final, TypeVar, cast

from pixazo_contracts.clauses import CLAUSE_SET
from pixazo_contracts.probes import Headers, Send
from pixazo_contracts.trace import MISSING, Callback, Exchange, Header, Profile, inspect_media, is_object, parse_json

from .redactor import Hiding, Redactor
from .transport import Transport

#: Headers of responses and callbacks whose values are kept. Of all others only the names are kept, and only for callbacks: a
#: response header may contain anything, including the key.
KEPT_HEADERS: Final = frozenset({
    "age", "allow", "cache-control", "content-length", "content-type", "date", "expires", "location", "retry-after",
    "www-authenticate",
})  # fmt: skip

#: The longest response that is kept as text, in bytes, and the longest string of a request body, in code points.
LONGEST_BODY: Final = 256 * 1024
LONGEST_STRING: Final = 4096

#: What of a record may contain a secret.
TEXTS: Final = (
    "url", "target", "request_id", "request_headers", "request_body", "headers", "header_names", "body", "leaks",
)  # fmt: skip

T = TypeVar("T", bound=Exchange | Callback)


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


def _record_body(body: bytes | None, redactor: Redactor) -> str | None:
    text = None if body is None or len(body) > LONGEST_BODY else _decoded(body)
    return None if text is None else redactor.text(text)


def make_header(profile: Profile, began: datetime | None = None, **settings: Any) -> Header:
    """The header of a trace that begins now, or began at that instant."""
    return Header(
        suite=version("pixazo-testkit"),
        clause_set=CLAUSE_SET,
        profile_hash=profile.hash,
        profile=profile,
        started_at=(began or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        **settings,
    )


def record_exchange(
    redactor: Redactor,
    *,
    url: str,
    request_headers: Iterable[tuple[str, str]],
    request_body: bytes | None,
    headers: Headers,
    body: bytes | None,
    **said: Any,
) -> Exchange:
    """What crossed the wire as a trace keeps it, without secrets; `said` are the other fields of the exchange, including sizes if they differ."""
    posted, name = record_request_body(request_body), said["request_id"]
    said["request_id"] = None if name is None else redactor.text(name)
    sizes: dict[str, Any] = {"request_size": len(request_body or b""), "size": len(body or b"")}
    return Exchange(
        url=redactor.text(url),
        request_headers=redactor.headers(request_headers),
        request_body=None if posted is None else redactor.text(posted),
        headers=redactor.headers(header for header in headers if header[0].lower() in KEPT_HEADERS),
        body=_record_body(body, redactor),
        **(sizes | said),
    )


def record_callback(
    redactor: Redactor, number: int, at: float, method: str, target: str, headers: Headers, body: bytes, answered: int
) -> Callback:
    """A callback as a trace keeps it, without secrets."""
    return Callback(
        number=number,
        at=at,
        method=method,
        target=redactor.text(target),
        answered=answered,
        headers=redactor.headers(header for header in headers if header[0].lower() in KEPT_HEADERS),
        header_names=tuple(redactor.text(name) for name, _ in headers),
        body=_record_body(body, redactor),
        size=len(body),
        leaks=redactor.places(headers, target.encode("utf-8", "surrogatepass") + b"\n" + body),
    )


def without_secrets(record: T, redactor: Hiding) -> T:
    """A record without the secrets that a redactor finds."""

    def again(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(again, cast("tuple[object, ...]", value)))
        return redactor.text(value) if isinstance(value, str) else value

    return replace(record, **{name: again(getattr(record, name)) for name in TEXTS if hasattr(record, name)})


@dataclass(eq=False)
class Recorder:
    """Numbers and times what crosses the network, redacts keys, and passes each record to `write` before use; `callback_received` gets callbacks unredacted."""

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
        is_media = request.operation == "media"
        same = ("case", "operation", "method", "account", "aims", "intent", "placement", "reader", "request_id")
        with self._lock:
            exchange = record_exchange(
                self._redactor,
                **{name: getattr(request, name) for name in same},
                number=len(self.exchanges) + 1,
                probe=probe,
                url=request.url,
                started=started,
                finished=finished,
                status=reply.status,
                request_headers=request.headers,
                request_body=request.body,
                error=reply.error,
                headers=reply.headers,
                body=reply.body,
                media=inspect_media(reply.body) if is_media and reply.status == 200 else None,
                leaks=self._redactor.places(reply.headers, reply.body, is_media=is_media),
                spent=reply.spent,
            )
            self.exchanges.append(exchange)
            self._write(exchange)
        return exchange

    def receive(self, method: str, target: str, headers: Headers, body: bytes, answered: int, at: float) -> Callback:
        """Record a request that reached our receiver."""
        with self._lock:
            number = len(self.callbacks) + 1
            callback = record_callback(self._redactor, number, at, method, target, headers, body, answered)
            self.callbacks.append(callback)
            self._write(callback)
        if self._callback_received is not None:
            self._callback_received(method, target, body)
        return callback
