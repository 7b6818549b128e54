"""docs/reference/commands.md: every command, with its arguments and options, as click has them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from pixazo_contracts.cli import main as pixazo_contracts
from pixazo_simulator.cli.group import pixazo_sim

from .markdown import table

_HEAD = """\
# Commands

Every command with its options, as `--help` shows them. This page is generated (`python -m tools.reference`).

"""


def _shown(command: click.Command, context: click.Context) -> Iterator[str]:
    """A command, then those that it has."""
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"## {path}\n\n```text\n{usage}\n```\n\n"
    text = "\n\n".join(inspect.cleandoc(each) for each in (command.help, command.epilog) if each)
    # \b begins lines that stay as they are.
    about = re.sub(r"\x08\n(.*?)(?=\n\n|\Z)", r"```text\n\1\n```", text, flags=re.DOTALL)
    yield f"{about}\n\n"
    records = filter(None, (each.get_help_record(context) for each in command.get_params(context)))
    rows = ((f"`{name}`", re.sub(r"\s+", " ", text)) for name, text in records if text and not name.endswith("--help"))
    yield table(["option", "what it does"], rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) and not inner.hidden:
                yield from _shown(inner, click.Context(inner, parent=context, info_name=name))


def page() -> str:
    """The page."""
    return _HEAD + "".join(
        part
        for name, command in (("pixazo-sim", pixazo_sim), ("pixazo-contracts", pixazo_contracts))
        for part in _shown(command, click.Context(command, info_name=name))
    )
