"""The command `pixazo-sim exec`."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from pixazo_simulator.redirect import (
    HOSTS,
    HTTPS,
    MEDIA_HOSTS,
    REDIRECT_CA,
    REDIRECT_HOSTS,
    REDIRECT_PORT,
    Decide,
    Forward,
    Proxy,
    ProxyRequest,
    Refuse,
    Tunnel,
    is_loopback,
    misuse,
    normalized,
    offline,
)
from pixazo_simulator.server import STOP_DEADLINE, SimulatorError

from .serve import CONTROL_TOKEN, serve, simulator_of
from .signals import BY_SIGNAL, Signals, end_in

CLOCK = "x20"
"""Unless --clock says otherwise: the 15 s of a video are over before a client that polls every 5 s looks a second time."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes as a shell gives them."""
LAST_RESORT = 2 * STOP_DEADLINE + 1
"""Seconds after the end of the command in which this process ends, whatever it waits for: proxy and server stop one after the other."""

_REDIRECTED = (*HOSTS, *MEDIA_HOSTS)
_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
_LOCAL = "localhost,127.0.0.1,::1"
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

log = logging.getLogger("pixazo_simulator")


def _exec(command: tuple[str, ...], **options: Any) -> None:
    """Start a simulator, run CMD against it, stop, and exit as CMD did.

    CMD finds PIXAZO_BASE_URL and PIXAZO_API_KEY in its environment. With the vendor's host hard-coded it reaches the simulator
    too: by a proxy (HTTPS_PROXY) and a private authority (SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
    NODE_EXTRA_CA_CERTS, WGETRC), in Python and Node by PYTHONPATH and NODE_OPTIONS whatever they heed. Other hosts are refused: nothing leaves this machine.
    """
    if not command:
        raise click.UsageError("no command was given: pixazo-sim exec [OPTIONS] -- CMD ...")
    simulator = simulator_of(options | {"host": "127.0.0.1", "port": 0})
    with ExitStack() as stack:
        try:
            stack.enter_context(simulator)
        except SimulatorError as error:
            raise click.UsageError(str(error)) from None
        door = simulator.open_tls_listener(_REDIRECTED)
        proxy = stack.enter_context(Proxy(_decision(door.port), ca_pem=door.ca_pem))
        child = _Child()
        trust = stack.enter_context(_trust(door.ca_pem))
        preload = stack.enter_context(as_file(files("pixazo_simulator.redirect").joinpath("preload", "redirect")))
        own = {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": simulator.api_key}
        code = child.run(command, own | trust | _redirection(proxy.url, door.port, preload))
        end_in(LAST_RESORT, code)
    raise SystemExit(code)


def _parameters() -> Iterator[click.Parameter]:
    """The options of `serve` but for where it listens, and the command."""
    for option in map(copy, serve.params):
        if option.name == "clock":
            option.default = CLOCK
        if option.name not in ("host", "port", "ready_file", "control_token", "control_open", "control_hosts"):
            yield option
    yield click.Argument(["command"], nargs=-1, type=click.UNPROCESSED, metavar="-- CMD ...")


exec = click.Command(  # noqa: A001 - the name of the command
    "exec",
    callback=_exec,
    params=list(_parameters()),
    help=_exec.__doc__,
    short_help="Run a command against a simulator of its own.",
    context_settings={"allow_interspersed_args": False},
)


def _redirection(proxy: str, door: int, preload: Path) -> dict[str, str]:
    """Variables by which programs with a hard-coded host reach the door."""
    patches = {
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --require {json.dumps(str(preload / 'redirect.cjs'))}".strip(),
        "PYTHONPATH": os.pathsep.join([str(preload), *filter(None, [os.environ.get("PYTHONPATH")])]),
        REDIRECT_PORT: str(door),
        REDIRECT_HOSTS: ",".join(_REDIRECTED),
    }
    proxies = dict.fromkeys(_PROXIES, proxy) | {"NO_PROXY": _LOCAL, "no_proxy": _LOCAL}
    return proxies | patches


@contextmanager
def _trust(ca_pem: str) -> Generator[dict[str, str]]:
    """Variables that make programs believe our authority and no other: what heeds no proxy cannot be taken in by the vendor.

    Node goes on to believe its own, too, but meets nobody else: door.cjs sees to that.
    """
    with tempfile.TemporaryDirectory(prefix="pixazo-sim-") as folder:
        ours, extra, nothing = Path(folder, "ours.pem"), Path(folder, "extra.pem"), Path(folder, "nothing")
        ours.write_text(ca_pem, encoding="ascii")
        extra.write_bytes(_read(os.environ.get("NODE_EXTRA_CA_CERTS")) + ours.read_bytes())
        nothing.mkdir()
        wget = Path(folder, "wgetrc")
        theirs = _read(os.environ.get("WGETRC") or f"{os.environ.get('HOME', '')}/.wgetrc")
        wget.write_bytes(theirs + f"ca_certificate = {ours}\nca_directory = {nothing}\n".encode())
        bundles = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(ours))
        own = {REDIRECT_CA: str(ours), "WGETRC": str(wget)}
        yield bundles | own | {"SSL_CERT_DIR": str(nothing), "NODE_EXTRA_CA_CERTS": str(extra)}


