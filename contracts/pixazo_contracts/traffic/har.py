"""HAR 1.2 read as traces, keys redacted on input, and traces written as HAR; only `log.entries` is required, since dialects differ."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec

from pixazo_contracts.probes import Headers
from pixazo_contracts.runner import KEY, Hiding, is_distinctive, make_header, record_callback, record_exchange
from pixazo_contracts.trace import (
    KEY_HEADER,
    MODEL_BASE,
    STATES,
    STATUS_BASE,
    Callback,
    Exchange,
    Footer,
    InvalidTraceError,
    JsonObject,
    Profile,
    Trace,
    canonical_origin,
    inspect_media,
    instant,
    is_array,
    is_object,
    is_object_text,
    join_url,
    load_trace,
    members_of,
    split_url,
    whole_number,
)

from .classify import KEPT_OF_REQUESTS, SECRET_HEADERS, SUBMIT_PATHS, classify, key_of, secrets_of, without_key
from .tape import decoded

#: The largest file that is read, in bytes.
LARGEST: Final = 256 * 1024 * 1024

#: A line of a trace file.
TRACE_LINE: Final = re.compile(rb'\s*\{\s*"(header|exchange|callback|footer)"\s*:')

#: Why there is no response, as our own archives say it.
ERRORS: Final = ("abandoned", "connect", "timeout", "lost")

#: The members of an exchange that HAR has no place for: they are in `_pixazo`.
BEYOND_HAR: Final = (
    *("account", "probe", "case", "operation", "placement", "reader", "request_id", "aims", "intent", "media"),
)

#: What a client does not send of a URL: a user and password, which become a header, and the fragment.
UNSENT: Final = re.compile(r"\A(\w[\w+.-]*://)[^/?#]*@|#.*")

#: A key that a tool has replaced: it may be that of any caller.
MASKED_KEY: Final = re.compile(
    rf"(?i){KEY_HEADER}: (?=\S)(?:[\W_x]*|.*(?:redacted|removed|masked|hidden|filtered|sanitized|scrubbed).*)"
)

#: The digits of a second that are too precise.
FRACTION: Final = re.compile(r"([.,]\d{1,6})\d*")

T = TypeVar("T", Exchange, Profile)


class _Entry(NamedTuple):
    """An entry of an archive, as far as it could be read, not redacted; `at` is seconds since 1970."""

    at: float
    seconds: float
    method: str
    url: str
    headers: Headers
    sent: bytes | None
    status: int | None
    error: str | None
    answered: Headers
    body: bytes | None
    size: int
    ours: JsonObject


def _member(value: object, name: str) -> JsonObject:
    found = value.get(name) if is_object(value) else None
    return found if is_object(found) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value is not True and 0 <= value < 1e12 else 0.0


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    """Names and values of a list of objects, or of an object, as some tools write it."""
    listed = [{"name": name, "value": each} for name, each in value.items()] if is_object(value) else value
    for each in listed if is_array(listed) else []:
        if is_object(each) and isinstance(name := each.get("name"), str) and not name.startswith(":"):
            yield name, _text(each.get("value"))


def _attached(name: object, folder: Path | None) -> bytes | None:
    """A body that Playwright has written into a file next to the archive; None if it is missing or outside that folder."""
    if folder is None or not isinstance(name, str):
        return None
    try:
        path = (folder / name).resolve()
        readable = path.parent == folder.resolve() and path.is_file() and path.stat().st_size <= LARGEST
        return path.read_bytes() if readable else None
    except (OSError, ValueError):
        return None


def _bytes(part: JsonObject, headers: Headers, folder: Path | None) -> bytes | None:
    """The body in `text`, also in Base64 or compressed, or in a file next to the archive; None if it is missing or unreadable."""
    text = part.get("text")
    if isinstance(text, str) and part.get("encoding") != "base64":
        return text.encode("utf-8", "replace")
    try:
        body = base64.b64decode(text) if isinstance(text, str) else _attached(part.get("_file"), folder)
    except ValueError:
        return None
    if body is None:
        params = [*_pairs(part.get("params"))]
        return urlencode(params).encode() if params else None
    # Some tools leave gzip on a body without saying so; no JSON and no medium of the gateway begins like that.
    plain, is_known = decoded((("Content-Encoding", "gzip"),) if body.startswith(b"\x1f\x8b") else headers, body)
    if is_known:
        return plain
    # What is no encoding (`aws-chunked`), or was undone already, is read as it is.
    return body if body[:1] == b"{" or inspect_media(body).container is not None else None


def _length(headers: Headers) -> int | None:
    return next((whole_number(value.strip()) for name, value in headers if name.lower() == "content-length"), None)


def _sent(request: JsonObject, headers: Headers, folder: Path | None) -> bytes | None:
    """The body of a request; None if the tool did not keep it, or keeps its beginning or a word in its place."""
    body, length = _bytes(_member(request, "postData"), headers, folder), _length(headers)
    told = request.get("bodySize") if length is None else length
    if body is None:
        return b"" if told == 0 else None
    # A tool that has undone an encoding tells the length of the encoded body.
    return body if told in (None, -1, len(body)) or is_object_text(body) else None


def _typed(headers: Headers, kind: object) -> Headers:
    named = any(name.lower() == "content-type" for name, _ in headers)
    return headers if named or not isinstance(kind, str) or not kind else (*headers, ("Content-Type", kind))


def _read(entry: object, before: float, folder: Path | None) -> _Entry | None:
    """An entry with a method and a URL; one without an instant follows the entry before it."""
    request, response = _member(entry, "request"), _member(entry, "response")
    method, url = _text(request.get("method")).upper(), UNSENT.sub(r"\1", _text(request.get("url")))
    if not is_object(entry) or not method or not split_url(url).hostname:
        return None
    posted, content = _member(request, "postData"), _member(response, "content")
    status = 304 if entry.get("_fromCache") else int(_number(response.get("status")))
    at = instant(FRACTION.sub(r"\1", _text(entry.get("startedDateTime")).strip()))
    headers = tuple(pair for pair in _pairs(request.get("headers")) if not MASKED_KEY.fullmatch(": ".join(pair)))
    answered = tuple(_pairs(response.get("headers")))
    body, declared = _bytes(content, answered, folder), _length(answered)
    told = int(_number(content.get("size")))
    size = len(body or b"") or told or int(_number(response.get("bodySize"))) or declared or 0
    if body and len(body) < told and not is_object_text(body):
        body, size = None, told  # its beginning, or a word in its place
    if not body:
        # A browser writes size 0, and some an empty text, for a body that it did not keep.
        is_empty = not size and (body is not None or content.get("size") == 0)
        is_told = status // 100 != 2 or status == 204 or declared == 0 or "_pixazo" in entry
        body = b"" if is_empty and is_told else None
    return _Entry(
        at=before if at is None or at < 0 else at,  # year 1 stands for no instant
        seconds=_number(entry.get("time")) / 1000 or 0.001,  # two that began at the same instant overlap
        method=method,
        url=url,
        headers=_typed(headers, posted.get("mimeType")) if posted else headers,
        sent=_sent(request, headers, folder),
        status=status if 100 <= status < 600 else None,
        error=None if status else next((word for word in ERRORS if word == response.get("statusText")), "lost"),
        answered=_typed(answered, content.get("mimeType")),
        body=body,
        size=size,
        ours=_member(entry, "_pixazo"),
    )


def _log(data: bytes) -> JsonObject:
    """The member `log` of an archive. Raises `InvalidTraceError` with the remedy."""
    try:
        archive: object = json.loads(data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidTraceError(f"it is not JSON ({error}): export it as HAR 1.2 again") from None
    log = _member(archive, "log")
    if not is_array(log.get("entries")):
        raise InvalidTraceError(
            "it has no log.entries, so it is neither a HAR nor a trace: name a trace.ndjson, or export it as HAR 1.2"
        )
    return log


def _is_coarse(entries: Iterable[_Entry]) -> bool:
    """Whether calls begin at whole seconds only, as in an archive that was made from a log."""
    return all(entry.at.is_integer() and not entry.ours for entry in entries)


def _entries(listed: object, folder: Path | None) -> list[_Entry]:
    found = list[_Entry]()
    for each in listed if is_array(listed) else []:
        if entry := _read(each, found[-1].at + found[-1].seconds if found else 0.0, folder):
            found.append(entry)
    if _is_coarse(found):
        found = [entry._replace(seconds=entry.seconds + 1.0) for entry in found]
    return sorted(found, key=lambda entry: entry.at)


def _accounts(entries: Sequence[_Entry]) -> dict[str, str]:
    """The accounts of keys: `default` for the one that is used most, `unknown` for those that were never accepted."""
    used, accepted = Counter[str](), set[str]()
    for entry in entries:
        key, placement = key_of(entry.url, entry.headers) or ("", "")
        if key and entry.status is not None:
            used[key] += 1
            accepted |= {key} if entry.status != 401 and placement not in {"query", "bearer"} else set()
    known = [key for key, _ in used.most_common() if key in accepted]
    names = ("default", "other", *(f"other.{n}" for n in range(1, len(known))))
    return dict.fromkeys(used, "unknown") | dict(zip(known, names, strict=False))


def _origin(url: str) -> str:
    try:
        return canonical_origin(url)
    except ValueError:
        return ""


def _bare(url: str) -> str:
    return url.partition("?")[0]


def _is_gateways(path: str) -> bool:
    return path.startswith((f"{MODEL_BASE}/", STATUS_BASE))


def _gateway(entries: Sequence[_Entry], target: str | None) -> str:
    """The origin of the gateway, as written: the one with the most requests for paths of the gateway."""
    if target is not None:
        return target
    asked = Counter(
        f"{parts.scheme}://{parts.netloc}"
        for entry in entries
        if _is_gateways((parts := split_url(entry.url)).path) and entry.method != "OPTIONS"
    )
    if not asked:
        raise InvalidTraceError(
            f"it has no request to {MODEL_BASE}/ or {STATUS_BASE}: export the app's calls of the gateway"
        )
    return asked.most_common(1)[0][0]


class _Archive:
    def __init__(self, entries: Sequence[_Entry], target: str | None) -> None:
        self.origin = _gateway(entries, target)
        self._canonical = _origin(self.origin)
        self._ids = set[str]()
        self._media = dict[str, str]()  # by URL, the id of the envelope that names it
        for entry in entries:
            for body in filter(None, (entry.body, entry.sent)):
                members = members_of(body) if body.lstrip()[:1] == b"{" else {}
                if isinstance(request_id := members.get("request_id"), str):
                    self._ids |= {request_id} if body is entry.body else set()
                    urls = _member(members, "output").get("media_url")
                    named = [url for url in urls if isinstance(url, str)] if is_array(urls) else []
                    for url in (join_url(entry.url, url) for url in named):
                        self._media |= {url: request_id}
                        self._media.setdefault(_bare(url), request_id)
        self._accounts = _accounts([entry for entry in entries if self._reaches_gateway(entry)])
        secrets = list[tuple[str, str]]()
        for entry in entries:
            headers = tuple(each for each in (*entry.headers, *entry.answered) if SECRET_HEADERS.fullmatch(each[0]))
            secrets += secrets_of(entry.url, headers, words=False)
        self._redactor = Hiding.each(dict.fromkeys(each for each in secrets if each[0] != KEY))
        self.key_searched = all(map(is_distinctive, self._accounts))
        self._start, self._grain = entries[0].at if entries else 0.0, float(_is_coarse(entries))
        self._numbers = count(1), count(1)

    def _reaches_gateway(self, entry: _Entry) -> bool:
        return _origin(entry.url) == self._canonical and _is_gateways(split_url(entry.url).path)

    def _named(self, url: str) -> str | None:
        """The id of the envelope that names this URL, or the same with another query."""
        return self._media.get(url) or self._media.get(_bare(url))

    def record(self, entry: _Entry) -> Exchange | Callback | None:
        """The record of an entry; None if it is not for the gateway, or has no response."""
        is_media = self._named(entry.url) is not None
        members = members_of(entry.sent or b"") if entry.method == "POST" and not is_media else {}
        is_envelope = members.get("status") in STATES or "task_id" in members
        named = str(members.get("request_id", members.get("task_id")))
        if entry.ours.get("callback") is True or (is_envelope and named in self._ids):
            parts, number = split_url(entry.url), next(self._numbers[1])
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            at, answered = entry.at - self._start + self._grain, entry.status or 0
            return record_callback(
                self._redactor, number, at, entry.method, target, entry.headers, entry.sent or b"", answered
            )
        is_told = entry.body is not None or (is_media and (entry.size > 0 or entry.status != 200))
        if not entry.ours and (entry.status in {None, 304, 407, 511} or not is_told):
            # The client went away, its cache or a proxy of its network answered, or the tool did not keep the response: no gateway is seen.
            return None
        asked = _bare(entry.url).rpartition("/")[2]
        if entry.status == 404 and asked in self._ids and not (self._accounts or entry.ours):
            return None  # the tool left all keys out: it may be another caller, who does not find it either
        return self._exchange(entry) if is_media or self._reaches_gateway(entry) or "operation" in entry.ours else None

    def _exchange(self, entry: _Entry) -> Exchange:
        body, key = entry.body or b"", key_of(entry.url, entry.headers)
        named, is_open = self._named(entry.url), entry.method == "OPTIONS"
        served = entry.status in {200, 202} or (not self._accounts and entry.status not in {None, 401})
        is_missing = key is None or not (key[0] or self._accounts)
        left_out = is_missing and served and named is None and not is_open  # by the tool that wrote the archive
        headers = ((KEY_HEADER, KEY), *entry.headers) if left_out else entry.headers
        media = {_bare(entry.url): named} if named else {}
        said = classify(
            entry.method, entry.url, headers, entry.sent, self.origin, issued=self._ids, media=media
        ).settled(entry.status, body)
        if entry.sent is None and said.operation in SUBMIT_PATHS.values():
            said = replace(said, aims=(), intent="any")  # whatever it was
        is_media = said.operation == "media"
        account = "default" if left_out else "" if key is None or is_media else "blank"
        if key and key[0] and not is_media:
            account = self._accounts.get(key[0], "unknown")
        started, sent = entry.at - self._start, entry.sent or None
        exchange = record_exchange(
            self._redactor, **said.fields, number=next(self._numbers[0]), probe="har", method=entry.method,
            account=account, url=without_key(entry.url), started=started, finished=started + entry.seconds,
            request_headers=(header for header in entry.headers if header[0].lower() in KEPT_OF_REQUESTS),
            request_body=sent, status=entry.status, error=entry.error, headers=entry.answered, body=entry.body, size=entry.size,
            media=inspect_media(body) if is_media and entry.status == 200 and body else None,
            leaks=self._redactor.places(entry.answered, body, is_media=is_media),
        )  # fmt: skip
        if not entry.ours:
            return exchange
        # What `_pixazo` says, if that fits, is redacted too: anyone can write an archive.
        return self._told(exchange, {name: entry.ours[name] for name in BEYOND_HAR if name in entry.ours})

    def profile(self, ours: JsonObject, capabilities: tuple[str, ...]) -> Profile:
        """The profile that an archive of ours has, else one of this origin with these capabilities."""
        told = {name: value for name, value in _member(ours, "profile").items() if name != "origin"}
        return self._told(Profile(origin=self.origin, capabilities=capabilities), told)

    def _told(self, value: T, members: JsonObject) -> T:
        told = json.loads(self._redactor.text(json.dumps(members)))
        try:
            return msgspec.convert({**msgspec.to_builtins(value), **told}, type(value))
        except msgspec.ValidationError:
            return value


def read_har(data: bytes, target: str | None = None, folder: Path | None = None) -> tuple[Trace, int]:
    """The trace of an archive, and how many of its entries are left out: those of other hosts, and without a response.

    The gateway is the `target`, or that of most requests; bodies may be in `folder`. Raises `InvalidTraceError` with the remedy.
    """
    if len(data) > LARGEST:
        raise InvalidTraceError(f"it has more than {LARGEST} bytes: export fewer calls")
    log = _log(data)
    entries = _entries(log["entries"], folder)
    archive = _Archive(entries, target)
    records = [record for entry in entries if (record := archive.record(entry)) is not None]
    exchanges = tuple(record for record in records if isinstance(record, Exchange))
    callbacks = tuple(record for record in records if isinstance(record, Callback))
    profile = archive.profile(_member(log, "_pixazo"), ("receiver",) if callbacks else ())
    began = datetime.fromtimestamp(entries[0].at if entries else 0.0, UTC)
    header = make_header(profile, began, key_searched=archive.key_searched)
    seconds = max([0.0, *(each.finished for each in exchanges), *(each.at for each in callbacks)])
    footer = Footer(exchanges=len(exchanges), callbacks=len(callbacks), seconds=seconds)
    return Trace(header, exchanges, callbacks, footer), len(entries) - len(records)


def load_traffic(path: Path, target: str | None = None) -> tuple[Trace, int | None]:
    """A trace, or that of a HAR and how many of its entries were left out. Raises `InvalidTraceError` and OSError."""
    with path.open("rb") as stream:
        data = stream.read(LARGEST + 1)
    if TRACE_LINE.match(data) or not data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"{"):
        return load_trace(path), None
    return read_har(data, target, path.parent)


def write_har(trace: Trace) -> bytes:
    """A trace as HAR 1.2. It contains no key, since a trace contains none; `_pixazo` has what HAR has no member for."""
    entries = list[JsonObject]()
    for each in trace.exchanges:
        request = _request(each.method, each.url, each.request_headers, each.request_body, each.request_size)
        response = _response(each.status or 0, each.headers, each.error, each.body, each.size)
        beyond = {name: msgspec.to_builtins(getattr(each, name)) for name in BEYOND_HAR}
        entries.append(_entry(trace, each.started, round(1000 * each.latency, 3), request, response, beyond))
    for called in trace.callbacks:
        kept = {name.lower() for name, _ in called.headers}
        headers = (*called.headers, *((name, "") for name in called.header_names if name.lower() not in kept))
        url = join_url(trace.header.receiver or "http://receiver.invalid", called.target)
        request = _request(called.method, url, headers, called.body, called.size)
        entries.append(_entry(trace, called.at, 0, request, _response(called.answered, ()), {"callback": True}))
    log = {
        "version": "1.2",
        "creator": {"name": "pixazo-contracts", "version": version("pixazo-testkit")},
        "entries": sorted(entries, key=itemgetter("startedDateTime")),
        "_pixazo": {"profile": msgspec.to_builtins(trace.profile)},
    }
    return json.dumps({"log": log}, ensure_ascii=False, indent=1).encode() + b"\n"


def _entry(
    trace: Trace, at: float, took: float, request: JsonObject, response: JsonObject, ours: JsonObject
) -> JsonObject:
    began = datetime.fromisoformat(trace.header.started_at) + timedelta(seconds=at)
    said = {"startedDateTime": began.isoformat(timespec="microseconds"), "time": took}
    timings = {"send": 0, "wait": took, "receive": 0}
    return {**said, "request": request, "response": response, "cache": {}, "timings": timings, "_pixazo": ours}


def _request(method: str, url: str, headers: Headers, body: str | None, size: int) -> JsonObject:
    query = _listed(parse_qsl(split_url(url).query, keep_blank_values=True))
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    posted = {} if body is None else {"postData": {"mimeType": kind, "text": body}}
    return {"method": method, "url": url, "queryString": query, "bodySize": size, **_head(headers), **posted}


def _response(
    status: int, headers: Headers, error: str | None = None, body: str | None = None, size: int = 0
) -> JsonObject:
    known = {name.lower(): value for name, value in reversed(headers)}
    content = {"size": size, "mimeType": known.get("content-type", ""), **({} if body is None else {"text": body})}
    said = {"status": status, "statusText": error or "", "redirectURL": known.get("location", "")}
    return {**said, **_head(headers), "content": content, "bodySize": size}


def _head(headers: Headers) -> JsonObject:
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": _listed(headers), "headersSize": -1}


def _listed(pairs: Iterable[tuple[str, str]]) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in pairs]
