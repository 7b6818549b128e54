"""Describes the control routes as OpenAPI 3.1, from the routes themselves and the types that they take and return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any

import msgspec

from pixazo_simulator.spec import CONTROL_PREFIX, KEY_HEADER

from .client import TOKEN_HEADER
from .route import ControlRoute
from .schema.examples import REQUESTS, RESPONSES
from .schema.responses import AdvanceStopped, Refusal, schema_of, to_json

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
    """The number in the path, and the parameters of the query."""
    if route.pattern.groups:
        schema = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
        yield {"name": "number", "in": "path", "required": True, "schema": schema}
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
