"""Makes the commands of the control routes: their options from what a route takes, the call, and in one line why it was not carried out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click
import msgspec
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from pixazo_simulator.cli.options import OFFERED, Finite, Read, Whole, offering, pair, sent
from pixazo_simulator.control import ROUTES, TOKEN_VARIABLE, ControlError, ControlRoute, HttpChannel, responses
from pixazo_simulator.script import Rule
from pixazo_simulator.spec import json_or_text

from . import NOUNS, VERBS, Verb
from .printing import print_value

Schema = Mapping[str, Any]

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
    settings = _command_settings(bare) if bare else {}
    if not verbs:
        return click.Command(noun, **settings)
    text: str = settings.get("help", "")
    settings["help"] = f"{NOUNS[noun]}\n\nWithout a verb: {text[0].lower()}{text[1:]}" if text else NOUNS[noun]
    commands = {name: click.Command(name, **_command_settings(verb)) for name, verb in verbs.items()}
    return click.Group(noun, commands, invoke_without_command=bool(bare), no_args_is_help=not bare, **settings)


def _command_settings(verb: Verb) -> dict[str, Any]:
    (route,) = (each for each in ROUTES if each.name == verb.route)
    own, text = tuple(_parameters_of(route, verb.arguments)), inspect.cleandoc(route.carry_out.__doc__ or "")
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


def _parameters_of(route: ControlRoute, arguments: tuple[str, ...]) -> Iterator[click.Parameter]:
    """The parameters of a route: the number in its path, then the members of its body or query, those of `arguments` without an option's name."""
    if route.pattern.groups:
        yield click.Argument(["number"], type=Whole(0, 10**15 - 1), metavar="NUMBER")
    if route.request_type is Rule:
        yield click.Argument(["rule"], type=Read(_rule), metavar="JSON|FILE", shell_complete=_offer_file)
        return
    (_,), components = msgspec.json.schema_components([route.request_type])
    described = components[route.request_type.__name__]
    for name in (*arguments, *(each for each in described["properties"] if each not in arguments)):
        schema = described["properties"][name]
        named = components.get(schema.get("$ref", "").rpartition("/")[2], {})
        settings = _parameter_settings(name, named | schema)
        if name in arguments:
            required, several = name in described["required"], settings.pop("multiple", False)
            metavar = settings["metavar"] if required else f"[{settings['metavar']}]"
            settings |= {"metavar": f"{metavar}..." if several else metavar, "nargs": -1 if several else 1}
            yield click.Argument([name], required=required, **settings)
        else:
            spelled = f"--{name.replace('_', '-')}"
            if settings.get("is_flag") and "default" not in schema:
                spelled += f"/--no-{spelled[2:]}"
            yield click.Option([spelled, name], default=None, help=_help(named | schema), **settings)


def _help(schema: Schema) -> str:
    text = inspect.cleandoc(schema.get("description", "")).partition("\n")[0].removesuffix(".")
    again = "; may be repeated" if _is_pairs(schema) else ""
    default = f"  [default: {schema['default']:g}]" if schema.get("default") and schema["type"] != "boolean" else ""
    return f"{text}{again}.{default}"


def _parameter_settings(name: str, schema: Schema) -> dict[str, Any]:
    """How a member is given, by its JSON schema."""
    settings: dict[str, Any] = {"metavar": name.upper()}
    option, file = f"--{name.replace('_', '-')}", {"shell_complete": _offer_file}
    if offered := OFFERED.get(name):
        settings["shell_complete"] = offering(offered)
    bounds = {each[:3]: schema[each] for each in ("minimum", "maximum") if each in schema}
    match schema:
        case {"type": "boolean"}:
            return {"is_flag": True}
        case {"type": "integer"}:
            return settings | {"type": Whole(**bounds) if bounds else click.INT}
        case {"type": "number"}:
            return settings | {"type": Finite(**bounds)}
        case {"type": "string"}:
            return settings
        case {"type": "array", "items": {"type": "string"}}:
            return settings | {"multiple": True}
        case {"type": "array", "items": {"$ref": "#/$defs/Rule"}}:
            return settings | file | {"type": Read(_rules), "metavar": "FILE"}
        case _ if _is_pairs(schema):
            form = "NAME=VALUE"
            return settings | {"type": Read(partial(pair, option, form)), "multiple": True, "metavar": form}
        case {"type": _}:
            return settings | file | {"type": Read(partial(_json, option)), "metavar": "JSON|FILE"}
        case _:
            # A value as JSON, or the string itself where it is not JSON: it is sent as it is.
            read = Read(lambda text: json_or_text(_content(text) if text.startswith("@") else text))
            return settings | {"type": read, "metavar": "TEXT|@FILE"}


def _offer_file(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(begun, type="file")]


def _is_pairs(schema: Schema) -> bool:
    """Whether a member is an object of strings and numbers under any names."""
    others = schema.get("additionalProperties")
    return isinstance(others, dict) and ("anyOf" in others or "type" in others)


def _body_of(route: ControlRoute, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body or query that a command sends: a rule, or the members that were given, of which pairs become an object."""
    if route.request_type is Rule:
        rule: dict[str, Any] = given["rule"]
        return rule
    members = {name: value for name, value in given.items() if value is not None and value != ()}
    are_pairs = {name for name, value in members.items() if isinstance(value, tuple) and isinstance(value[0], tuple)}
    return {name: dict(value) if name in are_pairs else value for name, value in members.items()}


def _json(option: str, text: str) -> Any:
    """JSON, which begins with a bracket, or the content of the file that contains it."""
    written = text if text.lstrip()[:1] in ("{", "[") else _content(text)
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{option} {text[:80]!r} is not valid JSON: {error}") from None


def _content(name: str) -> str:
    """The text of a file, `-` for standard input."""
    try:
        with click.open_file(name.removeprefix("@"), encoding="utf-8-sig") as file:
            return str(file.read())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"{name[:80]!r} is neither JSON nor a file that can be read: {reason}") from None


def _rules(file: str) -> list[dict[str, Any]]:
    from pixazo_simulator.server import read_script  # this import takes a while

    return [rule.as_json() for rule in read_script(Path(file))]


def _rule(text: str) -> Any:
    """A rule as JSON, or the one of a script file."""
    if text.lstrip().startswith("{"):
        return _json("rule", text)
    rules = _rules(text)
    if len(rules) != 1:
        raise ValueError(f"script {text} has {len(rules)} rules, but this takes one: pass all of them to script set")
    return rules[0]


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
    status, answer = _call(route, number, _body_of(route, given), url, token, key)
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
