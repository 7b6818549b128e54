"""Describes the control routes as OpenAPI 3.1, from the routes themselves and the types that they take and return, with examples."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import msgspec

from pixazo_simulator.spec import CONTROL_PREFIX, KEY_HEADER
from pixazo_simulator.state import WorldLog
from pixazo_simulator.world import Begun, Row

from .client import TOKEN_HEADER
from .route import ControlRoute
from .schema import responses as body
from .schema.responses import AdvanceStopped, Instant, Refusal, schema_of, to_json

_ABOUT = (
    "The simulator's own routes besides those of the gateway: everything that a test does with a world, in any language. "
    f"A world is identified by its API key in the header {KEY_HEADER}; there is no global reset. "
    "Only callers on loopback are served, unless the server was started with --control-token or --control-open; with a token every "
    f"caller must send it in the header {TOKEN_HEADER}. Unofficial, not affiliated with the vendor."
)
_REASONS: dict[Any, str] = {
    400: "The request is not valid, or is valid but cannot be fulfilled; nothing was changed",
    401: "No world was specified",
    403: "Host or Origin is not a name of this machine, the caller is on another machine, or the control token is missing or wrong",
    404: "No such world, or nothing with this number in it",
    406: "What was expected did not happen",
    408: "Timed out",
    409: "The key has a world already",
    AdvanceStopped: "The clock stopped before the end of the advance",
    413: "The body is too large",
    500: "A fault of the simulator: please report it",
    503: "The store of the worlds cannot be used now: retry after Retry-After seconds",
}

Reference = Callable[[Any], dict[str, Any]]


_NUMBERED = {
    "deliveries": "of a webhook, as `deliveries` lists it",
    "rules": "of a rule, as `script` lists it",
    "states": "of a state, as `keepState` returned it",
    "tls-listeners": "of a TLS listener, as `openTlsListener` returned it",
}
"""What the number in a path is, by the word before it."""


def document(routes: Iterable[ControlRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes, as a JSON value."""
    described = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    reference, components = _referenced(described)
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, reference)
    token = {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}
    token["description"] = "The --control-token of the server, where it has one"
    return {
        "openapi": "3.1.0",
        "info": {"title": "pixazo-sim control API", "version": version("pixazo-testkit"), "description": _ABOUT},
        "servers": [{"url": "http://127.0.0.1:8900", "description": "pixazo-sim serve"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": KEY_HEADER}, "controlToken": token},
        },
    }


def _referenced(routes: Iterable[ControlRoute]) -> tuple[Reference, dict[str, Any]]:
    """The schema of each type, by reference to the components, and the components."""
    types: list[Any] = [Refusal]
    for route in routes:
        body = [] if route.reads_query else [route.request_type]
        types += [route.response_type, *route.refusals.values(), *body]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}", schema_hook=schema_of
    )
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    found = dict(zip(map(repr, types), schemas, strict=True))
    return lambda kind: found[repr(kind)], components


def _operation(route: ControlRoute, reference: Reference) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(route.carry_out.__doc__ or "").partition("\n")
    described = {
        "operationId": route.name,
        "summary": summary,
        "tags": [route.path.removeprefix(CONTROL_PREFIX).split("/")[1].partition(".")[0]],
        "parameters": list(_parameters(route)),
        "responses": _responses(route, reference),
    }
    if more.strip():
        described["description"] = more.strip()
    who: dict[str, list[str]] = {"key": []} if route.needs_world else {}
    described["security"] = [who, {**who, "controlToken": []}]
    if not route.reads_query and msgspec.structs.fields(route.request_type):
        content: dict[str, Any] = {"schema": reference(route.request_type), "example": REQUESTS[route.name]}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _parameters(route: ControlRoute) -> Iterator[dict[str, Any]]:
    if route.pattern.groups:
        schema = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
        described = _NUMBERED[route.path.partition("/{number}")[0].rpartition("/")[2]]
        yield {"name": "number", "in": "path", "required": True, "schema": schema, "description": described}
    if route.reads_query:
        (_,), components = msgspec.json.schema_components([route.request_type])
        described_type = components[route.request_type.__name__]
        required = described_type.get("required", ())
        for name, schema in described_type["properties"].items():
            described = schema.pop("description", "")
            parameter = {"name": name, "in": "query", "required": name in required, "schema": schema}
            yield {**parameter, "description": described} if described else parameter


