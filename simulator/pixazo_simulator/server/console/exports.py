"""Requests to the gateway for other programs: a journal as HAR 1.2, which HTTP tools read, a request as code that sends it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from shlex import quote as shell_word
from typing import Any
from urllib.parse import parse_qsl, quote

from pixazo_simulator.control import Exchange, curl_command
from pixazo_simulator.spec import KEY_HEADER, Operation

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


_SETTINGS = {
    "duration": 6, "resolution": "768P", "prompt_optimizer": True, "fast_pretreatment": False, "aigc_watermark": False,
}  # fmt: skip
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "generate": {
        "prompt": "A high-energy scene of a large, muscular bear leaping gracefully into a fast-flowing river to catch a fish.",
        **_SETTINGS,
    },
    "imageToVideo": {
        "prompt": "Man walked into winter cave with polar bear",
        "first_frame_image": "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg",
        **_SETTINGS,
    },
}
"""The body of each operation, as the page shows it (Request Code); of the long prompt only the first sentence."""


def snippets(path: str, body: str) -> dict[str, str]:
    """A POST of a JSON body, by language: cURL, Python, JavaScript; origin and key are taken from the environment."""
    words = [f'-H "{KEY_HEADER}: $PIXAZO_API_KEY"', "-H 'Content-Type: application/json'"]
    return {
        "cURL": curl_command("POST", shell_word(path), words, body, separator=" \\\n  "),
        "Python": _python(path, body),
        "JavaScript": _javascript(path, body),
    }


def _python(path: str, body: str) -> str:
    return f"""import os

import httpx2

response = httpx2.post(
    os.environ["PIXAZO_BASE_URL"] + {path!r},
    headers={{"{KEY_HEADER}": os.environ["PIXAZO_API_KEY"], "Content-Type": "application/json"}},
    content={body!r},
)
print(response.status_code, response.text)"""


def _javascript(path: str, body: str) -> str:
    return f"""const response = await fetch(process.env.PIXAZO_BASE_URL + {json.dumps(path)}, {{
  method: "POST",
  headers: {{"{KEY_HEADER}": process.env.PIXAZO_API_KEY, "Content-Type": "application/json"}},
  body: {json.dumps(body)},
}});
console.log(response.status, await response.text());"""


_VALUES: Mapping[str, Any] = {
    "string": "A bear", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}, "any": "A bear",
}  # fmt: skip


def sample_of(operation: Operation) -> Mapping[str, Any]:
    """The body of the page's sample; for other models, one with the members that the operation requires, except those in lists."""
    if operation.name in SAMPLES:
        return SAMPLES[operation.name]
    body: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter.required and "[]" not in parameter.name:
            *around, name = parameter.name.split(".")
            inner = body
            for step in around:
                inner = inner.setdefault(step, {})
            url = "https://example.com/input" if "url" in parameter.formats else _VALUES[parameter.type]
            inner[name] = parameter.enumeration[0] if parameter.enumeration else url
    return body
