"""Makes the commands of the control routes, calls a running simulator, and says in one line why a call was not carried out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click
from click.core import ParameterSource

from pixazo_simulator.cli.options import Read, sent
from pixazo_simulator.control import ROUTES, TOKEN_VARIABLE, ControlError, ControlRoute, HttpChannel, responses

from . import NOUNS, VERBS, Verb
from .parameters import body_of, parameters_of
from .printing import print_value

URL, KEY = "http://127.0.0.1:8900", "sim-key"
"""Where `serve` listens by default, and the default key of its world."""
REFUSED, NO_ANSWER = 1, 3
"""The exit codes when the simulator has refused the call, and when no simulator has responded."""
_VENDOR = "pixazo.ai"
_AS_IT_IS = ("metrics", "exportWorld")
"""The routes whose response is for programs, not to be printed as lines of names and values."""


class CallError(click.ClickException):
    """A call that was not carried out; `code` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


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
        "params": [*own, *shown, *_server_options(key=_sends_key(route))],
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


def _server_options(*, key: bool) -> Iterator[click.Option]:
    """Where a command calls, with which control token, and with which `key` if the route needs one."""
    option = partial(click.Option, show_envvar=True, show_default=True)
    about, token = "The simulator to call.", sent("--control-token")
    yield option(["--url"], type=Read(_url), metavar="URL", default=URL, envvar="PIXAZO_BASE_URL", help=about)
    yield option(["--control-token"], type=token, metavar="TOKEN", envvar=TOKEN_VARIABLE, help="Its control token.")
    if key:
        about = "The key of the world."
        yield option(["--key"], type=sent("--key"), metavar="KEY", default=KEY, envvar="PIXAZO_API_KEY", help=about)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, is_http = (parts.hostname or "").rstrip("."), parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        host, is_http = "", False
    if f".{host}".endswith(f".{_VENDOR}"):
        raise ValueError(
            f"--url {host} is the vendor's gateway, to which nothing is sent: give the URL of a simulator, such as {URL}"
        )
    if not (host and is_http):
        raise ValueError(f"--url {text.rpartition('@')[2]!r} is not the origin of a simulator, such as {URL}")
    return text


def _carry_out(route: ControlRoute, given: dict[str, Any]) -> None:
    """Call the route, and print the response. Raises CallError, and click.UsageError for what cannot be sent, with the remedy."""
    as_json, number = given.pop("as_json", False), given.pop("number", None)
    url, token, key = given.pop("url"), given.pop("control_token"), given.pop("key") if _sends_key(route) else None
    status, answer = _call(route, number, body_of(route, given), url, token, key)
    refusal = None
    try:
        if status >= 400:
            refusal = responses.decode(answer, responses.Refusal)
        elif route.response_type is not str:
            responses.decode(answer, route.response_type)
    except ValueError:
        asked = f"{route.method} {route.path} was answered with {status}"
        raise CallError(f"{asked}, but not by a simulator: set its URL with --url", NO_ANSWER) from None
    if as_json or (route.name in _AS_IT_IS and not refusal):
        click.echo(answer, nl=not answer.endswith(b"\n"))
    elif not refusal:
        print_value(json.loads(answer))
    if refusal:
        raise CallError(_in_words(refusal.message), REFUSED)


def _call(
    route: ControlRoute, number: int | None, members: Any, url: str, token: str | None, key: str | None
) -> tuple[int, bytes]:
    """Status code and body of the response to a call."""
    target, content = route.path.replace("{number}", str(number)), b""
    try:
        channel = HttpChannel(url, token)
        if not route.reads_query:
            content = json.dumps(members, allow_nan=False).encode()
        elif members:
            target += f"?{urlencode(members, quote_via=quote, errors='replace')}"
        return channel(route.method, target, key, content)
    except ControlError as error:
        raise CallError(f"{error.message} (--url sets another)", NO_ANSWER) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _in_words(reason: str) -> str:
    """A message of the simulator, with the commands in place of the routes that it names."""
    routes = {route.name: f"{route.method} {route.path}" for route in ROUTES}
    for verb in sorted(VERBS, key=lambda verb: -len(routes[verb.route])):
        reason = reason.replace(routes[verb.route], f"pixazo-sim {verb.words}")
    return reason
