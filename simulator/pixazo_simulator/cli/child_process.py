"""What `pixazo-sim exec` does: it runs a command as a child process with a simulator, or with an upstream."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial, reduce
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NoReturn

import click
from msgspec.structs import asdict, replace

from pixazo_simulator import redirect
from pixazo_simulator.control import TOKEN_VARIABLE, Bill, Run, responses, run_of
from pixazo_simulator.script import weather
from pixazo_simulator.server import STOP_DEADLINE, Simulator, SimulatorError, tls_context
from pixazo_simulator.spec import HIDDEN, dollars, micros

from .options import simulator_of, usage_error
from .process import BY_SIGNAL, Signals, end_in, log, log_to_stderr

MOST_WASTED = 5
"""Wasted generations that are printed: the file of `--bill` has all."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit codes of a shell."""
LAST_RESORT = 2 * STOP_DEADLINE + 1
"""Seconds after the end of the command until this process ends, whatever it is waiting for: proxy and server stop in turn."""

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
_LOCAL = "localhost,127.0.0.1,::1"
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def execute(command: tuple[str, ...], options: dict[str, Any]) -> NoReturn:
    """Run a command against a simulator with these options, or against the upstream that they name, and exit with its exit code."""
    child, simulator = _Child(command), None
    if upstream := options.pop("upstream"):
        log_to_stderr(options["log_format"])
        target = _led(upstream, child)
    else:
        simulator = simulator_of(options | {"host": "127.0.0.1", "port": 0})
        if options["weather"] is not None or options["weather_only"] is not None:
            raise SystemExit(_in_weather(child, simulator, options))
        target = _simulated(simulator, child)
    with target as variables:
        code = child.run(variables) or 0
        if simulator is not None:
            beyond = _billed(simulator.control().bill(), options)  # whatever happened to the command
            code = code or beyond
        end_in(LAST_RESORT, code)
    raise SystemExit(code)


def _billed(bill: Bill, options: dict[str, Any]) -> int:
    """Print what the generations would have cost, and write it to the file of `--bill`; 1 if that is more than `--max-spend`."""
    if bill.total:
        counted = f"{bill.total} generation{'s' * (bill.total != 1)}"
        back = f", ${bill.refunded} refunded" if bill.refunded else ""
        wasted = f"; ${bill.wasted} of it wasted" if bill.wasted_generations else ""
        _tell(f"{counted} would have cost ${bill.spent} on the real gateway{back}{wasted}")
    for each in [each for each in bill.generations if each.waste][:MOST_WASTED]:
        _tell(f"{each.request_id}, ${each.price}: {each.waste}")
    if options["bill"]:
        try:
            document = responses.ProgramBill(**asdict(bill))
            Path(options["bill"]).write_bytes(responses.encode(document))
        except OSError as error:
            _tell(f"--bill {options['bill']} cannot be written: {error.strerror}")
            return 1
    limit = options["max_spend"]
    if limit is not None and micros(str(bill.spent - bill.refunded)) > limit:
        _tell(f"${bill.spent - bill.refunded} is more than --max-spend ${dollars(limit)}: submit less, or raise it")
        return 1
    return 0


def _in_weather(child: _Child, simulator: Simulator, options: dict[str, Any]) -> int:
    """Run a command through incidents, report the result, and shrink what breaks it; return the exit code."""
    if simulator.state != "memory":
        raise click.UsageError(
            f"--state {simulator.state} keeps worlds, but each run with --weather needs a fresh one: leave it out"
        )
    if options["bill"] or options["max_spend"] is not None:
        raise click.UsageError("--bill and --max-spend apply to one run, but --weather may need many: leave them out")
    incidents = options["weather_only"]
    if incidents is None:
        incidents = weather.forecast(options["weather"], options["days"])
    limit = options["weather_limit"]
    first, code = _weathered(child, simulator, limit, incidents)
    _tell(first.summary if child.interrupted else str(first))
    if first.problems and not child.interrupted:
        given = tuple(_given(child.command, options["keys"]))
        how = f"to repeat it{', with the key in place of ' + HIDDEN if any(HIDDEN in each for each in given) else ''}:"
        broken = [(first.struck, "")]
        if options["shrink"]:
            fewest = weather.shrunk(partial(_problems_of, child, simulator, limit), first.struck, first.kinds)
            broken = [(each.incidents, str(each)) for each in fewest]
        for incidents, words in broken:
            _tell("\n".join(filter(None, [words, how])))
            options_again = ("--no-shrink", "--weather-only", weather.written(incidents))
            click.echo(shlex.join(["pixazo-sim", "exec", *given, *options_again, "--", *child.command]), err=True)
    if child.interrupted:
        return code or BY_SIGNAL + child.interrupted
    return code or int(bool(first.problems))


