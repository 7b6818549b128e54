"""JSON Schemas of scripts, profiles and model files, made of the types that read them: editors complete and check by them.

What a schema refuses the reader refuses, too. It cannot say all that the reader does: what excludes what within a step, the syntax of a
regular expression, the weight of a script, the form of a policy value that is more than a word, or which operations a server has.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from pixazo_simulator.script import CALLS, FAULTS, KNOWN, MOST_RULES, WHENS, Rule, operations
from pixazo_simulator.spec import ANY_MODEL, PROFILES, SUBMITS, TERMINAL, ModelFile, points

Schema = dict[str, Any]

ADDRESS = "https://pixazo-testkit.github.io/pixazo-testkit/schemas/"
"""Where the schemas are published."""
_MODEL_CALL = "^[^/]+(/[^/]+)+$"
_MEMBERS = {
    "when": "what the rule is about: a word, or the name of an operation of a model file, such as ltx-video/text-to-video",
    "match": "facts and their values or conditions; all must hold",
    "after": "so many matching requests are let through first",
    "times": "how often the step happens: without a number always, or once if another step follows",
    "probability": "the share of matching requests that is decided",
    "since": "seconds of the world's clock since the rule was added, or an instant: before it the rule is not asked",
    "until": "seconds of the world's clock since the rule was added, or an instant: from it on the rule is not asked",
    "then": "the steps that follow, in order",
    "name": "what reports call the rule",
    "reply": "a response instead of the real one",
    "end": "how an accepted generation goes on",
    "faults": "what goes wrong",
}

_MODEL_MEMBERS = {
    "ModelFile": {
        "title": "what the model is called",
        "source": "the page of the vendor that it is taken from",
        "date": "the day of that page",
        "label": "how it is known, shown wherever the model is",
    },
    "Operation": {
        "title": "what the operation is called",
        "output": "what it makes: the extension of its media",
        "parameters": "the members of its body",
        "price": "dollars for one generation, or a table of prices; without: policy `price`",
        "response": "the template of a response at once, with {media_url}, {request_id} and {now}; without, the generation is queued",
        "name": "only for the operations of the page",
        "checks": "only for the operations of the page",
    },
    "Parameter": {
        "type": "what its value must be",
        "required": "whether a body must have it",
        "default": "what is taken where a body leaves it out",
        "enumeration": "its values; without: any",
        "minimum": "the least number",
        "maximum": "the greatest number",
        "exclusive_minimum": "whether `minimum` itself is too little",
        "min_length": "code points of a text, at least",
        "max_length": "code points of a text, at most",
        "min_items": "items of an array, at least",
        "max_items": "items of an array, at most",
        "max_bytes": "bytes of data in Base64, at most",
        "formats": "what a text is: url, base64, or both",
        "callback": "whether its value is a URL to which the end is posted",
        "description": "what the page says about it",
        "unchecked": "what the page states about it and nothing checks",
    },
    "PriceTable": {
        "by": "the parameter whose value chooses from `values`",
        "values": "value of that parameter -> dollars, in place of `base`",
        "per": "the parameter by whose number the price is multiplied",
    },
}


def file_schema(kind: str) -> Schema:
    """The schema of a kind of file: script, profile or model."""
    about, make = _KINDS[kind]
    return described(f"{ADDRESS}{kind}.json", about, make())


def described(identifier: str, about: str, schema: Schema) -> Schema:
    """A schema of a file with its head; a file may name it in its member `$schema`."""
    schema["properties"] = {
        "$schema": {"type": "string", "description": "the schema, for editors"},
        **schema["properties"],
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier}
    return head | schema | {"title": about, "additionalProperties": False}


def root_of(kind: type) -> Schema:
    """The schema of a type as JSON Schema has it, the type itself at the root."""
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
    members, step = rule["properties"], definitions["Step"]["properties"]
    condition, facts = {"$ref": "#/$defs/Condition"}, sorted(frozenset[str]().union(*KNOWN.values()))
    several = {"type": "object", "additionalProperties": condition}
    members["when"] = {"anyOf": [{"enum": [*WHENS]}, {"type": "string", "pattern": _MODEL_CALL}]}
    members["match"] = {
        "type": "object",
        "properties": {each: several if each in ("headers", "body") else condition for each in facts},
    }
    members["match"]["additionalProperties"] = False
    for name, meaning in _MEMBERS.items():
        for each in (members, step):
            if name in each:
                each[name] = {"description": meaning, **each[name]}
    definitions["End"]["properties"]["status"] = {"enum": [*TERMINAL, None]}
    rule["allOf"] = [_about({"enum": [when]}, operations(when)) for when in WHENS]
    rule["allOf"].append(_about({"type": "string", "pattern": _MODEL_CALL}, frozenset({ANY_MODEL})))
    rules = {
        "type": "array",
        "items": {"$ref": "#/$defs/Rule"},
        "maxItems": MOST_RULES,
        "description": "the first that matches decides",
    }
    return {
        "type": "object",
        "properties": {"rules": rules},
        "$defs": {"Rule": rule, "Condition": _condition(condition), **definitions},
    }


def _about(when: Schema, about: frozenset[str]) -> Schema:
    """What a rule may hold that is about these operations."""
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
    """A value, which any but a table stands for itself, or an operator with its operand."""
    text, several = {"type": "string"}, {"type": "array", "items": condition}
    operators: Mapping[str, Schema] = {
        "equals": {}, "contains": {}, "starts_with": text, "ends_with": text, "matches": {"type": "string", "maxLength": 500},
        "at_least": {"type": "number"}, "at_most": {"type": "number"}, "one_of": {"type": "array"}, "present": {"type": "boolean"},
        "all": several, "any": several, "not": condition,
    }  # fmt: skip
    about = "the value itself, or a table of one operator and its operand, such as {contains: bear}"
    return {
        "description": about,
        "properties": operators,
        "additionalProperties": False,
        "maxProperties": 1,
        "minProperties": 1,
    }


def _profile() -> Schema:
    extends = {"enum": [*PROFILES], "default": "documented", "description": "the profile from which it starts"}
    return {"type": "object", "properties": {"extends": extends, **{name: _field(name) for name in points()}}}


def _field(name: str) -> Schema:
    """A field of the policy: one of its words, which may be written as numbers, true and false, or what its reader reads."""
    point, default, meant = points()[name], PROFILES["documented"].text(name), {"on": True, "off": False}
    words = [each for word in point.words for each in (word, meant.get(word, int(word) if word.isdecimal() else word))]
    value: Schema = {"enum": [*dict.fromkeys(words)]} if words else {"type": ["string", "integer", "array", "boolean"]}
    about = f"{point.description} [{point.label}; without: {default}]" + ("" if words else f" Forms: {point.forms}")
    return {**value, "description": about}


def _model() -> Schema:
    schema = root_of(ModelFile)
    schema["$defs"]["Operation"] = schema["$defs"].pop("_Row") | {"title": "Operation"}
    schema["properties"]["operations"]["items"] = {"$ref": "#/$defs/Operation"}
    for name, members in _MODEL_MEMBERS.items():
        properties = schema["$defs"].get(name, schema)["properties"]
        for member, meaning in members.items():
            properties[member]["description"] = meaning
    return schema


_KINDS: Mapping[str, tuple[str, Callable[[], Schema]]] = {
    "script": ("A script of pixazo-sim: rules of what goes wrong (--script FILE)", _script),
    "profile": ("A profile of pixazo-sim: values of its policy (--profile FILE)", _profile),
    "model": ("A model file of pixazo-sim: operations that are served, too (--model FILE)", _model),
}
