"""A request of the gateway as code that sends it; origin and key are taken from the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from pixazo_simulator.control import curl_command
from pixazo_simulator.spec import KEY_HEADER, Operation

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
    """A POST of a JSON body, by language: cURL, Python, JavaScript."""
    words = [f'-H "{KEY_HEADER}: $PIXAZO_API_KEY"', "-H 'Content-Type: application/json'"]
    return {
        "cURL": curl_command("POST", quote(path), words, body, separator=" \\\n  "),
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
