"""Whether a JSON document is what its published schema says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"


def check(document: str | bytes) -> str:
    """Validate a document against the schema that it names, and return the name of that."""
    value = json.loads(document)
    _, _, name, version = value["$schema"].split(":")
    assert int(version) == value["version"]
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    assert schema["$id"] == value["$schema"]
    jsonschema_rs.validate(schema, value)
    return str(name)
