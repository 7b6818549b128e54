"""The options of `serve` and `exec`, and the simulator that they describe."""

from __future__ import annotations

import gc
import math
import os
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from socket import socket
    from ssl import SSLContext

    from pixazo_simulator.mutants import Mutant, Variant
    from pixazo_simulator.server import Simulator
    from pixazo_simulator.world import Settings


LONGEST_LIMIT = 1_000_000
"""Seconds of one run with --weather."""
_CONTROL_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?|[0-9a-f.]*(:[0-9a-f.]*){2,}")


class Whole(click.IntRange):
    """A whole number within bounds; click's own name for it is `integer range`."""

    name = "whole number"

    def get_metavar(self, *_: object, **__: object) -> str:  # its parameters differ between versions of click
        return "NUMBER"


class Finite(click.FloatRange):
    """A number within bounds that JSON can express."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a finite number.", param, ctx)


@contextmanager
def usage_error(*kinds: type[Exception]) -> Generator[None]:
    """Turn an exception whose message is complete, with the remedy, into click.UsageError."""
    try:
        yield
    except kinds as error:
        raise click.UsageError(str(error)) from None


class Read(click.types.StringParamType):
    """A string that a function reads; the ValueError that the function raises is the whole message."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002 - click passes both
        with usage_error(ValueError):
            return self._read(value)


def _of(wing: str, name: str) -> Read:
    """A string that a function of another package reads, which is imported with the first value: no help needs it."""

    def read(text: str) -> Any:
        return getattr(_imported(wing), name)(text)

    return Read(read)


Offered = Callable[[], Iterable[str]]
OFFERED: dict[str, Offered] = {
    "policy": lambda: (f"{row.field}=" for row in _imported("spec").rows()),
    "profile": lambda: _imported("spec").PROFILES,
    "clock": lambda: ("manual", "real", "x20"),
    "until": lambda: ("next",),
    "method": lambda: ("DELETE", "GET", "POST"),
    "operation": lambda: ("generate", "imageToVideo", "submit", "status", "media", "request"),
    "model": lambda: ("all", *_imported("server").model_names()),
    "mutant": lambda: (each.name for each in _imported("mutants").MUTANTS),
    "variant": lambda: (each.name for each in _imported("mutants").VARIANTS),
}
"""What a shell offers as the value of an option, by the name of the option."""


def _imported(wing: str) -> Any:
    return import_module(f"pixazo_simulator.{wing}")


def offering(offered: Offered) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """The completion of a value that is, or begins as, one of those offered."""
    return lambda _context, _parameter, begun: [each for each in offered() if each.startswith(begun)]


class _ReadSeveral(Read):
    """A string that may contain spaces: in a variable, semicolons separate several, also with space around them or at the end."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [each.strip() for each in rv.split(";") if each.strip()]


def sent(option: str, *, strips: bool = True) -> Read:
    """A key or token, which callers send in a header; outer spaces are dropped, or else refused."""
    return Read(lambda text: _imported("world").check_key(text.strip() if strips else text, option))


def pair(option: str, form: str, text: str) -> tuple[str, str]:
    """A name and its value. Raises ValueError unless there is an equals sign between them, as the form says."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{option} {text!r} is not {form}")
    return name.strip(), value


def _host(text: str) -> str:
    """An address; on the empty one a socket would listen everywhere."""
    if not text.strip():
        raise ValueError(
            f"--host {text!r} is not an address: give one, such as 127.0.0.1, or 0.0.0.0 for all of this machine"
        )
    return text


def _weather(text: str) -> int:
    number = text.removeprefix("seed=")
    if not (number.isascii() and number.isdecimal()):
        raise ValueError(f"--weather {text!r} is not seed=N with a whole number from 0, such as seed=41")
    return int(number)


def _start(text: str) -> str:
    from pixazo_simulator.world import read_start

    read_start(text)
    return text


