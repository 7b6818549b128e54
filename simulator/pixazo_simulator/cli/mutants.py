"""The command `pixazo-sim mutants`."""

from __future__ import annotations

import json
from typing import Any

import click

from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant


@click.command(short_help="Print the gateways that are wrong in one respect, and the benign variants.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")
def mutants(*, as_json: bool) -> None:
    """Print the names that `serve --mutant` and `serve --variant` take.

    A mutant breaks the clause named beside it. A variant is benign: what the page says still holds.
    """
    if as_json:
        told = [*map(_mutant, MUTANTS), *map(_variant, VARIANTS)]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    widest = max(len(name) for name in (*(each.name for each in MUTANTS), *(each.name for each in VARIANTS)))
    click.echo(click.style(f"{len(MUTANTS)} mutants (serve --mutant NAME)", bold=True))
    for mutant in MUTANTS:
        click.echo(f"  {mutant.name:<{widest}}  {mutant.clause:<13}  {mutant.sentence}")
    click.echo(click.style(f"\n{len(VARIANTS)} benign variants (serve --variant NAME)", bold=True))
    for variant in VARIANTS:
        click.echo(f"  {variant.name:<{widest}}  {'benign':<13}  {variant.sentence}")


def _mutant(mutant: Mutant) -> dict[str, Any]:
    told = {"name": mutant.name, "kind": "mutant", "clause": mutant.clause, "says": mutant.sentence}
    return told | {"collateral": list(mutant.collateral)}


def _variant(variant: Variant) -> dict[str, Any]:
    return {"name": variant.name, "kind": "variant", "clause": None, "says": variant.sentence, "collateral": []}
