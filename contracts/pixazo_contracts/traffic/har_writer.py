"""A trace written as an HTTP archive (HAR 1.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib.metadata import version
from operator import itemgetter
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from pixazo_contracts.probes import Headers
from pixazo_contracts.trace import JsonObject, Trace, join_url, split_url

#: The members of an exchange that HAR has no place for: they are in `_pixazo`.
BEYOND_HAR: Final = (
    *("account", "probe", "case", "operation", "placement", "reader", "request_id", "aims", "intent", "media"),
)


def write_har(trace: Trace) -> bytes:
    """A trace as HAR 1.2. It contains no key, since a trace contains none; `_pixazo` has what HAR has no member for."""
    start, timed = datetime.fromisoformat(trace.header.started_at), list[tuple[float, JsonObject]]()
    for each in trace.exchanges:
        request = _request(each.method, each.url, each.request_headers, each.request_body, each.request_size)
        response = _response(each.status or 0, each.headers, each.error, each.body, each.size)
        beyond: JsonObject = {name: msgspec.to_builtins(getattr(each, name)) for name in BEYOND_HAR}
        timed.append((each.started, _entry(round(1000 * each.latency, 3), request, response, beyond)))
    for called in trace.callbacks:
        kept = {name.lower() for name, _ in called.headers}
        headers = (*called.headers, *((name, "") for name in called.header_names if name.lower() not in kept))
        url = join_url(trace.header.receiver or "http://receiver.invalid", called.target)
        request = _request(called.method, url, headers, called.body, called.size)
        timed.append((called.at, _entry(0, request, _response(called.answered, ()), {"callback": True})))
    entries = [
        {"startedDateTime": (start + timedelta(seconds=at)).isoformat(timespec="microseconds"), **entry}
        for at, entry in sorted(timed, key=itemgetter(0))
    ]
    creator = {"name": "pixazo-contracts", "version": version("pixazo-testkit")}
    ours = {"profile": msgspec.to_builtins(trace.profile)}
    log = {"version": "1.2", "creator": creator, "entries": entries, "_pixazo": ours}
    return json.dumps({"log": log}, ensure_ascii=False, indent=1).encode() + b"\n"


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[JsonObject]:
    return [{"name": name, "value": value} for name, value in pairs]


def _request(method: str, url: str, headers: Headers, body: str | None, size: int) -> JsonObject:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    posted = {} if body is None else {"postData": {"mimeType": kind, "text": body}}
    start: JsonObject = {
        "method": method,
        "url": url,
        "queryString": _pairs(parse_qsl(split_url(url).query, keep_blank_values=True)),
        "bodySize": size,
    }
    return {**start, **_head(headers), **posted}


def _head(headers: Headers) -> JsonObject:
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": _pairs(headers), "headersSize": -1}


def _response(
    status: int, headers: Headers, error: str | None = None, body: str | None = None, size: int = 0
) -> JsonObject:
    known = {name.lower(): value for name, value in reversed(headers)}
    content = {"size": size, "mimeType": known.get("content-type", ""), **({} if body is None else {"text": body})}
    start: JsonObject = {"status": status, "statusText": error or "", "redirectURL": known.get("location", "")}
    return {**start, **_head(headers), "content": content, "bodySize": size}


def _entry(took: float, request: JsonObject, response: JsonObject, ours: JsonObject) -> JsonObject:
    timings = {"send": 0, "wait": took, "receive": 0}
    return {"time": took, "request": request, "response": response, "cache": {}, "timings": timings, "_pixazo": ours}