def control_host(text: str) -> str:
    """A host name or address in lower case. Raises ValueError with the remedy for anything else."""
    from pixazo_simulator.spec import plain_ip

    host = text.lower()
    if not _CONTROL_HOST.fullmatch(host):
        raise ValueError(f"--control-host {host!r} is not a host name: give it without scheme, port or path")
    address = plain_ip(host)
    if address and address.is_unspecified:
        raise ValueError(
            f"--control-host {host} is not an address of one machine, and for browsers it is this one: "
            "give the host or address under which /_sim is called"
        )
    return host


def _option(*names: str, command: str = "", **settings: Any) -> click.Option:
    """An option that can also be given in the environment, as PIXAZO_SIM_<OPTION>, for some commands as PIXAZO_SIM_<COMMAND>_<OPTION>."""
    name = f"{command}{names[0].partition('/')[0].removeprefix('--')}"
    variable = f"PIXAZO_SIM_{name.replace('-', '_').upper()}"
    shows_default = settings.get("default") is not None
    if offered := OFFERED.get("policy" if names[0] == "--set" else names[0].removeprefix("--")):
        settings["shell_complete"] = offering(offered)
    return click.Option(names, envvar=variable, show_envvar=True, show_default=shows_default, **settings)


_FILE = click.Path(dir_okay=False)
# fmt: off
TLS_FOLDER = _option("--tls-folder", type=click.Path(file_okay=False), metavar="FOLDER",
                     help="Where the certificate is kept, instead of the system's folder for user settings.")
OPTIONS = (
    _option("--host", type=Read(_host), default="127.0.0.1", help="Address to listen on; 0.0.0.0 and :: mean all addresses of this machine, :: including IPv4."),
    _option("--port", type=Whole(0, 65535), default=8900, help="Port to listen on; 0 picks a free one."),
    _option("--api-key", "keys", type=sent("--api-key", strips=False), multiple=True, metavar="KEY",
            help="A key that opens a world of its own; may be repeated. Default: sim-key."),
    _option("--open-keys", is_flag=True, help="Open a world for any key when it is first used."),
    _option("--balance", type=_of("spec", "micros"), default="100.00", metavar="DOLLARS", help="Initial balance of each wallet."),
    _option("--profile", default="documented", metavar="NAME|FILE",
            help="documented, observed, or a TOML, JSON or YAML file of policy values."),
    _option("--set", "values", type=_ReadSeveral(partial(pair, "--set", "FIELD=VALUE")), multiple=True, metavar="FIELD=VALUE",
            help="Set one policy field; may be repeated (in the environment: after a semicolon). See pixazo-sim policy."),
    _option("--clock", type=_of("world", "clock_factory"), default="real", metavar="real|xN|manual",
            help="How time passes: real, N times as fast, or only when advanced."),
    _option("--start", type=Read(_start), metavar="now|INSTANT",
            help="Start time of worlds, such as 2026-03-31T10:00:00Z. Default: that instant for a manual clock, otherwise now."),
    _option("--seed", type=Whole(0), default=0, help="The same seed, calls and clock give the same bytes."),
    _option("--state", default="memory", metavar="memory|memory-log|sqlite:FILE|redis://HOST:PORT/DB",
            help="Where worlds are kept; in a file they outlive the process, in Redis several processes share them."),
    _option("--workers", type=Whole(1, 64), default=1, help="How many processes serve the port; several require a shared state."),
    _option("--script", type=_FILE, metavar="FILE", help="Rules for every world, in TOML, JSON or YAML. See pixazo-sim faults."),
    _option("--model", "models", type=_ReadSeveral(str), multiple=True, metavar="NAME|FILE|all",
            help="Also serve the operations of this model; may be repeated (in the environment: after a semicolon). See docs/how-to/models.md."),
    _option("--public-origin", metavar="URL", help="Origin of polling_url and media URLs, instead of the caller's; it may have a path, which a proxy strips."),
    _option("--webhook-allow", "hosts", multiple=True, metavar="HOST",
            help="A host besides loopback to which webhooks may be sent; may be repeated."),
    _option("--webhook-ca", metavar="FILE",
            help="Certificate authorities (PEM) of https receivers, besides the system's or those of SSL_CERT_FILE and SSL_CERT_DIR."),
    _option("--control-token", type=sent("--control-token"), metavar="TOKEN",
            help="Let other machines use /_sim, too; every caller must then send TOKEN in X-Pixazo-Control-Token."),
    _option("--control-open", is_flag=True, help="Let anyone who can reach the port use /_sim, without a token."),
    _option("--control-host", "control_hosts", type=Read(control_host), multiple=True, metavar="NAME",
            help="A host name besides localhost under which /_sim may be called; may be repeated."),
    _option("--tls", is_flag=True, help="Serve https, with a certificate for localhost and the hosts given. See pixazo-sim ca."),
    TLS_FOLDER,
    _option("--tls-cert", type=_FILE, metavar="FILE", help="Serve https with your own certificate (PEM)."),
    _option("--tls-key", type=_FILE, metavar="FILE", help="Its key (PEM), unless it is in the same file."),
    _option("--mutant", metavar="NAME", help="Serve a gateway that is wrong in one respect. See pixazo-sim mutants."),
    _option("--variant", metavar="NAME", help="Serve a gateway that differs in a way that the page allows."),
    _option("--no-magic", is_flag=True, help="Give magic prompts and keys no special meaning."),
    _option("--ready-file", type=_FILE, help="Also write the ready line to this file."),
    _option("--exit-on-stdin-eof", is_flag=True,
            help="Exit when standard input ends, so a parent process that holds a pipe to it never leaves the server running."),
    _option("--log-format", type=click.Choice(["text", "json"]), default="text",
            help="Format of the log on standard error: refused calls and webhooks."),
    _option("--log-requests/--no-log-requests", default=None,
            help="Log every call of the gateway, not only refused ones; serve does this on a terminal."),
)
# fmt: on
"""The options of `serve`; `exec` has all but those in SERVE_ONLY."""
SERVE_ONLY = (
    "host", "port", "workers", "ready_file", "exit_on_stdin_eof", "control_token", "control_open", "control_hosts",
    "tls", "tls_folder", "tls_cert", "tls_key",
)  # fmt: skip