def _responses(route: ControlRoute, reference: Reference) -> dict[str, Any]:
    codes = dict.fromkeys([400, 403, 500], Refusal)
    codes |= dict.fromkeys([401, 404] if route.needs_world else [], Refusal)
    codes |= dict.fromkeys([] if route.reads_query else [413], Refusal)
    codes |= route.refusals
    kind = route.response_type
    content = {"schema": reference(kind), "example": to_json(RESPONSES[kind])}
    good = {"description": "Done", "content": {"text/plain" if kind is str else "application/json": content}}
    refused = {
        str(code): {
            "description": _REASONS.get(refusal, _REASONS[code]),
            "content": {"application/json": {"schema": reference(refusal)}},
        }
        for code, refusal in sorted(codes.items())
    }
    return {str(route.status): good, **refused}


_START, _STARTED, _ENDED = map(
    Instant.fromisoformat, ("2026-03-31T10:00:00.000Z", "2026-03-31T10:00:02.000Z", "2026-03-31T10:00:15.000Z")
)
_ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
_SUBMIT = "/minimax-hailuo-ai/v1/generate"
_HOOK = "http://127.0.0.1:5000/hook"

_BUSY: dict[str, Any] = {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 2}
_NO_BEARS: dict[str, Any] = {
    "when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "content policy"},
}  # fmt: skip
REQUESTS: dict[str, dict[str, Any]] = {
    "createWorld": {"balance": "0.50", "clock": "manual", "policy": {"job_times": "1+4"}, "seed": 7, "name": "nightly"},
    "changeWorld": {"balance": "0.00", "policy": {"rate_limit": "5/60"}},
    "advance": {"seconds": 15},
    "waitFor": {"exchanges": {"operation": "generate", "status": 202}, "timeout": 5},
    "verify": {"exchanges": {"operation": "status"}, "at_most": 30},
    "explain": {"method": "POST", "path": _SUBMIT, "body": {"prompt": "A bear"}},
    "setScript": {"rules": [_BUSY, _NO_BEARS]},
    "addRule": _NO_BEARS,
    "replaceRule": {"when": "status", "faults": [{"fault": "connection_reset"}], "times": 1},
    "rotateWebhookSecret": {"overlap": 86400},
    "openTlsListener": {"hosts": ["gateway.pixazo.ai"]},
}
"""The body of each route that takes one, by operationId."""

