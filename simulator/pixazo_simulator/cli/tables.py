"""The commands that print what the simulator knows: `policy`, `faults`, `magic`, `mutants` and `openapi`."""

from __future__ import annotations

import inspect
import json
import shutil
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import click
import msgspec

from pixazo_simulator.script import CALLS, EXAMPLES, FAULTS, default_of, in_python, in_toml
from pixazo_simulator.spec import KEYS, OUTCOME_HEADER, PROMPTS, rows

from .options import usage_error
from .verbs.printing import aligned

MOST_COLUMNS = 120
_INDENT = "    "
_json_option = click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")


def _print(
    table: list[dict[str, Any]], head: str, paragraph: Callable[[dict[str, Any]], Iterable[str]], *, as_json: bool
) -> None:
    """Print each row of a table as a paragraph: its title, then texts that are wrapped to the terminal, unless they have lines."""
    if as_json:
        _print_json(table)
        return
    width = min(MOST_COLUMNS, shutil.get_terminal_size((100, 24)).columns)
    click.echo(head)
    for row in table:
        title, *texts = paragraph(row)
        click.echo(f"\n{title}")
        for text in texts:
            lines = text.splitlines() if "\n" in text else textwrap.wrap(text, width - len(_INDENT))
            click.echo(textwrap.indent("\n".join(lines), _INDENT))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


@click.command()
@_json_option
def policy(*, as_json: bool) -> None:
    """Print every point that the vendor's page leaves open.

    A point has its field, its values in the two profiles, the forms that a value may take, how we know it, and its clauses.
    """
    head = "Set a field with `pixazo-sim serve --set FIELD=VALUE`, or start from `--profile observed`."
    _print([row._asdict() for row in rows()], head, _point, as_json=as_json)


def _point(row: dict[str, Any]) -> Iterable[str]:
    documented, observed, values = row["documented"], row["observed"], row["values"]
    seen = "" if documented == observed else f"   (observed: {observed})"
    title = f"{row['row']:>2}  {row['field']}"
    yield f"{click.style(title, bold=True)} = {documented}{seen}"
    yield f"[{row['label']}] {row['clauses']}"
    yield row["description"]
    if values != documented:
        yield f"values: {values}"


@click.command()
@_json_option
def faults(*, as_json: bool) -> None:
    """Print every kind of fault: what it does, where it applies, its parameters, and an example in Python and TOML.

    Faults of one rule combine: delays add up and come first, then the body is garbled or cut short, then the connection ends.
    """
    head = "Use one in a test (Python), or in the file of `pixazo-sim serve --script FILE` (TOML)."
    _print([_fault(kind) for kind in FAULTS], head, _fault_lines, as_json=as_json)


def _fault(kind: str) -> dict[str, Any]:
    fault, example = FAULTS[kind], EXAMPLES[kind]
    return {
        "fault": kind,
        "name": fault.__name__,
        "description": inspect.cleandoc(fault.__doc__ or ""),
        "applies_to": [when for when, operations in CALLS.items() if operations <= fault.applies_to],
        "parameters": {field.name: default_of(field) for field in msgspec.structs.fields(fault)},
        "python": in_python(example),
        "toml": in_toml(example),
        "rule": example.as_json(),
    }


def _fault_lines(row: dict[str, Any]) -> Iterable[str]:
    given = ", ".join(f"{name}{'' if value is None else f'={value!r}'}" for name, value in row["parameters"].items())
    yield f"{click.style(row['fault'], bold=True)}  {row['name']}({given})"
    yield f"{' '.join(row['description'].split())} Applies to {', '.join(row['applies_to'])}."
    yield f"{row['python']}\n{row['toml']}"


@click.command()
def magic() -> None:
    """Print the marks and keys that let a caller choose an outcome without `/_sim`.

    A script rule beats magic, magic beats policy; `serve --no-magic` switches it off.
    """
    click.echo("In a prompt, anywhere and together:")
    click.echo(_columns([(form, f"the generation {does}") for form, does in PROMPTS.values()]))
    click.echo(
        f"\nThe same in the header {OUTCOME_HEADER} of a submission, without brackets: `failed TEXT`, `after 30; error TEXT`."
    )
    click.echo("\nAs the API key, with -SUFFIX behind it for one more of its kind:")
    click.echo(_columns([(key, f"the caller {does}") for key, does in KEYS.items()]))


def _columns(table: list[tuple[str, str]]) -> str:
    return textwrap.indent(aligned(table), "  ")


@click.command()
@_json_option
def mutants(*, as_json: bool) -> None:
    """List the names that `serve --mutant` and `serve --variant` take.

    A mutant breaks the clause named beside it. A variant is benign: it differs in a way that the page allows.
    """
    from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant

    changes: tuple[Mutant | Variant, ...] = (*MUTANTS, *VARIANTS)
    table = [
        {
            "name": each.name,
            "kind": "mutant" if isinstance(each, Mutant) else "variant",
            "clause": each.clause if isinstance(each, Mutant) else None,
            "description": each.sentence,
            "collateral": list(each.collateral) if isinstance(each, Mutant) else [],
        }
        for each in changes
    ]
    if as_json:
        _print_json(table)
        return
    widest = max(len(each.name) for each in changes)
    for kind, title in (("mutant", f"{len(MUTANTS)} mutants"), ("variant", f"\n{len(VARIANTS)} benign variants")):
        click.echo(click.style(f"{title} (serve --{kind} NAME)", bold=True))
        for row in table:
            if row["kind"] == kind:
                click.echo(f"  {row['name']:<{widest}}  {row['clause'] or 'benign':<13}  {row['description']}")


@click.command()
@click.option("--gateway", is_flag=True, help="The gateway instead, as a running server does at /openapi.json.")
@click.option(
    "--model", "models", multiple=True, metavar="NAME|FILE|all", help="With the operations of this model, too."
)
def openapi(*, gateway: bool, models: tuple[str, ...]) -> None:
    """Print the routes under /_sim as OpenAPI 3.1 (JSON), as a running server does at /_sim/openapi.json."""
    from importlib.metadata import version

    from pixazo_simulator.control import ROUTES, document
    from pixazo_simulator.gateway import gateway_document
    from pixazo_simulator.server import read_models
    from pixazo_simulator.world import operations_by_name

    if models and not gateway:
        raise click.UsageError("--model is about the gateway: add --gateway")
    if not gateway:
        _print_json(document(ROUTES))
        return
    with usage_error(ValueError):
        served = operations_by_name(read_models(models)).values()
    _print_json(gateway_document(served, version("pixazo-testkit"), "http://127.0.0.1:8900"))
