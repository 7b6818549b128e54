"""The command `pixazo-sim listen`."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from pixazo_html import visible
from pixazo_simulator.cli.options import LISTEN_OPTIONS, usage_error
from pixazo_simulator.cli.process import LineWriter, Signals, end_now, log, log_to_stderr
from pixazo_simulator.cli.serve import begin_end, check_output, print_ready

if TYPE_CHECKING:
    from .callback import Callback, KeptCallback
    from .forwarder import Forwarder

_COLOURS = {"good": "green", "bad": "red", "notable": "yellow", "plain": None}


def _listen(**options: Any) -> None:
    """Receive webhooks until SIGINT or SIGTERM: print each when it arrives, and forward it to a running app.

    Send the webhooks to any path of the port that `ready http://HOST:PORT` names; `console http://...` is a page with all of them. With
    --replay FILE the command receives nothing: it posts the webhooks of the file to the app, and exits with 0 if the app answered each with 2xx, else 1.
    """
    if options["replay"] is not None and not options["forward_to"]:
        raise click.UsageError("--replay requires --forward-to: add it")
    for name, other in (("respond", "forward_to"), ("save", "replay"), ("control_token", "control_open")):
        if options[name] is not None and options[other]:
            names = " and ".join(f"--{each.replace('_', '-')}" for each in (name, other))
            raise click.UsageError(f"{names} exclude each other: choose one")
    check_output()
    if options["replay"]:
        raise SystemExit(_replay(options))
    _receive(options)


def _receive(options: dict[str, Any]) -> None:
    ended = threading.Event()
    Signals((signal.SIGINT, signal.SIGTERM)).listen(lambda number: begin_end(ended, number))
    from pixazo_simulator.server import Configuration, SimulatorError, ThreadedServer, listen
    from pixazo_simulator.spec import CONSOLE_PATH, LOOPBACK_OF
    from pixazo_simulator.world import Settings

    from .app import Receiver

    log_to_stderr("text")
    gc.enable()
    settings = Settings(**{name: options[name] for name in ("control_token", "control_open", "control_hosts")})
    forwarder = _forwarder(options["forward_to"]) if options["forward_to"] else None
    receiver = Receiver(
        settings, _now, secrets=options["secrets"], forwarder=forwarder, respond=options["respond"] or 204
    )
    lines = LineWriter(1, lambda count: f"{count} lines were dropped: standard output was not read fast enough")
    show = _printing(lines.write, as_json=options["as_json"], forwards=forwarder is not None)
    if options["save"]:
        receiver.kept.watchers.append(_saving(options["save"]))
    receiver.kept.watchers.append(show)
    host: str = options["host"]
    with usage_error(SimulatorError):
        listener = listen(host, options["port"])
        port = listener.getsockname()[1]
        _refuse_itself(options["forward_to"], port)
        server = ThreadedServer(listener, str(port), Configuration(receiver))
        server.start()
    called = LOOPBACK_OF.get(host, host)
    url = f"http://{f'[{called}]' if ':' in called else called}:{port}"
    if not ended.is_set():
        print_ready(f"ready {url}\n", options["ready_file"], server.stop, more=f"console {url}{CONSOLE_PATH}\n")
    ended.wait()
    server.stop()
    lines.flush()
    end_now(0)


def _now() -> int:
    return int(time.time() * 1000)


def _refuse_itself(url: str | None, port: int) -> None:
    """Raise click.UsageError for an app that is the receiver: each webhook would be forwarded forever."""
    from pixazo_simulator.spec import Redactor, is_loopback_ip

    parts = urlsplit(url or "")
    if parts.port == port and (parts.hostname == "localhost" or is_loopback_ip(parts.hostname or "")):
        shown = Redactor().text(url or "")
        raise click.UsageError(f"--forward-to {shown} is this receiver itself: give the URL of your app")


def _forwarder(url: str) -> Forwarder:
    from .forwarder import Forwarder

    with usage_error(ValueError):  # the environment names authorities that cannot be used
        return Forwarder(url, _now)


def _printing(write: Callable[[str], None], *, as_json: bool, forwards: bool) -> Callable[[KeptCallback], None]:
    """A function that writes a line about the latest event of a webhook."""
    from .callback import shown, text_line, to_json

    chosen = click.get_current_context().color  # False where NO_COLOR is set
    is_coloured = os.isatty(1) if chosen is None else chosen

    def show(entry: KeptCallback) -> None:
        if as_json:
            if entry.answers:
                write(to_json(shown(entry)))
        elif said := text_line(entry, forwards=forwards):
            text, tone = visible(said[0]), said[1]
            write(click.style(text, fg=_COLOURS[tone]) if is_coloured else text)

    return show


def _saving(path: str) -> Callable[[KeptCallback], None]:
    """A function that appends each new webhook to a file, which only its owner may read. Raises click.UsageError unless it is a regular file."""
    from .callback import saved_line

    try:
        # O_NONBLOCK: opening a FIFO without a reader would block; it fails with ENXIO instead. O_BINARY: Windows writes lines as they are.
        flags = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))
        file = os.open(path, sum(flags, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0o600)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise click.UsageError(f"--save {path} is not a regular file: choose another path")
        if hasattr(os, "fchmod"):
            os.fchmod(file, 0o600)
    except OSError as error:
        raise click.UsageError(f"--save {path} cannot be written: {error.strerror}") from None

    def save(entry: KeptCallback) -> None:
        if entry.answers:
            return
        line, size = saved_line(entry.callback), os.fstat(file).st_size
        try:
            while line:  # a full disk takes a part at first
                line = line[os.write(file, line) :]
        except OSError as error:
            os.ftruncate(file, size)
            log.warning("webhook %d was not saved: %s cannot be written: %s", entry.number, path, error.strerror)

    return save


def _replay(options: dict[str, Any]) -> int:
    """Post the webhooks of a file in order, and return the exit code. Raises click.UsageError before the first for an invalid file."""
    from pixazo_simulator.spec import is_success

    from .callback import KeptCallback, judge

    gc.enable()
    callbacks = _saved(options["replay"])
    forwarder = _forwarder(options["forward_to"])
    show = _printing(lambda line: click.echo(line, color=True), as_json=options["as_json"], forwards=True)

    async def post() -> bool:
        all_taken = True
        for number, callback in enumerate(callbacks, 1):
            entry = KeptCallback(number=number, callback=callback, verdict=judge(callback, options["secrets"], _now()))
            show(entry)
            answer = await forwarder.forward(callback)
            show(entry.answered(answer))
            all_taken &= is_success(answer.status)
        return all_taken

    return 0 if asyncio.run(post()) else 1


def _saved(path: str) -> list[Callback]:
    """The webhooks of a file. Raises click.UsageError for one that cannot be read, or has none."""
    from .callback import read_saved

    try:
        with Path(path).open("rb") as lines:
            callbacks = [*read_saved(lines)]
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"{path} is not a file of webhooks, as --save writes it: {error}") from None
    if not callbacks:
        raise click.UsageError(f"{path} has no webhook: save some with --save")
    return callbacks


listen = click.Command("listen", callback=_listen, params=[*LISTEN_OPTIONS], help=_listen.__doc__)
