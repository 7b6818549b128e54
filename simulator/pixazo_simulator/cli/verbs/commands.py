"""Makes the commands of the control routes."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click
from click.core import ParameterSource

from pixazo_simulator.control import ROUTES, ControlRoute

from .call import RefusedError, call, server_options
from .parameters import body_of, parameters_of
from .printing import print_value
from .table import NOUNS, VERBS, Verb

_AS_IT_IS = ("metrics", "exportWorld")
"""The routes whose response is for programs, not to be printed as lines of names and values."""


def command_of(noun: str) -> click.Command:
    """The command with this name: that of one route, or a group, which by itself calls the route that shows the noun, if there is one."""
    verbs = {verb.words.removeprefix(noun).strip(): verb for verb in VERBS if verb.words.split()[0] == noun}
    bare = verbs.pop("", None)
    settings = _settings(bare) if bare else {}
    if not verbs:
        return click.Command(noun, **settings)
    text: str = settings.get("help", "")
    settings["help"] = f"{NOUNS[noun]}\n\nWithout a verb: {text[0].lower()}{text[1:]}" if text else NOUNS[noun]
    commands = {name: click.Command(name, **_settings(verb)) for name, verb in verbs.items()}
    return click.Group(noun, commands, invoke_without_command=bool(bare), no_args_is_help=not bare, **settings)


def _settings(verb: Verb) -> dict[str, Any]:
    """Callback, parameters, help and example of the command of a route."""
    (route,) = (each for each in ROUTES if each.name == verb.route)
    own, text = tuple(parameters_of(route, verb.arguments)), inspect.cleandoc(route.carry_out.__doc__ or "")
    as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print the response as it is, instead of a table.")
    shown = () if route.name in _AS_IT_IS else (as_json,)

    def run(**given: Any) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand:
            _refuse_options(context)
        else:
            _carry_out(route, given)

    return {
        "callback": run,
        "params": [*own, *shown, *server_options(key=_sends_key(route))],
        "help": text,
        "short_help": text.partition("\n")[0],
        "epilog": f"\b\nExample:\n  {f'pixazo-sim {verb.words} {verb.example}'.rstrip()}",
    }


def _sends_key(route: ControlRoute) -> bool:
    return route.needs_world or route.name == "explain"


def _refuse_options(context: click.Context) -> None:
    """Raise click.UsageError for an option before a verb: it would belong to the noun and have no effect."""
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
            words = f"{context.command_path} {context.invoked_subcommand}"
            raise click.UsageError(
                f"{option.opts[0]} is before {context.invoked_subcommand}: write {words} {option.opts[0]}"
            )


def _carry_out(route: ControlRoute, given: dict[str, Any]) -> None:
    """Call the route, and print the response."""
    as_json, number = given.pop("as_json", False), given.pop("number", None)
    url, token, key = given.pop("url"), given.pop("control_token"), given.pop("key") if _sends_key(route) else None
    try:
        answer = call(route, number, body_of(route, given), url, token, key)
    except RefusedError as refused:
        if as_json:
            click.echo(refused.answer)
        raise
    if as_json or route.name in _AS_IT_IS:
        click.echo(answer, nl=not answer.endswith(b"\n"))
    else:
        print_value(json.loads(answer))
