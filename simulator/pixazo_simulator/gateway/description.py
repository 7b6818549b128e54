"""Describes the gateway as OpenAPI 3.1, from the operations that are served; what a page states but nothing checks is `x-pixazo-unchecked`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET

from pixazo_simulator.spec import KEY_HEADER, MEDIA_KINDS, STATUS_PATH, WEBHOOK_URL_HEADER, Operation, Parameter

_ABOUT = "The gateway as the simulator serves it. Unofficial, not affiliated with the vendor; x-pixazo-label says how we know each operation."
_CODES = {
    400: "The parameters or the body are not valid, or the model is disabled", 401: "The key is missing or invalid",
    402: "The balance is too low", 403: "The key is suspended", 429: "Too many requests", 500: "An error of the gateway",
}  # fmt: skip
_REQUEST_ID = {"name": "request_id", "in": "path", "required": True, "schema": {"type": "string"}}
_WEBHOOK = {
    "name": WEBHOOK_URL_HEADER, "in": "header", "description": "Where the result is posted to",
    "schema": {"type": "string", "format": "uri"},
}  # fmt: skip
_BOUNDS = {
    "maximum": "maximum", "min_length": "minLength", "max_length": "maxLength", "min_items": "minItems", "max_items": "maxItems",
}  # fmt: skip


def gateway_document(operations: Iterable[Operation], version: str, server: str) -> dict[str, Any]:
    """The OpenAPI document of the gateway with these operations at the origin `server`, as a JSON value; `version` is that of the package."""
    kinds = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_KINDS.values()}
    missing = {"description": "There is none"}
    status = {
        "operationId": "status", "summary": "The status of a generation", "parameters": [_REQUEST_ID],
        "responses": {"200": _json("As it is now", "Status"), **_refused(401, 403, 429, 500), "404": missing},
    }  # fmt: skip
    media = {
        "operationId": "media", "summary": "The media of a completed generation", "security": [],
        "parameters": [_REQUEST_ID, {**_REQUEST_ID, "name": "extension"}],
        "responses": {"200": {"description": "The media", "content": kinds}, "404": missing},
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pixazo gateway, simulated", "version": version, "description": _ABOUT},
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "paths": {
            **{each.path: {"post": _submission(each)} for each in operations},
            f"{STATUS_PATH}{{request_id}}": {"get": status},
            "/v1/{request_id}/output.{extension}": {"get": media},
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": KEY_HEADER}},
        },
    }


_TEXT: dict[str, Any] = {"type": "string"}
_NULLABLE: dict[str, Any] = {"type": ["string", "null"]}
_SCHEMAS: dict[str, Any] = {
    "Accepted": {
        "type": "object", "required": ["request_id", "status", "polling_url"],
        "properties": {"request_id": _TEXT, "status": {"const": "QUEUED"}, "polling_url": {"type": "string", "format": "uri"}},
    },
    "Status": {
        "type": "object", "required": ["request_id", "status", "model_id", "error", "output"],
        "properties": {
            "request_id": _TEXT, "status": {"enum": ["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"]},
            "model_id": _TEXT, "error": _NULLABLE,
            "output": {
                "type": ["object", "null"], "required": ["media_url", "media_type"],
                "properties": {"media_url": {"type": "array", "items": _TEXT}, "media_type": _TEXT},
            },
            "created_at": _TEXT, "updated_at": _TEXT, "completed_at": _NULLABLE,
        },
    },
    "Refusal": {"type": "object", "properties": {"error": _TEXT, "message": _TEXT}},
}  # fmt: skip


def _json(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _refused(*codes: int) -> dict[str, Any]:
    return {str(code): _json(_CODES[code], "Refusal") for code in codes}


def _submission(operation: Operation) -> dict[str, Any]:
    at_once = {"description": "The media", "content": {"application/json": {"example": operation.response}}}
    good = {"202": _json("Accepted", "Accepted")} if operation.response is None else {"200": at_once}
    return {
        "operationId": operation.name,
        "summary": operation.title,
        "tags": [operation.model],
        "parameters": [_WEBHOOK] if operation.response is None else [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(operation)}}},
        "responses": {**good, **_refused(*_CODES)},
        "x-pixazo-label": operation.label,
        "x-pixazo-source": operation.source,
        "x-pixazo-date": operation.date,
        "x-pixazo-model-id": operation.model_id,
    }


def _body(operation: Operation) -> dict[str, Any]:
    """The schema of a body: parameters with dotted names become properties of objects."""
    body: dict[str, Any] = {"type": "object"}
    for parameter in operation.parameters:
        *around, name = parameter.name.split(".")
        schema = body
        for step in around:
            schema = _inside(schema, step)
        _inside(schema, name).update(_rules(parameter))
        if parameter.required and not name.endswith("[]"):
            schema.setdefault("required", []).append(name)
    return body


def _inside(schema: dict[str, Any], step: str) -> dict[str, Any]:
    """The schema of a member; of the elements of one, where the step ends in `[]`."""
    member: dict[str, Any] = schema.setdefault("properties", {}).setdefault(step.removesuffix("[]"), {})
    return member.setdefault("items", {}) if step.endswith("[]") else member


def _rules(parameter: Parameter) -> Iterator[tuple[str, Any]]:
    if parameter.type != "any":
        yield "type", parameter.type
    if parameter.enumeration:
        yield "enum", [*parameter.enumeration]
    if parameter.default is not UNSET:
        yield "default", parameter.default
    if parameter.minimum is not None:
        yield "exclusiveMinimum" if parameter.exclusive_minimum else "minimum", parameter.minimum
    yield from ((word, value) for name, word in _BOUNDS.items() if (value := getattr(parameter, name)) is not None)
    if parameter.formats == ("url",):
        yield "format", "uri"
    if parameter.description:
        yield "description", parameter.description
    if parameter.unchecked:
        yield "x-pixazo-unchecked", [*parameter.unchecked]
