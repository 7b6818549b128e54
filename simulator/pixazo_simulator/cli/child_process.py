"""What `pixazo-sim exec` does: it runs a command as a child process beside a simulator, or before an upstream."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NoReturn

import click

from pixazo_simulator import redirect
from pixazo_simulator.control import TOKEN_VARIABLE
from pixazo_simulator.redirect import (
    HOSTS,
    HTTPS,
    MEDIA_HOSTS,
    Forward,
    ProxyRequest,
    RefuseRequest,
    Relay,
    Tunnel,
    Upstream,
    media_hosts,
)
from pixazo_simulator.server import STOP_DEADLINE, SimulatorError, tls_context

from .options import simulator_of
from .process import BY_SIGNAL, Signals, end_in, log_to_stderr

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit codes of a shell."""
LAST_RESORT = 2 * STOP_DEADLINE + 1
"""Seconds after the end of the command until this process ends, whatever it is waiting for: proxy and server stop in turn."""

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
_LOCAL = "localhost,127.0.0.1,::1"
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_Target = tuple[tuple[str, ...], int, str, dict[str, str]]
"""Hard-coded hosts, the port with TLS that they lead to, its authority (PEM), and variables for apps that can be configured."""

log = logging.getLogger("pixazo_simulator")


def execute(command: tuple[str, ...], options: dict[str, Any]) -> NoReturn:
    """Run a command against a simulator with these options, or against the upstream that they name, and exit with its exit code."""
    with ExitStack() as stack:
        upstream = options.pop("upstream")
        hosts, port, ca_pem, own = _led(stack, upstream, options) if upstream else _simulated(stack, options)
        proxy = stack.enter_context(redirect.Proxy(_decision(port, hosts), ca_pem=ca_pem))
        signals = Signals(_SIGNALS)  # from now on they do not end this process
        trust = stack.enter_context(_trust(ca_pem))
        preload = stack.enter_context(as_file(files("pixazo_simulator.redirect").joinpath("preload", "redirect")))
        code = _run(command, own | trust | _redirection(proxy.url, port, hosts, preload), signals)
        end_in(LAST_RESORT, code)
    raise SystemExit(code)


def _simulated(stack: ExitStack, options: dict[str, Any]) -> _Target:
    """A simulator with these options, and a TLS listener of it."""
    simulator = simulator_of(options | {"host": "127.0.0.1", "port": 0})
    try:
        stack.enter_context(simulator)
    except SimulatorError as error:
        raise click.UsageError(str(error)) from None
    hosts = (*HOSTS, *media_hosts(simulator.settings.policy.media_origin))
    listener = simulator.open_tls_listener(hosts)
    own = {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": simulator.api_key}
    return hosts, listener.port, listener.ca_pem, own


def _led(stack: ExitStack, upstream: Upstream, options: dict[str, Any]) -> _Target:
    """Ports on this machine that lead to the upstream; the key is the program's own."""
    log_to_stderr(options["log_format"])
    hosts = tuple(dict.fromkeys((*HOSTS, *MEDIA_HOSTS, *upstream.names)))
    context, ca_pem = tls_context(hosts)
    relay = stack.enter_context(Relay(upstream, context))
    base = upstream.url if upstream.is_direct else stack.enter_context(Relay(upstream)).url
    return hosts, relay.address[1], ca_pem, {"PIXAZO_BASE_URL": base}


def _redirection(proxy: str, port: int, hosts: tuple[str, ...], preload: Path) -> dict[str, str]:
    """The variables by which programs with a hard-coded host reach the TLS listener."""
    require = f"--require {json.dumps(str(preload / 'redirect.cjs'))}"
    preloads = {
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} {require}".strip(),
        "PYTHONPATH": os.pathsep.join([str(preload), *filter(None, [os.environ.get("PYTHONPATH")])]),
        redirect.REDIRECT_PORT: str(port),
        redirect.REDIRECT_HOSTS: ",".join(hosts),
    }
    return preloads | dict.fromkeys(_PROXIES, proxy) | {"NO_PROXY": _LOCAL, "no_proxy": _LOCAL}


@contextmanager
def _trust(ca_pem: str) -> Generator[dict[str, str]]:
    """The variables that make programs trust our authority and no other: a client that bypasses the proxy fails TLS verification.

    Node still trusts its own authorities, too, but redirect.cjs lets it connect to no other host.
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
        own = {redirect.REDIRECT_CA: str(ours), "WGETRC": str(wget)}
        yield bundles | own | {"SSL_CERT_DIR": str(nothing), "NODE_EXTRA_CA_CERTS": str(extra)}


def _read(path: str | None) -> bytes:
    try:
        return Path(path).read_bytes() + b"\n" if path else b""
    except OSError:
        return b""  # no program can read it either


def _decision(port: int, hosts: tuple[str, ...]) -> redirect.Decide:
    """What the proxy does with a request, when the TLS listener for these hosts has this port."""

    def decide(request: ProxyRequest) -> Tunnel | Forward | RefuseRequest:
        name, address = redirect.normalized(request.host), (request.host, request.port)
        if redirect.is_loopback(name):
            return Tunnel(address) if request.method == "CONNECT" else Forward(address)
        if name in hosts and request.port == HTTPS and (request.secure or request.method == "CONNECT"):
            return Forward(("127.0.0.1", port)) if request.secure else Tunnel(("127.0.0.1", port))
        is_ours = name in hosts
        sentence = redirect.misuse(name, request.port) if is_ours else redirect.offline(name, request.port, hosts)
        log.warning("pixazo-sim: %s", sentence)
        return RefuseRequest(sentence)

    return decide


def _run(command: tuple[str, ...], variables: dict[str, str], signals: Signals) -> int:
    """Run a command with these variables, pass signals on to it, and return its exit code as a shell would."""
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ("ALL_PROXY", TOKEN_VARIABLE)}
    if not command[0]:
        return _failed(NOT_FOUND, _absence(""))
    try:
        process = subprocess.Popen(command, env=kept | variables)  # noqa: S603 - it is what the user asked for
    except FileNotFoundError:
        return _failed(NOT_FOUND, _absence(command[0]))
    except OSError as error:
        return _failed(NOT_EXECUTABLE, f"command {command[0]!r} cannot be run: {error.strerror}")
    signals.listen(lambda number: _pass_on(number, process))
    code = process.wait()
    return code if code >= 0 else BY_SIGNAL - code


def _failed(code: int, sentence: str) -> int:
    log.error("pixazo-sim: %s", sentence)
    return code


def _pass_on(number: int, process: subprocess.Popen[bytes]) -> None:
    if number == signal.SIGTERM or not _has_terminal():
        process.send_signal(number)


def _absence(name: str) -> str:
    """What was not found: the file of the command, or the interpreter that its first line names."""
    first = _read(shutil.which(name)).partition(b"\n")[0]
    if first.startswith(b"#!"):
        interpreter = first[2:].decode(errors="replace").strip()
        return f"command {name!r} cannot be run: {interpreter!r}, which its first line names, was not found"
    return f"command {name!r} was not found: check its name and PATH"


def _has_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, which then sends its signals to the command, too."""
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except (OSError, AttributeError):
        return False
