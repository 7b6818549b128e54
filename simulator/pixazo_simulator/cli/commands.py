"""The commands of pixazo-sim and their options."""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches
from typing import Any

import click

_COMMANDS = {
    "serve": ("serve", "Serve the gateway until interrupted."),
    "exec": ("exec", "Run a command against a simulator of its own, also with the vendor's host hard-coded."),
    "demo": ("demo", "Show it all in a few seconds: submit, poll, webhook, download, refusals."),
    "policy": ("tables", "Print what is assumed where the vendor's page is silent, and why."),
    "magic": ("tables", "Print the prompts and keys that ask for an outcome."),
    "faults": ("tables", "Print every fault that a script can make happen, with an example."),
    "openapi": ("openapi", "Print the routes under /_sim as OpenAPI 3.1."),
    "mutants": ("mutants", "Print the gateways that are wrong in one respect, and the benign variants."),
}


class _Commands(click.Group):
    """A group that imports a command when it is used, so that help is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        near = get_close_matches(args[0], _COMMANDS, n=1)
        if args[0] not in _COMMANDS and near:
            raise click.UsageError(f"No such command {args[0]!r} (did you mean {near[0]}?).")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Tell a mistake in one line and exit with 2."""
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False, "color": _color()})
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            raise SystemExit(2) from None
        except click.ClickException as error:
            click.echo(f"pixazo-sim: {_told(error)}", err=True)
            raise SystemExit(2) from None
        except click.Abort:
            raise SystemExit(130) from None


def _color() -> bool | None:
    """No colour where NO_COLOR is set (no-color.org); else click decides: only on a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def _told(error: click.ClickException) -> str:
    return " ".join(error.format_message().split())


@click.group(cls=_Commands)
@click.version_option(package_name="pixazo-testkit", prog_name="pixazo-sim", message="%(prog)s %(version)s")
def pixazo_sim() -> None:
    """An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial, not affiliated with the vendor."""
