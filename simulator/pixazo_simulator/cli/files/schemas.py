"""JSON Schemas of scripts, profiles and model files, made from the types that read them, for completion and checks in editors.

What a schema refuses the reader refuses, too; the reader also checks what no schema can, such as a regular expression.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from pixazo_simulator.script import CALLS, FAULTS, KNOWN, MOST_RULES, Rule, operations
from pixazo_simulator.spec import ANY_MODEL, PROFILES, SUBMITS, TERMINAL, ModelFile, points

Schema = dict[str, Any]

ADDRESS = "https://pixazo-testkit.github.io/pixazo-testkit/schemas/"
"""Where the schemas are published."""
_MODEL_CALL = "^[^/]+(/[^/]+)+$"


def file_schema(kind: str) -> Schema:
    """The schema of a kind of file: script, profile or model."""
    about, make = _KINDS[kind]
    return described(f"{ADDRESS}{kind}.json", about, make())


def described(identifier: str, about: str, schema: Schema) -> Schema:
    """A schema of a file with its head; a file may name it in its member `$schema`."""
    own = {"$schema": {"type": "string", "description": "the schema, for editors"}}
    schema["properties"] = own | schema["properties"]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier}
    return head | schema | {"title": about, "additionalProperties": False}


def root_of(kind: type) -> Schema:
    schema = cast("Schema", _plain(msgspec.json.schema(kind)))
    root: Schema = schema["$defs"].pop(kind.__name__)
    return {**root, "$defs": schema["$defs"]}


def _plain(value: Any) -> Any:
    """Without what only OpenAPI and Python know."""
    if isinstance(value, dict):
        members = cast("Schema", value)
        return {name: _plain(each) for name, each in members.items() if name != "discriminator"}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[object]", value)]
    return inspect.cleandoc(value).replace(r"\Z", "$") if isinstance(value, str) else value


def _script() -> Schema:
    rule = root_of(Rule)
    definitions: Schema = rule.pop("$defs")
    condition, facts = {"$ref": "#/$defs/Condition"}, sorted(frozenset[str]().union(*KNOWN.values()))
    several = {"type": "object", "additionalProperties": condition}
    when, match = rule["properties"]["when"], rule["properties"]["match"]
    when["anyOf"] = [{"enum": [*CALLS]}, {"type": when.pop("type"), "pattern": _MODEL_CALL}]
    match["properties"] = {each: several if each in ("headers", "body") else condition for each in facts}
    match["additionalProperties"] = False
    definitions["End"]["properties"]["status"] = {"enum": [*TERMINAL, None]}
    rule["allOf"] = [_about({"enum": [when]}, operations(when)) for when in CALLS]
    rule["allOf"].append(_about({"type": "string", "pattern": _MODEL_CALL}, frozenset({ANY_MODEL})))
    rules: Schema = {"type": "array", "items": {"$ref": "#/$defs/Rule"}, "maxItems": MOST_RULES}
    rules["description"] = "the first match decides"
    definitions = {"Rule": rule, "Condition": _condition(condition), **definitions}
    return {"type": "object", "properties": {"rules": rules}, "$defs": definitions}


def _about(when: Schema, about: frozenset[str]) -> Schema:
    faults = [kind for kind, fault in FAULTS.items() if about <= fault.applies_to]
    step: Schema = {"faults": {"items": {"properties": {"fault": {"enum": faults}}}}}
    step |= {} if about <= SUBMITS else {"end": {"type": "null"}}
    step |= {} if about <= CALLS["request"] else {"reply": {"type": "null"}}
    facts = sorted(frozenset[str].intersection(*(KNOWN[each] for each in about)))
    then = {
        "properties": {**step, "match": {"propertyNames": {"enum": facts}}, "then": {"items": {"properties": step}}}
    }
    return {"if": {"properties": {"when": when}, "required": ["when"]}, "then": then}


def _condition(condition: Schema) -> Schema:
    """A value, which means itself unless it is a table, or an operator with its operand."""
    text, several = {"type": "string"}, {"type": "array", "items": condition}
    operators: Mapping[str, Schema] = {
        "equals": {}, "contains": {}, "starts_with": text, "ends_with": text, "matches": {"type": "string", "maxLength": 500},
        "at_least": {"type": "number"}, "at_most": {"type": "number"}, "one_of": {"type": "array"}, "present": {"type": "boolean"},
        "all": several, "any": several, "not": condition,
    }  # fmt: skip
    about = "the value itself, or a table with one operator and its operand, such as {contains: bear}"
    one = {"additionalProperties": False, "maxProperties": 1, "minProperties": 1}
    return {"description": about, "properties": operators, **one}


def _profile() -> Schema:
    extends = {"enum": [*PROFILES], "default": "documented", "description": "the profile from which it starts"}
    return {"type": "object", "properties": {"extends": extends, **{name: _field(name) for name in points()}}}


def _field(name: str) -> Schema:
    """A field of the policy: one of its words, which may be written as numbers, true and false, or what its reader reads."""
    point, default, meant = points()[name], PROFILES["documented"].text(name), {"on": True, "off": False}
    words = [each for word in point.words for each in (word, meant.get(word, int(word) if word.isdecimal() else word))]
    value: Schema = {"enum": [*dict.fromkeys(words)]} if words else {"type": ["string", "integer", "array", "boolean"]}
    about = f"{point.description} [{point.label}; default: {default}]" + ("" if words else f" Forms: {point.forms}")
    return {**value, "description": about}


def _model() -> Schema:
    schema = root_of(ModelFile)
    schema["$defs"]["Operation"] = schema["$defs"].pop("_Row") | {"title": "Operation"}
    schema["properties"]["operations"]["items"] = {"$ref": "#/$defs/Operation"}
    return schema


_KINDS: Mapping[str, tuple[str, Callable[[], Schema]]] = {
    "script": ("A script of pixazo-sim: rules for what goes wrong (--script FILE)", _script),
    "profile": ("A profile of pixazo-sim: values of its policy (--profile FILE)", _profile),
    "model": ("A model file of pixazo-sim: additional operations to serve (--model FILE)", _model),
}
