"""The commands below `page`: read, diff, check and model."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from pixazo_contracts.judge import ExitCode
from pixazo_contracts.pages import InvalidPageError, Page, compare_pages, draft_model, own_page, read_page
from pixazo_contracts.report import page_github, page_json, render_page, render_page_changes

from .output import fail, print_report, print_text

PAGE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
#: A page of the vendor has about 100 kB: more than this, in bytes, is not one.
LARGEST = 2 * 1024 * 1024
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "github"]),
    help="github: the text with annotations and a job summary; the default in GitHub Actions, else text.",
)


def _read(place: Path) -> Page:
    """The page in a file, `-` for standard input; one that cannot be read ends the command with 3."""
    stream = sys.stdin.buffer if str(place) == "-" else place.open("rb")
    with stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        fail(f"{place}: it has more than {LARGEST} bytes", ExitCode.SUITE)
    try:
        return read_page(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        fail(f"{place}: byte {error.start} is not UTF-8: give the page as Markdown", ExitCode.SUITE)
    except InvalidPageError as error:
        fail(f"{place}: {error}", ExitCode.SUITE)


@click.group("page")
def page() -> None:
    pass


@page.command("read", help="What a page says: operations, parameters, rules; and what was not understood.")
@click.argument("file", type=PAGE)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def read(file: Path, *, form: str) -> None:
    found = _read(file)
    print_text(page_json(found) if form == "json" else render_page(found))


@page.command(
    "diff",
    help="What changed between two versions of a page. Exit 0: nothing or wording; 1: meaning; 3: could not be read.",
)
@click.argument("old", type=PAGE)
@click.argument("new", type=PAGE)
@FORMAT
def diff(old: Path, new: Path, *, form: str | None) -> NoReturn:
    _compare(_read(old), _read(new), form)


@page.command("check", help="What changed since the page that this version is based on; exits as diff does.")
@click.argument("file", type=PAGE)
@FORMAT
def check(file: Path, *, form: str | None) -> NoReturn:
    _compare(read_page(own_page()), _read(file), form)


@page.command("model", help="Draft a model file from a page, for `pixazo-sim serve --model FILE`.")
@click.argument("file", type=PAGE)
def model(file: Path) -> None:
    try:
        print_text(draft_model(_read(file), datetime.now(UTC).date()))
    except InvalidPageError as error:
        fail(f"{file}: {error}", ExitCode.SUITE)


def _compare(old: Page, new: Page, form: str | None) -> NoReturn:
    changes = compare_pages(old, new)
    if form in ("json", "markdown"):
        print_text(render_page_changes(changes, form))
    else:
        print_report(render_page_changes(changes, "text"), form, lambda: page_github(changes))
    sys.exit(ExitCode.FAILED if any(change.kind == "meaning" for change in changes) else ExitCode.CLEAN)
