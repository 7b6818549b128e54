"""Writes docs/schemas/NAME.json: the JSON Schema of each JSON document that a command or an option writes, and of each kind of file that users write."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from pixazo_contracts.judge import ComparisonDocument, ResultDocument
from pixazo_contracts.report import PageDiffDocument, PageDocument
from pixazo_contracts.trace import ProfileFile
from pixazo_simulator.cli.files.schemas import ADDRESS, described, file_schema, root_of
from pixazo_simulator.control import responses
from pixazo_simulator.server import KINDS
from pytest_pixazo.reports.coverage import CoverageDocument
from pytest_pixazo.reports.mutation import MutantsDocument
from pytest_pixazo.reports.results import BillDocument

DOCUMENTS: tuple[type[msgspec.Struct], ...] = (
    ResultDocument, ComparisonDocument, PageDocument, PageDiffDocument, CoverageDocument, BillDocument,
    MutantsDocument, responses.ProgramBill,
)  # fmt: skip


def schema_of(document: type[msgspec.Struct]) -> tuple[str, dict[str, Any]]:
    """The name and the schema of a document; its id is what documents have as `$schema`."""
    identifier = str(document.__struct_config__.tag)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier}
    schema = head | msgspec.json.schema(document)
    for each in schema["$defs"].values():
        each["description"] = inspect.cleandoc(each["description"])  # as Python does from 3.13 on
    return identifier.split(":")[2], schema


def contracts_profile() -> dict[str, Any]:
    """The schema of a profile of pixazo-contracts, which the simulator does not know."""
    schema = root_of(ProfileFile)
    schema["$defs"]["Ceilings"]["additionalProperties"] = False
    return described(f"{ADDRESS}contracts-profile.json", "A profile of pixazo-contracts (--profile FILE)", schema)


def main(folder: Path) -> None:
    """Write all of them into a folder."""
    files = {"contracts-profile": contracts_profile()} | {kind: file_schema(kind) for kind in KINDS}
    for name, schema in (*map(schema_of, DOCUMENTS), *files.items()):
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs" / "schemas"))
