"""What a command prints, and how it ends: text, one line about an error, a file."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import extract_tb
from typing import Any, NoReturn

import click

from pixazo_contracts.judge import ExitCode
from pixazo_contracts.report import GitHub
from pixazo_contracts.trace import ConfigurationError, visible
from pixazo_html import is_github, job_summary, workflow_commands

FILE = click.Path(dir_okay=False, path_type=Path)
GIVEN_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NUMBER = click.IntRange(0)


def option(names: str, metavar: str | None = None, about: str | None = None, **more: Any) -> click.Option:
    """An option of these names, the last of which may be that of its parameter: `-o --out`, `--json json_file`."""
    return click.Option(names.split(), metavar=metavar, help=about, **more)


def flag(name: str, about: str) -> click.Option:
    return option(name, about=about, is_flag=True)


#: The option of every command that reports.
FORM = option(
    "--format form",
    about="github: annotations and a job summary as well; the default in GitHub Actions.",
    type=click.Choice(["text", "github"]),
)


def print_text(text: str) -> None:
    """Print text; characters that the encoding lacks are escaped. If the output is closed, the exit code still gives the result."""
    if not sys.stdout:  # it was closed before the start
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_report(text: str, form: str | None, github: Callable[[], GitHub]) -> None:
    """Print a report, for GitHub as annotations and job summary, too; no workflow command of a quoted gateway gets through."""
    if not is_github(form, os.environ):
        print_text(text)
        return
    shown, token = github(), secrets.token_hex(16)
    print_text(f"::stop-commands::{token}\n{text}::{token}::\n{workflow_commands(shown.annotations)}")
    if not (place := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    try:
        with Path(place).open("ab") as file:
            file.write(job_summary(shown.summary, file.tell()).encode())
    except OSError as error:
        say(f"GITHUB_STEP_SUMMARY {place}: {error.strerror}: no summary")


def say(line: str) -> None:
    click.echo(f"pixazo-contracts: {visible(line)}", err=True)


def fail(message: str, code: ExitCode = ExitCode.USAGE) -> NoReturn:
    say(message)
    sys.exit(code)


def end_for(error: BaseException) -> NoReturn:
    """End a command that raised this with one line: unusable input, an interruption, or an unexpected error."""
    notes, code = getattr(error, "__notes__", list[str]()), ExitCode.SUITE
    if isinstance(error, ConfigurationError | OSError):
        text, code = str(error), ExitCode.SUITE if notes else ExitCode.USAGE
    elif isinstance(error, KeyboardInterrupt):
        text = "interrupted"
    else:
        at = extract_tb(error.__traceback__)[-1]
        text = f"the suite failed, {error!r} in {Path(at.filename).name}:{at.lineno}: report it"
    fail("; ".join([text, *notes]), code)


def write_file(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise no_place(path, error.strerror or str(error)) from None


def put(content: str, out: Path | None) -> None:
    """Write a text into a file, or print it: for None and `-`."""
    if out is None or str(out) == "-":
        print_text(content)
    else:
        write_file(out, content.encode())


def no_place(path: Path, why: str | None) -> ConfigurationError:
    return ConfigurationError(f"report {path}: {why}: choose another path")