_of_exec = partial(_option, command="exec-")
# fmt: off
EXEC_OPTIONS = (
    click.Option(["--upstream"], type=_of("redirect", "Upstream"), metavar="URL",
                 help="Start no simulator: direct the command to this origin, such as that of pixazo-contracts proxy."),
    _of_exec("--bill", type=_FILE, metavar="FILE", help="Write what the generations would have cost on the real gateway, in the format of GET /_sim/bill."),
    _of_exec("--max-spend", type=_of("spec", "micros"), metavar="DOLLARS", help="Exit with 1 if CMD succeeded but would have cost more."),
    _of_exec("--weather", type=Read(_weather), metavar="seed=N",
             help="Run CMD through incidents drawn from this seed, check the books afterwards, and shrink what breaks CMD. See docs/how-to/weather.md."),
    _of_exec("--days", type=Whole(1, 80), default=1, help="Days of weather; one is 8 generations long."),
    _of_exec("--weather-only", type=_of("script.weather", "read_forecast"), metavar="TEXT", help="Exactly these incidents, instead of those of a seed."),
    _of_exec("--weather-limit", type=Finite(0, LONGEST_LIMIT, min_open=True), default=300, metavar="SECONDS",
             help="Real seconds after which a run of CMD with --weather counts as broken and is ended."),
    _of_exec("--shrink/--no-shrink", default=True, help="Look for the fewest incidents that break CMD; this runs CMD up to 100 more times."),
)
# fmt: on
"""The options that only `exec` has."""

