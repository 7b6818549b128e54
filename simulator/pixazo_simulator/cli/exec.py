"""The command `pixazo-sim exec`."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import click
from click.core import ParameterSource

from .options import EXEC_OPTIONS, OPTIONS, SERVE_ONLY

CLOCK = "x20"
"""The default of --clock: the 15 s of a video pass before a client that polls every 5 s polls a second time."""


def _exec(command: tuple[str, ...], **options: Any) -> None:
    """Start a simulator, run CMD against it, stop, and exit with the exit code of CMD.

    CMD finds PIXAZO_BASE_URL and PIXAZO_API_KEY in its environment. If it has the vendor's host hard-coded, it reaches the simulator
    too: through a proxy (HTTPS_PROXY) and a private authority (SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
    NODE_EXTRA_CA_CERTS, WGETRC), and in Python and Node always, through PYTHONPATH and NODE_OPTIONS. Other hosts are refused: nothing
    leaves this machine.

    With --upstream URL no simulator is started: the program is directed to URL in the same ways, with its own key and byte for byte, and
    nothing else leaves this machine.

    With --weather, calls and webhooks of CMD go wrong in the ways that a seed draws. Afterwards the books are checked: each video that was paid
    for must have been delivered, or must have failed and CMD been told. If not, or if CMD exits with a code other than 0, CMD is run again in fresh worlds until the fewest
    incidents that break it are known; the exit code is that of CMD, or 1.
    """
    if not command:
        raise click.UsageError("no command was given: pixazo-sim exec [OPTIONS] -- CMD ...")
    is_calm = options["weather"] is None and options["weather_only"] is None
    context = click.get_current_context()
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is not ParameterSource.COMMANDLINE:
            continue
        given = option.opts[0]
        if options["upstream"] and option.name not in ("upstream", "log_format", "command"):
            raise click.UsageError(f"{given} describes a simulator, but --upstream starts none: leave one of them out")
        if is_calm and option.name in ("days", "weather_limit", "shrink"):
            raise click.UsageError(f"{given} requires --weather: add --weather seed=N")
    from .child_process import execute  # this import takes a while, and the help does not need it

    execute(command, options)


def _parameters() -> Iterator[click.Parameter]:
    for option in map(copy, OPTIONS):
        if option.name == "clock":
            option.default = CLOCK
        if option.name == "log_requests":
            option.default = False  # the terminal belongs to the command
        if option.name not in SERVE_ONLY:
            yield option
    yield from EXEC_OPTIONS
    yield click.Argument(["command"], nargs=-1, type=click.UNPROCESSED, metavar="-- CMD ...")


exec = click.Command(  # noqa: A001 - the name of the command
    "exec", callback=_exec, params=list(_parameters()), help=_exec.__doc__,
    context_settings={"allow_interspersed_args": False},
)  # fmt: skip
