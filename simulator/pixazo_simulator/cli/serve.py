"""The command `pixazo-sim serve`."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixazo_simulator.server import STOP_DEADLINE, Simulator, SimulatorError, read_profile, read_script
from pixazo_simulator.spec import Policy, micros
from pixazo_simulator.world import DEFAULT_KEY, Settings, clock_factory

from .log import log_to_stderr
from .signals import BY_SIGNAL, Signals, end_in, end_now

if TYPE_CHECKING:
    from pixazo_simulator.mutants import Mutant, Variant


CONTROL_TOKEN = "PIXAZO_SIM_CONTROL_TOKEN"  # noqa: S105 - its name
"""The variable of --control-token."""


_CONTROL_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|[0-9a-f.]*(:[0-9a-f.]*){2,}")

LAST_RESORT = STOP_DEADLINE + 1
"""Seconds after a signal in which the process ends, whatever it waits for."""


def _option(*names: str, **settings: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option that can also be given in the environment, as PIXAZO_SIM_<OPTION>."""
    variable = f"PIXAZO_SIM_{names[0].removeprefix('--').replace('-', '_').upper()}"
    return click.option(
        *names, envvar=variable, show_envvar=True, show_default=settings.get("default") is not None, **settings
    )


class _Number(click.IntRange):
    """A whole number within bounds; click's own name for it is `integer range`."""

    name = "number"


class _Assignment(click.types.StringParamType):
    """FIELD=VALUE; since values hold spaces, the environment separates several by semicolons."""

    envvar_list_splitter = ";"


@click.command(short_help="Serve the gateway until interrupted.")
@_option("--host", default="127.0.0.1", help="Address to listen on.")
@_option("--port", type=_Number(0, 65535), default=8900, help="Port to listen on; 0 picks a free one.")
@_option(
    "--api-key",
    "keys",
    multiple=True,
    metavar="KEY",
    help=f"A key that opens a world of its own; may be repeated. Without: {DEFAULT_KEY}.",
)
@_option("--open-keys", is_flag=True, help="Open a world for any key at first sight.")
@_option("--balance", default="100.00", metavar="DOLLARS", help="What each wallet holds at first.")
@_option(
    "--profile",
    default="documented",
    metavar="NAME|FILE",
    help="documented, observed, or a TOML or JSON file of policy values.",
)
@_option(
    "--set",
    "values",
    type=_Assignment(),
    multiple=True,
    metavar="FIELD=VALUE",
    help="Set one policy field; may be repeated (in the environment: after a semicolon). See pixazo-sim policy.",
)
@_option(
    "--clock",
    default="real",
    metavar="real|xN|manual",
    help="How time passes: real, N times as fast, or only when advanced.",
)
@_option("--seed", type=_Number(0), default=0, help="The same seed, calls and clock give the same bytes.")
@_option(
    "--script",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rules for every world, in TOML or JSON. See pixazo-sim faults.",
)
@_option("--public-origin", metavar="URL", help="Origin of polling_url and media URLs instead of the caller's.")
@_option(
    "--webhook-allow",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="A host beside loopback to which callbacks may go; may be repeated.",
)
@_option(
    "--control-token",
    metavar="TOKEN",
    help="Let callers of other machines use /_sim, too; all callers must then send TOKEN in X-Pixazo-Control-Token.",
)
@_option("--control-open", is_flag=True, help="Let everybody who reaches the port use /_sim, without a token.")
@_option(
    "--control-host",
    "control_hosts",
    multiple=True,
    metavar="NAME",
    help="A host name by which /_sim may be called, beside localhost; may be repeated.",
)
@_option("--mutant", metavar="NAME", help="Serve a gateway that is wrong in one respect. See pixazo-sim mutants.")
@_option("--variant", metavar="NAME", help="Serve a gateway that differs in a way that the page allows.")
@_option("--no-magic", is_flag=True, help="Treat magic prompts and keys like any other.")
@_option("--ready-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the ready line to this file too.")
@_option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How refused calls and callbacks are logged on standard error.",
)
def serve(**options: Any) -> None:
    """Serve the gateway until SIGINT or SIGTERM.

    Prints `ready http://HOST:PORT key KEY` when it accepts connections. A second signal ends it at once.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        raise click.UsageError(
            "standard output is closed, where the ready line is told: lead it to a file or /dev/null"
        )
    ended = threading.Event()
    Signals((signal.SIGINT, signal.SIGTERM)).tell(lambda number: _end(ended, number))
    simulator = simulator_of(options)
    try:
        simulator.start()
    except SimulatorError as error:
        raise click.UsageError(str(error)) from None
    _tell_reach(simulator)
    if not ended.is_set():
        _tell_ready(simulator, options["ready_file"])
    ended.wait()
    simulator.stop()
    end_now(0)


def _end(ended: threading.Event, number: int) -> None:
    """Begin to end; at once when that has begun already, and by force when it takes too long."""
    if ended.is_set():
        os._exit(BY_SIGNAL + number)
    ended.set()
    end_in(LAST_RESORT, code=0)


def simulator_of(options: dict[str, Any]) -> Simulator:
    """A simulator as the options of `serve` describe it; from now on it logs on standard error.

    Raises click.UsageError with the remedy when an option has no meaning.
    """
    if not options["host"].strip():
        raise click.UsageError(
            f"--host {options['host']!r} is no address: name one, such as 127.0.0.1, or 0.0.0.0 for all of this machine"
        )
    try:
        settings = _settings(options)
        change = _change(options["mutant"], options["variant"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    log_to_stderr(options["log_format"])
    return Simulator(settings, host=options["host"], port=options["port"], change=change)


def _settings(options: dict[str, Any]) -> Settings:
    return Settings(
        keys=_keys(options["keys"]),
        policy=_policy(options),
        clock=clock_factory(options["clock"]),
        balance=micros(options["balance"]),
        seed=options["seed"],
        open_keys=options["open_keys"],
        magic=not options["no_magic"],
        script=read_script(options["script"]) if options["script"] else (),
        **_control(options),
    )


def _control(options: dict[str, Any]) -> dict[str, Any]:
    """Who may use `/_sim`. Raises ValueError with the remedy; `exec` has no such options."""
    token, is_open = options.get("control_token"), options.get("control_open", False)
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise ValueError("--control-token cannot be sent as a header: use printable ASCII without spaces")
    if token is not None and is_open:
        raise ValueError("--control-token and --control-open exclude each other: choose one")
    hosts = tuple(host.lower() for host in options.get("control_hosts", ()))
    for host in hosts:
        if not _CONTROL_HOST.fullmatch(host):
            raise ValueError(f"--control-host {host!r} is not a host name: name it without scheme, port or path")
        if _is_unspecified(host):
            raise ValueError(
                f"--control-host {host} is no address of one machine, and browsers take it for this one: "
                "name the host or address by which /_sim is called"
            )
    return {"control_token": token, "control_open": is_open, "control_hosts": hosts}


def _is_unspecified(host: str) -> bool:
    """Whether a host is 0.0.0.0 or `::`, however written."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return ((address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address).is_unspecified


