"""Which operation a method and a path mean, and the names of what a request carries besides its body."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from .operations import Operation
from .parameters import HAILUO, MODEL_ID, OPERATIONS, TEXT_TO_VIDEO
from .text import regex

__all__ = [
    "CALLBACK_MEMBER", "CONSOLE_PATH", "CONTROL_PREFIX", "DISCOVERY_PATH", "KEY_HEADER", "OPENAPI_PATH", "QUERY_KEY",
    "STATUS_PATH", "SUBMIT_PATHS", "WEBHOOK_MODE_HEADER", "WEBHOOK_URL_HEADER", "Endpoint", "Header", "MediaRead",
    "StatusRead", "Submit", "UnknownModel", "Unrouted", "classify", "order",
]  # fmt: skip

Header = tuple[bytes, bytes]
"""Name and value, as ASGI has them."""

KEY_HEADER = "Ocp-Apim-Subscription-Key"  # page: Authentication
QUERY_KEY = "subscription-key"
"""The query parameter that may contain the key instead of the header: the default of Azure API Management (AUTH-06)."""
WEBHOOK_URL_HEADER = "X-Webhook-URL"  # page: Webhooks
WEBHOOK_MODE_HEADER = "X-Webhook-Mode"
"""Not on the page: seen in public code (policy `webhook_events`)."""
CALLBACK_MEMBER = "callback_url"  # page: Request Parameters

SUBMIT_PATHS = {operation.path: operation for operation in HAILUO}
STATUS_PATH = "/v2/requests/status/"
CONTROL_PREFIX = "/_sim"
"""How the path of every control route begins."""
CONSOLE_PATH = "/_sim/console"
"""How the path of every page of the console begins."""
DISCOVERY_PATH = "/.well-known/pixazo-target"
"""Where a contract suite finds the discovery document: what it may ask this simulator to do."""
OPENAPI_PATH = "/openapi.json"
"""Where the gateway is described as OpenAPI."""

# Paths are compared after percent-decoding, and case matters: the page prints each in one form only.
_MEDIA = regex(r"/v1/(?P<request_id>[^/]+)/output\.[^/]+")
# A segment such as v2 is a version of the gateway's own routes; the simulator's own routes begin with another character.
_ANY_MODEL = regex(r"/(?!v[0-9]+/)(?P<model_id>[A-Za-z0-9][\w.-]{0,99})/(?P<rest>.+)", re.ASCII | re.DOTALL)


class Submit(msgspec.Struct, frozen=True):
    """A submission: a POST to the path of an operation."""

    operation: Operation

    @property
    def name(self) -> str:
        """How rules, the journal and reports call it."""
        return self.operation.name


class StatusRead(msgspec.Struct, frozen=True):
    """`GET /v2/requests/status/{request_id}`; the id may be any string, even an empty one."""

    name: ClassVar[str] = "status"
    request_id: str


class MediaRead(msgspec.Struct, frozen=True):
    """`GET` or `HEAD /v1/{request_id}/output.{extension}`, as in the `media_url` of the page's sample."""

    name: ClassVar[str] = "media"
    request_id: str


class UnknownModel(msgspec.Struct, frozen=True):
    """A POST below the path of another model: 400 for a caller with a valid key (ERR-400-02), an unknown route for any other.

    `operation` is that of the rest of the path if it `is_route`, else text-to-video, by which policy `check_order` may judge the body.
    """

    name: ClassVar[None] = None
    operation: Operation
    model_id: str
    is_route: bool = True


class Unrouted(msgspec.Struct, frozen=True):
    """No route of the gateway, such as those of the simulator's own; `allow` is the method to use when only the method is wrong."""

    name: ClassVar[None] = None
    allow: str | None = None


Endpoint = Submit | StatusRead | MediaRead | UnknownModel | Unrouted
"""What a method and a path mean; `name` is the operation that rules can be about, None where no rule can."""

_UNROUTED = Unrouted()
_SUBMITS = {path: Submit(operation) for path, operation in SUBMIT_PATHS.items()}


def classify(method: str, path: str) -> Endpoint:
    """Which endpoint a request is for; `path` is percent-decoded and without query. The one place that decides it."""
    if path.startswith(STATUS_PATH):
        return StatusRead(path[len(STATUS_PATH) :]) if method == "GET" else Unrouted("GET")
    if path in _SUBMITS:
        return _SUBMITS[path] if method == "POST" else Unrouted("POST")
    if method in ("GET", "HEAD") and (media := _MEDIA.fullmatch(path)):
        return MediaRead(media["request_id"])
    if method == "POST" and (other := _ANY_MODEL.fullmatch(path)) and other["model_id"] != MODEL_ID:
        operation = OPERATIONS.get(other["rest"].removeprefix("v1/"))
        is_route = operation is not None and other["rest"].startswith("v1/")
        return UnknownModel(operation or TEXT_TO_VIDEO, other["model_id"], is_route)
    return _UNROUTED


def order(target: str, webhook_url: object, body: object, length: int) -> tuple[object, ...]:
    """What a submission orders, the same for one that repeats it. One with another webhook URL does not: it may be the order of another user."""
    return target, webhook_url, body, length
