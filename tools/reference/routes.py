"""docs/reference/routes.md: every route of `/_sim` with its members, from its OpenAPI document; docs/reference/documents.md: the same of files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pixazo_simulator.control import ROUTES
from pixazo_simulator.control.openapi import document

from .markdown import table

__all__ = ["documents_page", "page"]

_HEAD = """\
# The routes of /_sim, member by member

The control API as in its OpenAPI document (`pixazo-sim openapi`, or `GET /_sim/openapi.json`); [The control API](control.md) is the guide. Every route except `health` and `ready` can also return
400, 403 and 500 with a `Refusal`. This page is generated (`python -m tools.reference`).

"""
_DOCUMENTS_HEAD = """\
# Files and documents, member by member

The files that the commands read and the JSON documents that they write, from their JSON Schemas, which editors can use: `docs/schemas/`, published as
`https://pixazo-testkit.github.io/pixazo-testkit/schemas/NAME.json`. This page is generated (`python -m tools.reference`).

"""
Schema = Mapping[str, Any]


def _type(schema: Schema, prefix: str = "type-") -> str:
    """The type of a value, in words."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[`{name}`](#{prefix}{name.lower()})"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(each, prefix) for each in several))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{json.dumps(each)}`" for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema.get('items') or {}, prefix)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'], prefix)}"
    return " or ".join(kind) if isinstance(kind, list) else kind


def _parameter_type(schema: Schema) -> str:
    """The type of a parameter, with its bounds if it is a number."""
    least, most = schema.get("minimum"), schema.get("maximum")
    return _type(schema) if least is None or most is None else f"{_type(schema)}, {least} to {most}"


def _needed(schema: Schema, *, is_required: bool) -> tuple[str, str]:
    """Whether a value must be given, else what it is without; and what it is."""
    default = f": `{json.dumps(schema['default'])}`" if "default" in schema else ""
    return "yes" if is_required else f"no{default}", schema.get("description", "")


def _members(schema: Schema, prefix: str) -> str:
    """The members of an object as a table."""
    required = schema.get("required", ())
    members = schema.get("properties", {}).items()
    rows = ((f"`{name}`", _type(each, prefix), *_needed(each, is_required=name in required)) for name, each in members)
    return table(["member", "type", "needed", "is"], rows)


def _types(schemas: Mapping[str, Schema], document: str) -> Iterator[str]:
    for name, schema in schemas.items():
        prefix = f"{document}-"
        members = _members(schema, prefix) if "properties" in schema else f"{_type(schema, prefix)}\n\n"
        yield f"### {document}: {name}\n\n{schema.get('description', '')}\n\n{members}"


def _example(content: Schema) -> str:
    return f"```json\n{json.dumps(content['example'], indent=2)}\n```\n\n" if "example" in content else ""


def page() -> str:
    """The page of the routes."""
    described = document(ROUTES)
    parts = [_HEAD]
    for path, operations in described["paths"].items():
        for method, each in operations.items():
            parts.append(
                f"## {each['operationId']}\n\n`{method.upper()} {path}`: {each['summary']}\n\n{each.get('description', '')}\n\n"
            )
            rows = (
                (
                    f"`{p['name']}`",
                    f"{p['in']}, {_parameter_type(p['schema'])}",
                    *_needed({**p["schema"], **p}, is_required=p["required"]),
                )
                for p in each["parameters"]
            )
            parts.append(table(["parameter", "where and type", "needed", "is"], rows))
            if body := each.get("requestBody"):
                content = body["content"]["application/json"]
                parts.append(f"Takes {_type(content['schema'])}:\n\n{_example(content)}")
            for code, answer in each["responses"].items():
                content = next(iter(answer.get("content", {}).values()), {})
                kind = f": {_type(content['schema'])}" if "schema" in content else ""
                if code not in ("400", "403", "500"):
                    parts.append(f"{code} {answer['description']}{kind}.\n\n{_example(content)}")
    return "".join([*parts, "## Types\n\n", *_types(described["components"]["schemas"], "type")])


def documents_page() -> str:
    """The page of the files and documents."""
    parts = [_DOCUMENTS_HEAD]
    for file in sorted((Path(__file__).parents[2] / "docs" / "schemas").glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        about = "\n\n".join(filter(None, (schema.get("title"), schema.get("description"))))
        parts += [f"## {file.stem}\n\n[Schema](../schemas/{file.name}). {about}\n\n", _members(schema, f"{file.stem}-")]
        parts += _types(schema.get("$defs", {}), file.stem)
    return "".join(parts)
