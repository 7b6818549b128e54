"""Describes the control routes as OpenAPI 3.1, from the routes themselves and the shapes that they read and answer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

import msgspec

from pixazo_simulator.spec import CONTROL_PREFIX, KEY_HEADER

from .route import TOKEN_HEADER, ControlRoute
from .schema.responses import Refusal

_WHO = (
    "Our own routes beside those of the gateway: everything that a test does with a world, in any language. "
    f"A world is named by its API key in the header {KEY_HEADER}; there is no global reset. "
    "Only callers on loopback are answered, unless the server was started with --control-token or --control-open; with a token every "
    f"caller must send it in the header {TOKEN_HEADER}. Unofficial, not affiliated with the vendor."
)
_REASONS = {
    400: "The request does not fit, or a wish cannot be granted; nothing was changed",
    401: "No world was named",
    403: "Host or Origin is not a name of this machine, the caller is on another one, or the control token is missing or wrong",
    404: "No such world, or nothing of this number in it",
    408: "Time ran out",
    409: "The clock stopped before the end of the advance",
    413: "The body is too large",
    500: "A fault of the simulator: please report it",
}


def document(routes: Iterable[ControlRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes, as a JSON value."""
    described = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    references = _References(described)
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "pixazo-sim control API", "version": version("pixazo-testkit"), "description": _WHO},
        "servers": [{"url": "http://127.0.0.1:8900", "description": "pixazo-sim serve"}],
        "paths": paths,
        "components": {
            "schemas": references.components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
                "controlToken": {
                    "type": "apiKey",
                    "in": "header",
                    "name": TOKEN_HEADER,
                    "description": "The --control-token of the server, where it has one",
                },
            },
        },
    }


class _References:
    """The schema of every shape, by reference to the components."""

    def __init__(self, routes: Iterable[ControlRoute]) -> None:
        shapes = [Refusal, *(shape for route in routes for shape in _shapes(route))]
        schemas, self.components = msgspec.json.schema_components(
            shapes, ref_template="#/components/schemas/{name}"
        )  # fmt: skip
        for schema in self.components.values():
            if "description" in schema:
                schema["description"] = inspect.cleandoc(schema["description"])
        self._schemas = dict(zip(map(repr, shapes), schemas, strict=True))

    def __call__(self, shape: Any) -> dict[str, Any]:
        return self._schemas[repr(shape)]


def _shapes(route: ControlRoute) -> Iterator[Any]:
    yield route.told
    yield from route.refusals.values()
    if not route.reads_query:
        yield route.wish


def _operation(route: ControlRoute, reference: _References) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(route.carry_out.__doc__ or "").partition("\n")
    told = {
        "operationId": route.name,
        "summary": summary,
        "tags": [route.path.removeprefix(CONTROL_PREFIX).split("/")[1].partition(".")[0]],
        "parameters": [*_number(route), *_filters(route)],
        "responses": _responses(route, reference),
    }
    if more.strip():
        told["description"] = more.strip()
    who: dict[str, list[str]] = {"key": []} if route.worldly else {}
    told["security"] = [who, {**who, "controlToken": []}]
    if not route.reads_query and msgspec.structs.fields(route.wish):
        content: dict[str, Any] = {"schema": reference(route.wish), "example": route.example}
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    return told


def _number(route: ControlRoute) -> Iterator[dict[str, Any]]:
    if route.is_numbered:
        schema = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
        yield {"name": "number", "in": "path", "required": True, "schema": schema}


def _filters(route: ControlRoute) -> Iterator[dict[str, Any]]:
    """The members of a wish that is read from the query."""
    if route.reads_query:
        (_,), components = msgspec.json.schema_components([route.wish])
        for name, schema in components[route.wish.__name__]["properties"].items():
            described = schema.pop("description", "")
            parameter = {"name": name, "in": "query", "required": False, "schema": schema}
            yield {**parameter, "description": described} if described else parameter


def _responses(route: ControlRoute, reference: _References) -> dict[str, Any]:
    codes = dict.fromkeys([400, 403, 500], Refusal)
    codes |= dict.fromkeys([401, 404] if route.worldly else [], Refusal)
    codes |= dict.fromkeys([] if route.reads_query else [413], Refusal)
    codes |= route.refusals
    good = {
        "description": "Done",
        "content": {"application/json": {"schema": reference(route.told), "example": route.answer}},
    }
    refused = {
        str(code): {"description": _REASONS[code], "content": {"application/json": {"schema": reference(shape)}}}
        for code, shape in sorted(codes.items())
    }
    return {str(route.status): good, **refused}
