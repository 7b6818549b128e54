"""The commands har and profile, and how a file is read that another tool may have written."""

from __future__ import annotations

from pathlib import Path

import click
from click import Argument, Option

from pixazo_contracts.judge import ExitCode
from pixazo_contracts.trace import InvalidTraceError, Trace, dump_record
from pixazo_contracts.traffic import TRACE_LINE, load_traffic, write_har, write_profile

from .configure import origin_of_target
from .output import GIVEN_FILE, fail, put

OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)

TARGET = Option(
    ["--target"], metavar="URL", help="HAR only: origin of the gateway. Default: the one that was called most."
)
_params = (
    Argument(["file"], metavar="FILE", type=GIVEN_FILE),
    Option(["-o", "--out"], type=OUT, metavar="FILE", help="Write to this file; - or no option: print."),
    TARGET,
)


def read_recording(path: Path, target: str | None) -> Trace:
    """The trace in a file, or the trace of the HAR in it; standard error says what was left out. Any other file ends the command."""
    try:
        trace, left_out = load_traffic(path, None if target is None else origin_of_target(target))
    except InvalidTraceError as error:
        fail(f"{path}: {error}", ExitCode.SUITE)
    if left_out:
        click.echo(
            f"pixazo-contracts: {left_out} entries left out: they are not for {trace.profile.origin}, or have no response",
            err=True,
        )
    return trace


@click.command("profile", params=[*_params])
def profile(file: Path, out: Path | None, target: str | None) -> None:
    put(write_profile(read_recording(file, target)), out)


@click.command("har", params=[*_params])
def har(file: Path, out: Path | None, target: str | None) -> None:
    with file.open("rb") as stream:
        is_trace = TRACE_LINE.match(stream.read(4096)) is not None
    trace = read_recording(file, target)
    records = (trace.header, *trace.exchanges, *trace.callbacks, trace.footer)
    made = write_har(trace) if is_trace else b"".join(dump_record(each) for each in records if each is not None)
    put(made.decode(), out)
