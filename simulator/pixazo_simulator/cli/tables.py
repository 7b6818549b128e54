"""The commands that print what the simulator knows: `policy`, `faults`, `magic`, `mutants` and `openapi`."""

from __future__ import annotations

import json
import shutil
import textwrap

import click
import msgspec

from pixazo_simulator.script import CALLS, EXAMPLES, FAULTS, default_of, in_python, in_toml
from pixazo_simulator.spec import KEYS, OUTCOME_HEADER, PROMPTS, rows

from .options import usage_error
from .verbs.printing import aligned

MOST_COLUMNS = 120
_INDENT = "    "


def _print_paragraph(title: str, *texts: str) -> None:
    """Print a title, and below it strings that are wrapped to the terminal, unless they have lines."""
    width = min(MOST_COLUMNS, shutil.get_terminal_size((100, 24)).columns)
    click.echo(f"\n{title}")
    for text in texts:
        lines = text.splitlines() if "\n" in text else textwrap.wrap(text, width - len(_INDENT))
        click.echo(textwrap.indent("\n".join(lines), _INDENT))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of text.")
def policy(*, as_json: bool) -> None:
    """Print every point that the vendor's page leaves open.

    A point has its field, its values in the two profiles, the forms that a value may take, how we know it, and its clauses.
    """
    if as_json:
        _print_json([row._asdict() for row in rows()])
        return
    click.echo("Set a field with `pixazo-sim serve --set FIELD=VALUE`, or start from `--profile observed`.")
    for row in rows():
        seen = "" if row.documented == row.observed else f"   (observed: {row.observed})"
        title = click.style(f"{row.row:>2}  {row.field}", bold=True)
        values = [] if row.values == row.documented else [f"values: {row.values}"]
        _print_paragraph(f"{title} = {row.documented}{seen}", f"[{row.label}] {row.clauses}", row.description, *values)


@click.command()
def faults() -> None:
    """Print every kind of fault: what it does, where it applies, its parameters, and an example in Python and TOML.

    Faults of one rule combine: delays add up and come first, then the body is garbled or cut short, then the connection ends.
    """
    click.echo("Use one in a test (Python), or in the file of `pixazo-sim serve --script FILE` (TOML).")
    for kind, fault in FAULTS.items():
        defaults = {field.name: default_of(field) for field in msgspec.structs.fields(fault)}
        given = ", ".join(name if value is None else f"{name}={value!r}" for name, value in defaults.items())
        applies_to = ", ".join(when for when, operations in CALLS.items() if operations <= fault.applies_to)
        description = " ".join((fault.__doc__ or "").split())
        example = EXAMPLES[kind]
        _print_paragraph(
            f"{click.style(kind, bold=True)}  {fault.__name__}({given})",
            f"{description} Applies to {applies_to}.",
            f"{in_python(example)}\n{in_toml(example)}",
        )


@click.command()
def magic() -> None:
    """Print the marks and keys that let a caller choose an outcome without `/_sim`.

    A script rule overrides magic, magic overrides policy; `serve --no-magic` switches magic off.
    """
    click.echo("In a prompt, anywhere and together:")
    click.echo(_columns([(form, f"the generation {does}") for form, does in PROMPTS.values()]))
    click.echo(
        f"\nThe same in the header {OUTCOME_HEADER} of a submission, without brackets: `failed TEXT`, `after 30; error TEXT`."
    )
    click.echo("\nAs the API key, with -SUFFIX appended for another of its kind:")
    click.echo(_columns([(key, f"the caller {does}") for key, does in KEYS.items()]))


def _columns(table: list[tuple[str, ...]]) -> str:
    return textwrap.indent(aligned(table), "  ")


@click.command()
def mutants() -> None:
    """List the names that `serve --mutant` and `serve --variant` take.

    A mutant breaks the clause next to it. A variant is benign: it differs in a way that the page allows.
    """
    from pixazo_simulator.mutants import MUTANTS, VARIANTS

    click.echo(click.style(f"{len(MUTANTS)} mutants (serve --mutant NAME)", bold=True))
    click.echo(_columns([(each.name, each.clause, each.sentence) for each in MUTANTS]))
    click.echo(click.style(f"\n{len(VARIANTS)} benign variants (serve --variant NAME)", bold=True))
    click.echo(_columns([(each.name, "benign", each.sentence) for each in VARIANTS]))


@click.command()
@click.option(
    "--gateway", is_flag=True, help="Print the gateway's routes instead, as a running server does at /openapi.json."
)
@click.option("--model", "models", multiple=True, metavar="NAME|FILE|all", help="Include the operations of this model.")
def openapi(*, gateway: bool, models: tuple[str, ...]) -> None:
    """Print the routes under /_sim as OpenAPI 3.1 (JSON), as a running server does at /_sim/openapi.json."""
    from importlib.metadata import version

    from pixazo_simulator.control import ROUTES, document
    from pixazo_simulator.gateway import gateway_document
    from pixazo_simulator.server import read_models
    from pixazo_simulator.world import operations_by_name

    if models and not gateway:
        raise click.UsageError("--model applies to the gateway: add --gateway")
    if not gateway:
        _print_json(document(ROUTES))
        return
    with usage_error(ValueError):
        served = operations_by_name(read_models(models)).values()
    _print_json(gateway_document(served, version("pixazo-testkit"), "http://127.0.0.1:8900"))
