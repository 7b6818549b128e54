"""The command `pixazo-sim replay`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import OPTIONS
from .serve import serve_until_ended

if TYPE_CHECKING:
    from pixazo_simulator.state import Replayed, WorldLog

_TAKEN = ("host", "port", "ready_file", "log_format")
"""The options of `serve` that `replay` has, too."""


def _replay(file: str, check: bool, key: str, **options: Any) -> None:  # noqa: FBT001 - click names them
    """Restore a world from FILE, and serve it until SIGINT or SIGTERM.

    FILE is a response of `GET /_sim/world/log`, or what `pytest --pixazo-save-worlds=DIR` saved of a failed test. The command carries out the
    commands of the file again, and prints whether they lead to the same state as on the machine that saved it. The clock stands still at
    the end of the file, until it is advanced. `GET /_sim/world/history` lists the commands, and `at` shows the state after each of them.
    """
    from pixazo_simulator.server import Simulator

    from .process import log_to_stderr

    log = _read(Path(file))
    try:
        simulator, replayed = Simulator.replaying(log, key=key, host=options["host"], port=options["port"])
    except ValueError as error:
        raise click.UsageError(f"{file} cannot be replayed: {error}") from None
    summary = _summary(log, replayed)
    if check:
        sys.stdout.write(f"{summary}\n")
        sys.stdout.flush()
        raise SystemExit(0 if replayed.is_same else 1)
    log_to_stderr(options["log_format"])
    logging.getLogger("pixazo_simulator").log(logging.INFO if replayed.is_same else logging.WARNING, "%s", summary)
    serve_until_ended(lambda _: simulator, options)


def _read(file: Path) -> WorldLog:
    import msgspec

    from pixazo_simulator.state import WorldLog

    try:
        return msgspec.json.decode(file.read_bytes(), type=WorldLog)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise click.UsageError(
            f"{file} is not the log of a world: {error}; GET /_sim/world/log answers with one"
        ) from None


def _summary(log: WorldLog, replayed: Replayed) -> str:
    from pixazo_simulator.spec import timestamp

    world = replayed.world
    named = f" of {log.name}" if log.name else ""
    return (
        f"world{named} at {timestamp(world.clock.now())}: {len(log.commands)} commands replayed, {world.journal.total} exchanges, "
        f"{world.accepted} generations: {'the same' if replayed.is_same else 'not the same'} state as when it was saved"
    )


replay = click.Command(
    "replay",
    callback=_replay,
    params=[
        click.Argument(["file"], type=click.Path(exists=True, dir_okay=False)),
        click.Option(
            ["--check"], is_flag=True, help="Only check that the state is the same as when saved: exit code 0, else 1."
        ),
        click.Option(["--api-key", "key"], default="sim-key", show_default=True, help="The key that opens the world."),
        *(option for option in OPTIONS if option.name in _TAKEN),
    ],
    help=_replay.__doc__,
)