def _weathered(child: _Child, simulator: Simulator, limit: float, incidents: weather.Forecast) -> tuple[Run, int]:
    """One run of a command through incidents, in a fresh world, and its exit code.

    Repeated runs log only what is wrong with the simulator. Raises SystemExit when the command cannot be run at all.
    """
    quiet = child.process is not None
    script = (*simulator.settings.script, *weather.rules(incidents))
    fresh = Simulator(replace(simulator.settings, script=script), change=simulator.change)
    logging.disable(logging.WARNING if quiet else logging.NOTSET)
    with _simulated(fresh, child) as variables:
        code = child.run(variables, limit=limit, quiet=quiet)
        if child.process is None:  # the command cannot be run
            raise SystemExit(code)
        failure = f"its exit code is {code}" if code else None
        if code is None:
            failure = f"it did not end within {limit:g} s"
        return run_of(fresh.control(), incidents, failure), 1 if code is None else code


def _problems_of(child: _Child, simulator: Simulator, limit: float, incidents: weather.Forecast) -> list[str]:
    """The kinds of the problems of a run, which are printed. Raises StopShrinking after a signal."""
    kinds = _weathered(child, simulator, limit, incidents)[0].kinds if not child.interrupted else []
    if child.interrupted:
        raise weather.StopShrinking
    what = str(incidents[0]) if len(incidents) == 1 else f"{len(incidents)} incidents"
    _tell(f"shrinking: {what}: {', '.join(kinds) or 'survived'}")
    return kinds


def _given(command: tuple[str, ...], keys: Iterable[str]) -> Iterator[str]:
    """The options of this command line, without keys, and without those that the line to repeat a run sets itself."""
    words = iter(sys.argv[2 : len(sys.argv) - len(command)])
    for word in words:
        if word == "--weather-only":
            next(words)
        elif word not in ("--", "--shrink", "--no-shrink") and not word.startswith("--weather-only="):
            yield reduce(lambda text, key: text.replace(key, HIDDEN), keys, word)


def _tell(text: str) -> None:
    """Print lines on standard error, where they stay in order with those of the command."""
    for line in text.splitlines():
        click.echo(f"pixazo-sim: {line}", err=True)