_BEGUN = Begun(1_774_951_200_000, 1_774_951_200_000)
_CLOCK = body.ClockState(_START, "manual", next_webhook_at=_ENDED)
_STATE: dict[str, Any] = {
    "now": _START, "clock": "manual", "seed": 7, "name": "nightly", "balance": Decimal("0.50"), "suspended": False, "model_enabled": True,
    "generations": 0, "exchanges": 0, "webhook_secret": None, "former_webhook_secrets": [], "policy": {"job_times": "1+4", "rate_limit": "off"},
}  # fmt: skip
_GENERATION = body.Generation(
    _ID, "generate", duration=6, resolution="768P", status="QUEUED", accepted_at=_START, since=_START,
    plan=body.Plan(queued=2, processing=13, outcome="COMPLETED", error=None),
)  # fmt: skip
_GENERATIONS = body.GenerationPage(total=1, generations=[_GENERATION])
_PRICE, _NOTHING = Decimal("0.35"), Decimal("0.00")
_BILLED = body.BilledGeneration(
    _ID, "generate", _START, _PRICE, _NOTHING, "COMPLETED", "delivered", waste=None, failed_before=0, curl=None
)
_QUEUED: dict[str, Any] = {
    "request_id": _ID, "status": "QUEUED", "model_id": "minimax-hailuo-ai", "error": None, "output": None,
    "created_at": "2026-03-31T10:00:00.000Z", "updated_at": "2026-03-31T10:00:00.000Z", "completed_at": None,
}  # fmt: skip
_EXCHANGE = body.Exchange(
    1, _START, "POST", _SUBMIT, 202, reason=f"accepted {_ID}", request_id=_ID, rule=None, faults=(), expected=True, hint=None,
    request=body.Request(
        headers={"content-type": "application/json", "ocp-apim-subscription-key": "[redacted]"},
        headers_left_out=0, body={"prompt": "A bear"}, length=19,
    ),
    response=body.Response(
        headers={"content-type": "application/json"},
        body={"request_id": _ID, "status": "QUEUED", "polling_url": f"http://127.0.0.1:8900/v2/requests/status/{_ID}"},
        length=199, cut=None,
    ),
)  # fmt: skip
_JOURNAL = body.JournalPage(total=1, dropped=0, exchanges=[_EXCHANGE])
_ATTEMPT = body.Attempt(_ENDED, 204, problem=None, rule=None, faults=())
_DELIVERY = body.Delivery(
    1, _ID, _HOOK, "X-Webhook-URL", "status", copy_of=None, due_at=_ENDED, delivered=True, rule=None, faults=(),
    attempts=(_ATTEMPT,),
)  # fmt: skip
_DELIVERIES = body.DeliveryPage(total=1, deliveries=[_DELIVERY])
_POSTED = {"request_id": _ID, "status": "COMPLETED"}
_DETAIL = body.DeliveryDetail(
    **msgspec.structs.asdict(_DELIVERY), method="POST", headers={"content-type": "application/json"},
    text=json.dumps(_POSTED, separators=(",", ":")), body=_POSTED, exact=True,
)  # fmt: skip
_EVENTS = [
    body.Event("transition", _STARTED, _ID, "PROCESSING"),
    body.Event("transition", _ENDED, _ID, "COMPLETED"),
    body.Event("webhook", _ENDED, _ID, 204, number=1, url=_HOOK, problem=None, rule=None, faults=()),
]
_UPCOMING = [
    body.UpcomingEvent("transition", _STARTED, _ID, "PROCESSING"),
    body.UpcomingEvent("transition", _ENDED, _ID, "COMPLETED"),
    body.UpcomingEvent("webhook", _ENDED, _ID, number=1, url=_HOOK, attempt=1, rule=None, faults=()),
]
_ENTRIES = [
    body.Entry(_START, "opening", Decimal("100.00"), request_id=None),
    body.Entry(_START, "debit", Decimal("-0.35"), _ID),
]
_SCRIPT = body.ScriptState([
    body.ScriptRule(1, "rule 1: when generate", _BUSY, used=[2], matched=2, missed=None),
    body.ScriptRule(
        2, "rule 2: when generate, prompt contains 'bear'", _NO_BEARS, used=[0], matched=0,
        missed=["prompt is 'A cat', expected: contains 'bear'"],
    ),
])  # fmt: skip
_SUMMARY = f"POST {_SUBMIT} gets 202: accepted {_ID}"

RESPONSES: dict[Any, object] = {
    dict[str, Any]: {"openapi": "3.1.0"},
    str: "# HELP pixazo_worlds Worlds that are open.\n# TYPE pixazo_worlds gauge\npixazo_worlds 1.0\n",
    **{
        type(each): each
        for each in (
            body.Health("ok", worlds=1),
            body.Ready("ready"),
            body.StateNumber(1),
            WorldLog(_BEGUN, (Row("turn", b"\xc0"),), (), "00112233445566778899aabbccddeeff"),
            _CLOCK,
            body.WorldState(**_STATE),
            body.CreatedWorld(key="sim-71f9dd0c2b8d4a43", request_ids=[], **_STATE),
            body.WorldList(1, [body.WorldSummary(1, "nightly", _START, "manual", Decimal("99.65"), 1, 1)]),
            body.History(1, [body.HistoryEntry(17, _START, f"POST {_SUBMIT}: 202")]),
            body.Deleted(deleted=True),
            body.Advanced(_ENDED, _EVENTS),
            body.Upcoming(_START, _ENDED, _UPCOMING, more=False),
            body.LedgerPage(Decimal("99.65"), total=2, entries=_ENTRIES),
            body.Bill(1, _PRICE, _NOTHING, _NOTHING, 0, 0, [_BILLED]),
            _GENERATIONS,
            body.StatusAnswer(_ID, _START, 200, json.dumps(_QUEUED, separators=(",", ":")), _QUEUED),
            _JOURNAL,
            body.WaitResult(exchanges=[_EXCHANGE]),
            _SCRIPT,
            body.WorldRecord(_CLOCK, _JOURNAL, body.JournalPage(0, 0, []), _GENERATIONS, _DELIVERIES, _SCRIPT),
            body.RuleNumber(1),
            _DELIVERIES,
            _DETAIL,
            _ATTEMPT,
            body.Explanation(_SUMMARY, _EXCHANGE, (), _PRICE, _GENERATION, deliveries=()),
            body.TlsListener(1, 41443, "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"),
            body.Closed(closed=True),
        )
    },
}
"""Each response, by its type."""
