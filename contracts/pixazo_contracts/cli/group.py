"""The command `pixazo-contracts`, which imports its commands only when they are used, so its help is fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "diff": (".commands", "Show what changed between two results: files, or directories that --out made."),
    "har": (".commands", "Make a trace from a HAR file, or a HAR file from a trace."),
    "judge": (".commands", "Judge a recorded trace, or a HAR file; costs nothing."),
    "list": (".commands", "List the clauses: id, strength, cost, requirement, section."),
    "page": (".page", "Read the vendor's page, compare two versions of it, draft a model file."),
    "plan": (".commands", "Show what a run would send and cost at worst; sends nothing."),
    "profile": (
        ".commands",
        "Print what a trace or a HAR file shows of the gateway, as a profile for pixazo-sim serve.",
    ),
    "proxy": (".proxy", "Run a proxy between an app and a gateway; record and judge the traffic."),
    "run": (".commands", "Send the probes, record what happens, judge it, report."),
}
"""By name: the module of each command, and what it is for."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        place, about = COMMANDS[cmd_name]
        try:
            module = import_module(place, __package__)
        except ModuleNotFoundError as error:
            needs = f"{cmd_name} needs {error.name}, which is not installed: pip install 'pixazo-testkit[contracts]'"
            raise click.UsageError(needs, ctx) from None
        command: click.Command = getattr(module, "catalogue" if cmd_name == "list" else cmd_name)
        command.help = about
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out a command. Unusable input and unexpected errors end it with one line."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # click ends the process, also when the output is no longer read
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - otherwise it would end with 1, as if a clause had failed
            from .output import end_for

            end_for(error)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="pixazo-testkit", prog_name="pixazo-contracts", message="%(prog)s %(version)s")
def main() -> None:
    """Test, clause by clause, whether a gateway does what the vendor's page says, and report what that costs."""