def _change(mutant: str | None, variant: str | None) -> Mutant | Variant | None:
    if not mutant and not variant:
        return None
    if mutant and variant:
        raise ValueError(f"--mutant {mutant} and --variant {variant} exclude each other: choose one")
    from pixazo_simulator.mutants import find_mutant, find_variant

    return find_mutant(mutant) if mutant else find_variant(variant or "")


def _keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        if not key.strip() or not key.isascii() or not key.isprintable():
            raise ValueError("--api-key cannot be sent as a header: use printable ASCII")
    return tuple(dict.fromkeys(key.strip() for key in keys)) or (DEFAULT_KEY,)


def _policy(options: dict[str, Any]) -> Policy:
    policy = read_profile(options["profile"])
    changes: dict[str, str] = {}
    for each in options["values"]:
        name, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"--set {each!r} is not FIELD=VALUE")
        changes[name.strip()] = value
    if options["public_origin"]:
        changes["public_origin"] = options["public_origin"]
    policy = policy.changed(changes)
    return policy.changed({"webhook_allow": [*policy.webhook_allow, *options["hosts"]]})


def _tell_ready(simulator: Simulator, ready_file: Path | None) -> None:
    line = f"ready {simulator.url} key {simulator.api_key}\n"
    if ready_file:
        try:
            _write_whole(ready_file, line)
        except OSError as error:
            simulator.stop()
            raise click.UsageError(f"ready file {ready_file} cannot be written: {error.strerror}") from None
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except OSError as error:
        simulator.stop()
        told = f"the ready line cannot be written to standard output: {error.strerror}"
        raise click.UsageError(f"{told}; lead it to a file or /dev/null") from None


def _write_whole(path: Path, text: str) -> None:
    """Let a file hold this text from one moment to the next; no link is followed.

    Raises OSError, also when something other than a regular file or a link stands there: a pipe or a device is never replaced.
    """
    part = path.with_name(f"{path.name}.part")
    for each in (part, path):
        with suppress(FileNotFoundError):
            mode = each.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise FileExistsError(errno.EEXIST, f"{each} is no regular file: name a path of its own")
    part.unlink(missing_ok=True)
    created = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
    with open(created, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is no path
        file.write(text)
    part.replace(path)


def _tell_reach(simulator: Simulator) -> None:
    """Log who can use it, if that is more than this machine."""
    settings, log = simulator.settings, logging.getLogger("pixazo_simulator")
    if settings.control_open:
        log.warning("warning: --control-open: whoever reaches port %d may use /_sim, without a token", simulator.port)
    elif not simulator.is_local:
        who = (
            "callers with the control token"
            if settings.control_token
            else "callers of this machine only (see --control-token)"
        )
        log.info(
            "listening on %s port %d: other machines reach it by a name or address of this one, /_sim answers %s",
            simulator.host, simulator.port, who,
        )  # fmt: skip