def _read(path: str | None) -> bytes:
    try:
        return Path(path).read_bytes() + b"\n" if path else b""
    except OSError:
        return b""  # what cannot be read is believed by nobody


def _decision(door: int) -> Decide:
    def decide(request: ProxyRequest) -> Tunnel | Forward | Refuse:
        name, address = normalized(request.host), (request.host, request.port)
        if is_loopback(name):
            return Tunnel(address) if request.method == "CONNECT" else Forward(address)
        if name not in _REDIRECTED:
            return _refusal(offline(name, request.port, _REDIRECTED))
        if request.port == HTTPS and request.secure:
            return Forward(("127.0.0.1", door))
        if request.port == HTTPS and request.method == "CONNECT":
            return Tunnel(("127.0.0.1", door))
        return _refusal(misuse(name, request.port))

    return decide


def _refusal(sentence: str) -> Refuse:
    log.warning("pixazo-sim: %s", sentence)
    return Refuse(sentence)


class _Child:
    """A process to which signals are passed on: from now on they do not end this process."""

    def __init__(self) -> None:
        self._signals = Signals(_SIGNALS)

    def run(self, command: tuple[str, ...], variables: dict[str, str]) -> int:
        """Run a command with these variables and return its exit code, as a shell would tell it."""
        kept = {name: value for name, value in os.environ.items() if name.upper() not in ("ALL_PROXY", CONTROL_TOKEN)}
        if not command[0]:
            return _told(NOT_FOUND, _absence(command[0]))
        try:
            process = subprocess.Popen(command, env=kept | variables)  # noqa: S603 - it is what the user asked for
        except FileNotFoundError:
            return _told(NOT_FOUND, _absence(command[0]))
        except OSError as error:
            return _told(NOT_EXECUTABLE, f"command {command[0]!r} cannot be run: {error.strerror}")
        self._signals.tell(lambda number: _pass_on(number, process))
        code = process.wait()
        return code if code >= 0 else BY_SIGNAL - code


def _pass_on(number: int, process: subprocess.Popen[bytes]) -> None:
    if number == signal.SIGTERM or not _has_terminal():
        process.send_signal(number)


def _absence(name: str) -> str:
    """What was not found of a command: the file, or what its first line says that it be run by."""
    first = _read(shutil.which(name)).partition(b"\n")[0]
    if first.startswith(b"#!"):
        interpreter = first[2:].decode(errors="replace").strip()
        return f"command {name!r} cannot be run: {interpreter!r}, which its first line names, was not found"
    return f"command {name!r} was not found: check its name and PATH"


def _has_terminal() -> bool:
    """Whether a terminal sends its signals to this process and, without our help, to the command as well."""
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):
        return False


def _told(code: int, sentence: str) -> int:
    log.error("pixazo-sim: %s", sentence)
    return code
