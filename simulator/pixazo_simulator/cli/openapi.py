"""The command that prints the description of our own routes."""

from __future__ import annotations

import json

import click

from pixazo_simulator.control import ROUTES, document


@click.command(short_help="Print the routes under /_sim as OpenAPI 3.1.")
def openapi() -> None:
    """Print the description of the routes under /_sim as OpenAPI 3.1 (JSON), as a running server gives it at /_sim/openapi.json."""
    click.echo(json.dumps(document(ROUTES), indent=2, ensure_ascii=False))
