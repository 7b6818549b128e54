"""The commands about files: `pixazo-sim validate`, `pixazo-sim schema` and `pixazo-sim ca`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pixazo_simulator.cli.options import TLS_FOLDER, Read, control_host, usage_error

_KIND = click.Choice(["script", "profile", "model"])


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--kind", type=_KIND, help="The kind of the files. Default: detected from the names of their keys.")
def validate(files: tuple[Path, ...], kind: str | None) -> None:
    """Check scripts, profiles and model files, and exit with 1 if one is wrong.

    Each problem is one line, FILE:LINE: PROBLEM. The name of a file tells its format: .json, .yaml, .yml; anything else is TOML.
    """
    from pixazo_simulator.server import problems

    found = [(file, *problems(file, kind)) for file in files]
    for file, known, wrong in found:
        for line, says in wrong:
            click.echo(f"{file}:{'' if line is None else f'{line}:'} {says}")
        if not wrong:
            click.echo(f"{file}: a valid {known}")
    if any(wrong for *_, wrong in found):
        raise SystemExit(1)


@click.command()
@click.argument("kind", type=_KIND)
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file, for completion and checks in editors."""
    from .schemas import file_schema

    click.echo(json.dumps(file_schema(kind), indent=2, ensure_ascii=False))


@click.command(params=[TLS_FOLDER])
@click.option("--pem", is_flag=True, help="Print the certificate itself instead of its path.")
@click.option(
    "--host", "hosts", type=Read(control_host), multiple=True, metavar="NAME",
    help="A host of --host or --control-host; may be repeated.",
)  # fmt: skip
def ca(hosts: tuple[str, ...], tls_folder: str | None, *, pem: bool) -> None:
    """Print the path of the certificate (PEM) of the authority that clients of `serve --tls` must trust.

    It is created if there is none yet, and is the same for every run. For SSL_CERT_FILE, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS, curl --cacert.
    """
    from .certificates import kept_certificate

    with usage_error(ValueError):
        _, authority = kept_certificate(tls_folder, hosts)
    click.echo(authority.read_text(encoding="utf-8") if pem else authority, nl=not pem)