@contextmanager
def _simulated(simulator: Simulator, child: _Child) -> Generator[dict[str, str]]:
    """Within a `with` block the simulator runs, and the variables direct a child process to it."""
    with ExitStack() as stack:
        with usage_error(SimulatorError):
            stack.enter_context(simulator)
        hosts = (*redirect.HOSTS, *redirect.media_hosts(simulator.settings.policy.media_origin))
        listener = simulator.open_tls_listener(hosts)
        own = {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": simulator.api_key}
        yield own | _redirected(stack, child, hosts, listener.port, listener.ca_pem)


@contextmanager
def _led(upstream: redirect.Upstream, child: _Child) -> Generator[dict[str, str]]:
    """Within a `with` block ports on this machine connect to the upstream, and the variables direct a child process to them; it uses its own key."""
    hosts = tuple(dict.fromkeys((*redirect.HOSTS, *redirect.MEDIA_HOSTS, *upstream.names)))
    context, ca_pem = tls_context(hosts)
    with ExitStack() as stack:
        relay = stack.enter_context(redirect.Relay(upstream, context))
        base = upstream.url if upstream.is_direct else stack.enter_context(redirect.Relay(upstream)).url
        yield {"PIXAZO_BASE_URL": base} | _redirected(stack, child, hosts, relay.address[1], ca_pem)


def _redirected(stack: ExitStack, child: _Child, hosts: tuple[str, ...], port: int, ca_pem: str) -> dict[str, str]:
    """The variables by which a child with a hard-coded host reaches the TLS port; the proxy that they name runs until the stack is closed."""
    proxy = stack.enter_context(redirect.Proxy(_decision(port, hosts), ca_pem=ca_pem))
    child.hold_signals()
    trust = stack.enter_context(_trust(ca_pem))
    preload = stack.enter_context(as_file(files("pixazo_simulator.redirect").joinpath("preload", "redirect")))
    require = f"--require {json.dumps(str(preload / 'redirect.cjs'))}"
    of_proxy = dict.fromkeys(_PROXIES, proxy.url) | dict.fromkeys(("NO_PROXY", "no_proxy"), _LOCAL)
    preloads = {
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} {require}".strip(),
        "PYTHONPATH": os.pathsep.join([str(preload), *filter(None, [os.environ.get("PYTHONPATH")])]),
        redirect.REDIRECT_PORT: str(port),
        redirect.REDIRECT_HOSTS: ",".join(hosts),
    }
    return trust | preloads | of_proxy


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
        own = dict.fromkeys((redirect.REDIRECT_CA, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(ours))
        yield own | {"SSL_CERT_DIR": str(nothing), "NODE_EXTRA_CA_CERTS": str(extra), "WGETRC": str(wget)}


def _read(path: str | None) -> bytes:
    try:
        return Path(path).read_bytes() + b"\n" if path else b""
    except OSError:
        return b""  # no program can read it either


def _decision(port: int, hosts: tuple[str, ...]) -> redirect.Decide:
    """What the proxy does with a request when the TLS listener for these hosts has this port."""

    def decide(request: redirect.ProxyRequest) -> redirect.Tunnel | redirect.Forward | str:
        name, address = redirect.normalized(request.host), (request.host, request.port)
        if redirect.is_loopback(name):
            return redirect.Tunnel(address) if request.method == "CONNECT" else redirect.Forward(address)
        if name in hosts and request.port == redirect.HTTPS and (request.secure or request.method == "CONNECT"):
            return redirect.Forward(("127.0.0.1", port)) if request.secure else redirect.Tunnel(("127.0.0.1", port))
        sentence = redirect.misuse(name, request.port) if name in hosts else redirect.offline(name, request.port, hosts)
        log.warning("pixazo-sim: %s", sentence)
        return sentence

    return decide


class _Child:
    """Runs a command, as often as needed, and passes on signals; `interrupted` is the last of these, `process` the latest run."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.command = command
        self.interrupted: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._is_apart = self._is_quiet = False
        self._signals: Signals | None = None

    def hold_signals(self) -> None:
        self._signals = self._signals or Signals(_SIGNALS)

    def run(self, variables: dict[str, str], *, limit: float | None = None, quiet: bool = False) -> int | None:
        """Run the command; returns its exit code as a shell would, None when it was ended after `limit` seconds.

        With a `limit` it reads nothing and has a session of its own, so its child processes end with it. If `quiet`, its output
        is discarded, and any signal ends it.
        """
        kept = {name: value for name, value in os.environ.items() if name.upper() not in ("ALL_PROXY", TOKEN_VARIABLE)}
        command = self.command
        if sys.platform == "win32":  # by itself Popen finds only programs that end with .exe, not npm.cmd
            command = (shutil.which(command[0]) or command[0], *command[1:])
        stream = subprocess.DEVNULL if quiet else None
        is_first = self.process is None
        self._is_apart, self._is_quiet = limit is not None, quiet
        try:
            self.process = process = subprocess.Popen(  # noqa: S603 - it is what the user asked for
                command, env=kept | variables, stdin=subprocess.DEVNULL if self._is_apart else None, stdout=stream, stderr=stream,
                start_new_session=self._is_apart,
            )  # fmt: skip
        except FileNotFoundError:
            log.error("pixazo-sim: command %r was not found: check its name and PATH", self.command[0])
            return NOT_FOUND
        except OSError as error:
            log.error("pixazo-sim: command %r cannot be run: %s", self.command[0], error.strerror)
            return NOT_EXECUTABLE
        if is_first and self._signals:
            self._signals.listen(self._pass_on)
        if quiet and self.interrupted:
            _end_session(process)  # the signal arrived before there was a process to end
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        if self._is_apart:
            _end_session(process)
        return BY_SIGNAL - code if code is not None and code < 0 else code

    def _pass_on(self, number: int) -> None:
        is_again, self.interrupted = self.interrupted is not None, number
        if self.process is None:
            return
        if self._is_quiet or (self._is_apart and (is_again or sys.platform == "win32")):
            _end_session(self.process)
        elif self._is_apart or number == signal.SIGTERM or not _has_terminal():
            self.process.send_signal(number)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # none is left
        if sys.platform == "win32":  # Windows has no sessions: what the process has started continues
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _has_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, which then also sends its signals to the command, as a Windows console does."""
    if sys.platform == "win32":
        return True
    else:  # noqa: RET505 - a type checker for Windows reads no further
        try:
            with Path("/dev/tty").open("rb") as terminal:
                return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
        except OSError:
            return False