_of_listen = partial(_option, command="listen-")
# fmt: off
LISTEN_OPTIONS = (
    _of_listen("--host", type=Read(_host), default="127.0.0.1", help="Address to listen on; 0.0.0.0 and :: mean all addresses of this machine, :: including IPv4."),
    _of_listen("--port", type=Whole(0, 65535), default=8901, help="Port to listen on; 0 picks a free one."),
    _of_listen("--forward-to", type=_of("cli.listen.forwarder", "read_target"), metavar="URL",
               help="Post each webhook to this URL of your app, and return its response. Default: return --respond."),
    _of_listen("--secret", "secrets", type=_of("webhooks", "read_secret"), multiple=True, metavar="whsec_...",
               help="Check signatures with this secret; may be repeated, as after a rotation."),
    _of_listen("--respond", type=Whole(200, 599), metavar="STATUS", help="Respond with this status code instead of 204, to test retries."),
    _of_listen("--save", type=_FILE, metavar="FILE", help="Append each webhook to this file, as one line of JSON."),
    _of_listen("--replay", type=_FILE, metavar="FILE", help="Do not listen: post the webhooks of a saved file to --forward-to, in order."),
    _of_listen("--json", "as_json", is_flag=True, help="Print one line of JSON for each webhook that got a response."),
    _of_listen("--control-token", type=sent("--control-token"), metavar="TOKEN",
               help="Let other machines use /_sim of the receiver, too; every caller must then send TOKEN in X-Pixazo-Control-Token."),
    _of_listen("--control-open", is_flag=True, help="Let anyone who can reach the port use /_sim of the receiver, without a token."),
    _of_listen("--control-host", "control_hosts", type=Read(control_host), multiple=True, metavar="NAME",
               help="A host name besides localhost under which /_sim of the receiver may be called; may be repeated."),
    _of_listen("--ready-file", type=_FILE, help="Also write the ready line to this file."),
)
# fmt: on
"""The options of `listen`."""

_SETTINGS = (
    "clock", "start", "balance", "seed", "open_keys", "webhook_ca", "control_token", "control_open", "control_hosts", "log_requests",
)  # fmt: skip
"""The options that are settings of the same name."""


def simulator_of(
    options: Mapping[str, Any], listener: socket | None = None, tls: SSLContext | None = None
) -> Simulator:
    """The simulator that the options of `serve` describe; from now on this process logs on standard error.

    Raises click.UsageError with the remedy when options do not fit together.
    """
    from msgspec.structs import replace

    from pixazo_simulator.server import Simulator

    from .process import log_to_stderr

    with usage_error(ValueError):
        settings, change = settings_of(options), _change(options["mutant"], options["variant"])
    if options["log_requests"] is None:
        settings = replace(settings, log_requests=os.isatty(2))
    log_to_stderr(options["log_format"])
    gc.freeze()  # imported modules stay: no collection needs to look at them
    gc.enable()
    place = {name: options[name] for name in ("host", "port", "state")}
    return Simulator(settings, change=change, listener=listener, tls=tls, **place)


def settings_of(options: Mapping[str, Any]) -> Settings:
    """The settings that options describe, with the present content of the files that they name. Raises ValueError with the remedy."""
    from pathlib import Path

    from pixazo_simulator.server import read_models, read_profile, read_script
    from pixazo_simulator.world import DEFAULT_KEY, Settings

    if options.get("control_token") is not None and options["control_open"]:
        raise ValueError("--control-token and --control-open exclude each other: choose one")
    origin = {} if options["public_origin"] is None else {"public_origin": options["public_origin"]}
    policy = read_profile(options["profile"]).changed(dict(options["values"]) | origin)
    if options["hosts"]:
        policy = policy.changed({"webhook_allow": [*policy.webhook_allow, *options["hosts"]]})
    return Settings(
        keys=tuple(dict.fromkeys(options["keys"])) or (DEFAULT_KEY,),
        policy=policy,
        magic=not options["no_magic"],
        script=read_script(Path(options["script"])) if options["script"] else (),
        models=read_models(options["models"]),
        **{name: options[name] for name in _SETTINGS if name in options},
    )


def _change(mutant: str | None, variant: str | None) -> Mutant | Variant | None:
    if not mutant and not variant:
        return None
    if mutant and variant:
        raise ValueError(f"--mutant {mutant} and --variant {variant} exclude each other: choose one")
    from pixazo_simulator.mutants import find_mutant, find_variant

    return find_mutant(mutant) if mutant else find_variant(variant or "")
