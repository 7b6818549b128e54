"""Calls a control route of a running simulator, and says in one line why it was not carried out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from pixazo_simulator.cli.options import Read, sent
from pixazo_simulator.control import ROUTES, TOKEN_VARIABLE, ControlError, ControlRoute, HttpChannel, responses

from .table import VERBS

URL, KEY = "http://127.0.0.1:8900", "sim-key"
"""Where `serve` listens by default, and the default key of its world."""
_VENDOR = "pixazo.ai"


class RefusedError(click.ClickException):
    """The simulator has refused the request; `answer` is the whole body of its response."""

    code = 1

    def __init__(self, message: str, answer: bytes) -> None:
        super().__init__(message)
        self.answer = answer


class NoAnswerError(click.ClickException):
    """No simulator has responded."""

    code = 3


def server_options(*, key: bool) -> Iterator[click.Option]:
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


def call(route: ControlRoute, number: int | None, members: Any, url: str, token: str | None, key: str | None) -> bytes:
    """Call a route and return the body of the response, which has the type of the route.

    Raises RefusedError, NoAnswerError, and click.UsageError for what cannot be sent, all with the remedy.
    """
    target, content = route.path.replace("{number}", str(number)), b""
    try:
        channel = HttpChannel(url, token)
        if not route.reads_query:
            content = json.dumps(members, allow_nan=False).encode()
        elif members:
            target += f"?{urlencode(members, quote_via=quote, errors='replace')}"
        status, answer = channel(route.method, target, key, content)
    except ControlError as error:
        raise NoAnswerError(f"{error.message} (--url sets another)") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        if status < 400:
            if route.response_type is not str:
                responses.decode(answer, route.response_type)
            return answer
        reason = responses.decode(answer, responses.Refusal).message
    except ValueError:
        asked = f"{route.method} {route.path} was answered with {status}"
        raise NoAnswerError(f"{asked}, but not by a simulator: set its URL with --url") from None
    raise RefusedError(_in_words(reason), answer)


def _in_words(reason: str) -> str:
    """A message of the simulator, with the commands in place of the routes that it names."""
    routes = {route.name: f"{route.method} {route.path}" for route in ROUTES}
    for verb in sorted(VERBS, key=lambda verb: -len(routes[verb.route])):
        reason = reason.replace(routes[verb.route], f"pixazo-sim {verb.words}")
    return reason
