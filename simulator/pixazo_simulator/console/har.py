"""A journal as HAR 1.2, which browsers and other HTTP tools read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl, quote

from pixazo_simulator.control import Exchange

_UNKNOWN = -1
"""The value of a length that was not measured (HAR 1.2: -1 if the info is not available)."""
_URL = "%/?:@!$&'()*+,;=-._~"
"""The characters of a target that stay as they are in its URL."""


def har(exchanges: Iterable[Exchange], origin: str) -> dict[str, Any]:
    """The exchanges as the journal shows them, without keys and with long bodies cut; `origin` is that of the gateway."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "pixazo-sim", "version": version("pixazo-testkit")},
            "entries": [_entry(each, origin) for each in exchanges],
        }
    }


def _entry(exchange: Exchange, origin: str) -> dict[str, Any]:
    sent, answered = exchange.request, exchange.response
    posted = {"postData": {"mimeType": sent.headers.get("content-type", ""), "text": _text(sent.body)}}
    return {
        "startedDateTime": str(exchange.at),
        "time": 0,  # required by HAR: an exchange takes no time on the world's clock
        "request": {
            "method": exchange.method,
            "url": origin + quote(exchange.target, safe=_URL),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _listed(sent.headers.items()),
            "queryString": _listed(parse_qsl(exchange.target.partition("?")[2], keep_blank_values=True)),
            "headersSize": _UNKNOWN,
            "bodySize": sent.length,
            **(posted if sent.length else {}),
        },
        "response": {
            "status": exchange.status,
            "statusText": HTTPStatus(exchange.status).phrase if exchange.status in set(HTTPStatus) else "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _listed(answered.headers.items()),
            "content": {
                "size": answered.length,
                "mimeType": answered.headers.get("content-type", ""),
                "text": _text(answered.body),
            },
            "redirectURL": answered.headers.get("location", ""),
            "headersSize": _UNKNOWN,
            "bodySize": answered.length,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "comment": exchange.reason,
    }


def _listed(members: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in members]


def _text(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
