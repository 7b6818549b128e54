"""The command `pixazo-sim replay`: a saved world is served, a trace of recorded traffic becomes a failing test."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import Argument, Option

from pixazo_simulator.cli.options import OPTIONS
from pixazo_simulator.cli.serve import serve_until_ended

if TYPE_CHECKING:
    from pixazo_simulator.state import Replayed, WorldLog

_TAKEN = ("models", "host", "port", "ready_file", "log_format")
"""The options of `serve` that `replay` has, too."""


def _replay(file: str, check: bool, key: str, **options: Any) -> None:  # noqa: FBT001 - click names them
    """Restore a world from FILE, and serve it until SIGINT or SIGTERM; or turn a trace into a failing test.

    A trace is what `pixazo-contracts run` or `pixazo-contracts proxy` recorded. The command writes a script with which a simulator responds
    as in the trace, and a pytest file that uses it: replay_NAME.json and test_replay_NAME.py.

    Otherwise FILE is a response of `GET /_sim/world/log`, or what `pytest --pixazo-save-worlds=DIR` saved for a failed test. The command carries out the
    commands of the file again, and prints whether they lead to the same state as on the machine that saved it. The clock is stopped at
    the end of the file, until it is advanced. `GET /_sim/world/history` lists the commands, and `at` shows the state after each of them.
    """
    from pixazo_simulator.cli.process import log, log_to_stderr
    from pixazo_simulator.server import Simulator

    from .pytest_file import write_tests

    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    try:
        if write_tests(file, data, options, check=check):
            return
        saved = _read(file, data)
        simulator, replayed = Simulator.replaying(
            saved, key=key, host=options["host"], port=options["port"], models=options["models"]
        )
    except (ValueError, OSError) as error:
        raise click.UsageError(f"{file} cannot be replayed: {error}") from None
    summary = _summary(saved, replayed)
    is_sound = replayed.is_same and replayed.has_same_outcome
    if check:
        click.echo(summary)
        raise SystemExit(0 if is_sound else 1)
    log_to_stderr(options["log_format"])
    log.log(logging.INFO if is_sound else logging.WARNING, "%s", summary)
    serve_until_ended(lambda _: simulator, options)


def _read(file: str, data: bytes) -> WorldLog:
    import msgspec

    from pixazo_simulator.state import WorldLog

    try:
        return msgspec.json.decode(data, type=WorldLog)
    except msgspec.MsgspecError as error:
        if data.lstrip()[:1] == b"{" and b'"log"' in data[:200] and b'"entries"' in data:
            raise click.UsageError(
                f"{file} is a HAR file: convert it to a trace first, with pixazo-contracts har {file} -o trace.ndjson"
            ) from None
        raise click.UsageError(
            f"{file} is neither the log of a world ({error}), as GET /_sim/world/log and pytest --pixazo-save-worlds=DIR give, "
            "nor a trace, as pixazo-contracts run, proxy and har write"
        ) from None


def _summary(log: WorldLog, replayed: Replayed) -> str:
    from pixazo_simulator.spec import timestamp

    world = replayed.world
    named = f" of {log.name}" if log.name else ""
    altered = "; requests or webhooks end otherwise than with the secrets that were hidden in the file"
    return (
        f"world{named} at {timestamp(world.clock.now())}: {len(log.commands)} commands replayed, {world.journal.total} exchanges, "
        f"{world.accepted} generations: {'the same' if replayed.is_same else 'not the same'} state as when it was saved"
        f"{altered if replayed.is_same and not replayed.has_same_outcome else ''}"
    )


_PARAMETERS: list[click.Parameter] = [
    Argument(["file"], type=click.Path(exists=True, dir_okay=False)),
    Option(["--check"], is_flag=True, help="Only check that the state is the same as when saved: exit code 0, else 1."),
    Option(["--api-key", "key"], default="sim-key", show_default=True, help="The key that opens the world."),
    Option(["--out"], default=".", metavar="DIR", show_default=True, help="For a trace: where to write the two files."),
    Option(["--name"], metavar="NAME", help="For a trace: the NAME of the files. Default: that of FILE."),
    Option(
        ["--app"], metavar="CMD", help="For a trace: the command that the test runs. Default: the calls of the trace."
    ),
    Option(["--profile"], metavar="FILE", help="For a trace: a profile, such as pixazo-contracts profile writes."),
    Option(["--force"], is_flag=True, help="For a trace: overwrite existing files."),
    *(option for option in OPTIONS if option.name in _TAKEN),
]
replay = click.Command("replay", callback=_replay, params=_PARAMETERS, help=_replay.__doc__)
