"""The commands of pixazo-sim."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import click

from pixazo_simulator import __version__

from .verbs import NOUNS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMMANDS = {
    "serve": ("serve", "Serve the gateway until interrupted."),
    "exec": ("exec", "Run a command against a simulator of its own, even with the vendor's host hard-coded."),
    "listen": ("listen", "Receive webhooks, print each when it arrives, and forward it to a running app."),
    "replay": ("replay", "Serve a saved world, such as that of a failed test, or turn a trace into a failing test."),
    "demo": ("demo", "Show everything in a few seconds: submit, poll, webhook, download, errors."),
    "policy": ("tables", "List what is assumed where the vendor's page is silent, and why."),
    "magic": ("tables", "List the prompts and API keys that choose an outcome."),
    "faults": ("tables", "List every fault that a script can inject, with an example."),
    "validate": ("files", "Check scripts, profiles and model files before they are used."),
    "schema": ("files", "Print the JSON Schema of a script, profile or model file, for editors."),
    "ca": ("files", "Print the certificate authority of `serve --tls`, for clients that must trust it."),
    "openapi": ("tables", "Print the routes under /_sim as OpenAPI 3.1."),
    "mutants": ("tables", "List the gateways that are wrong in one respect, and the benign variants."),
    **{noun: ("verbs", line) for noun, line in NOUNS.items()},
}
"""By name: the module that has the command, and its line in the help."""
_HEADINGS = {
    "": "Serve and receive",
    "verbs": "Inspect and steer a running simulator",
    "tables": "Print what it knows",
    "files": "Check files, make certificates trusted",
}
"""By module, the empty string for any other: the heading of its commands in the help."""


class _Commands(click.Group):
    """A group that imports a command when it is used, so `--help` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __package__), cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:  # most often an option of a command
            raise click.UsageError(
                f"{error.format_message()} Put the options of a command after its name.", ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for heading, title in _HEADINGS.items():
            found = [
                (name.ljust(width), line)
                for name, (module, line) in _COMMANDS.items()
                if heading == (module if module in _HEADINGS else "")
            ]
            with formatter.section(title):
                formatter.write_dl(found)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click does, without importing each command."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=line) for name, (_, line) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in _COMMANDS:
            from pixazo_simulator.spec import nearest  # only now: it would slow down every command

            if near := nearest(args[0], tuple(_COMMANDS)):
                raise click.UsageError(f"No such command {args[0]!r}{near}.")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Print a mistake in one line and exit with its code: 2 unless it has another."""
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False, "color": _color()})
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
        except click.ClickException as error:
            click.echo(f"pixazo-sim: {' '.join(error.format_message().split())}", err=True)
            raise SystemExit(getattr(error, "code", 2)) from None
        except click.Abort:
            raise SystemExit(130) from None
        raise SystemExit(2)


def _color() -> bool | None:
    """Whether to use colours, by NO_COLOR (no-color.org), FORCE_COLOR (force-color.org) and TERM; None: on a terminal only."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return False if os.environ.get("TERM") == "dumb" else None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pixazo-sim", message="%(prog)s %(version)s")
def pixazo_sim() -> None:
    """An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial, not affiliated with the vendor."""
