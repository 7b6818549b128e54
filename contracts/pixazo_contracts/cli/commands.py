"""The commands run, plan, judge, diff, list, har and profile."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from click import Argument

from pixazo_contracts import report
from pixazo_contracts.clauses import Clause
from pixazo_contracts.judge import (
    CLASSES,
    ExitCode,
    InvalidResultError,
    Result,
    Terms,
    compare,
    evaluate,
    load_result,
    read_terms,
    selection,
    to_json,
    to_ndjson,
)
from pixazo_contracts.probes import for_clauses
from pixazo_contracts.runner import Ledger, Progress, make_plan, remaining, weak_keys
from pixazo_contracts.runner import run as observe
from pixazo_contracts.trace import (
    ConfigurationError,
    InvalidTraceError,
    ProfileFile,
    Trace,
    capable,
    check_known,
    dump_record,
    read_profile,
    visible,
)
from pixazo_contracts.traffic import load_traffic, write_har, write_profile

from .configure import Given, again, choose, discover, make_target, origin_of_target, run_clock, run_options
from .output import (
    FILE,
    FORM,
    GIVEN_FILE,
    NUMBER,
    fail,
    flag,
    no_place,
    option,
    print_report,
    print_text,
    put,
    say,
    write_file,
)

GIVEN_RUN = click.Path(exists=True, path_type=Path)
DIRECTORY = click.Path(file_okay=False, path_type=Path)
SHARE = click.FloatRange(0, 100)
OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


def _repeatable(names: str, metavar: str, about: str) -> click.Option:
    return option(names, metavar, f"{about}; repeatable.", multiple=True)


_selecting = (
    _repeatable("--clauses globs", "GLOB", "Only clauses whose id matches"),
    flag("--core", "Only the core clauses."),
)

LEDGER = option("--ledger", "FILE", "File in which all runs record what they spend; one for each target.", type=FILE)

#: Named like the members of `Given`, if the target is made from them.
_targeting = (
    option("--target", "URL", "Origin of the gateway.", required=True),
    option("--api-key", "KEY", "Its key; prefer the environment variable."),
    option("--api-key-env", "NAME", default="PIXAZO_API_KEY", show_default=True),
    option("--profile", "FILE", "TOML, JSON or YAML: paid, capabilities, accounts, ceilings ...", type=GIVEN_FILE),
    _repeatable("--account accounts", "ROLE=KEY", "empty, suspended, throttled, other ..."),
    _repeatable("--prompt prompts", "KIND=TEXT", "A prompt whose generation ends failed or error"),
    option("--pace", "SECONDS", "Time between two polls. Default: 5.", type=float),
    option("--deadline", "SECONDS", "Time within which a generation must end. Default: 600.", type=float),
    option("--have", "CAP,...", "Further capabilities of the target.", default=""),
    _repeatable("--risk risks", "RISK", "query-key: send the key in a query and as a Bearer token too, for AUTH-06"),
    option("--receiver", "HOST:PORT", "Where to listen for callbacks."),
    option("--receiver-url", "URL", "Public URL of the receiver, if the gateway cannot reach it directly."),
    option("--max-generations", "N", "The most generations to spend, if they cost money.", type=NUMBER, default=0),
    LEDGER,
    option("--seed", "N", "Recorded in trace and result; a run draws nothing at random.", type=int, default=0),
)

judging = (
    option("--expect", "FILE", "TOML, JSON or YAML: known deviations, each with reason and expiry.", type=GIVEN_FILE),
    option("--baseline", "FILE", "An earlier result; changed observations are DRIFT.", type=GIVEN_RUN),
    flag("--strict", "Exit 13 if any planned clause was not judged. Default: only if a core one was not."),
    flag("--strict-drift", "DRIFT fails the run."),
    option("--floor", "PERCENT", "The least share of clauses that must be judged.", type=SHARE, default=0.0),
    option("--out", "DIR", "All reports, and the trace.", type=DIRECTORY),
    option("--junit", "FILE", type=FILE),
    option("--json json_file", "FILE", type=FILE),
    option("--html", "FILE", type=FILE),
    FORM,
)

_no_discovery = flag("--no-discovery", "Do not ask a target on this machine for its discovery document.")

_target = option("--target", "URL", "HAR only: origin of the gateway. Default: the one that was called most.")
_recorded = (
    Argument(["file"], metavar="FILE", type=GIVEN_RUN),
    option("-o --out", "FILE", "Write to this file; - or no option: print.", type=OUT),
    _target,
)


#: The reports below --out: the option that writes each alone, and how it is rendered.
_REPORTS: Final[dict[str, tuple[str, Callable[[Result, Terms], bytes]]]] = {
    "result.ndjson": ("", lambda result, _: to_ndjson(result)),
    "result.json": ("json_file", lambda result, _: to_json(result)),
    "junit.xml": ("junit", lambda result, terms: report.render_junit(result, strict_drift=terms.strict_drift)),
    "report.html": ("html", lambda result, _: report.render_html(result).encode()),
}


def _places(options: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    for name, (alone, _) in _REPORTS.items():
        folder: Path | None = options["out"]
        for place in (folder and folder / name, options.get(alone)):
            if place is not None:
                yield name, place


def _given(options: dict[str, Any]) -> Given:
    return Given(**{field.name: options[field.name] for field in fields(Given) if field.name in options})


def prepare(options: dict[str, Any]) -> Terms:
    """The terms of the judgement; also makes the directories of the reports.

    Both before anything is sent: what cannot be read or written, or changes during the run, costs nothing.
    """
    if not 0 <= options["floor"] <= 100:  # click accepts nan
        raise ConfigurationError(f"--floor {options['floor']} must be a number from 0 to 100")
    given = {name: options[name] for name in ("expect", "baseline", "strict", "strict_drift", "floor")}
    terms = read_terms(**given)
    for name in ("out", "json_file", "junit", "html"):
        path: Path | None = options[name]
        if path is None:
            continue
        if str(path) == "-":
            raise no_place(path, "standard output has the report for people")
        folder = path if name == "out" else path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_place(path, error.strerror) from None
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise no_place(path, "it cannot be written")
    return terms


def conclude(trace: Trace, clauses: tuple[Clause, ...], terms: Terms, options: dict[str, Any]) -> NoReturn:
    """Judge, write the requested reports, print, and exit with the code of the result; a report that cannot be written is no clean end."""
    result = evaluate(trace, clauses, terms)
    code = result.exit_code
    try:
        for name, place in _places(options):
            try:
                write_file(place, _REPORTS[name][1](result, terms))
            except ConfigurationError as error:
                say(str(error))
                code = code or ExitCode.SUITE
    finally:
        text = report.render_terminal(result, colour=uses_colour())
        print_report(text, options["form"], lambda: report.result_github(result, strict_drift=terms.strict_drift))
    sys.exit(code)


def remove_reports(options: dict[str, Any], terms: Terms) -> None:
    """Remove the reports of an earlier run: they would pass for those of one that is killed. A result may be the baseline."""
    for name, place in _places(options):
        is_ours = place.is_file() and not place.is_symlink()  # as /dev/stdout may be
        if is_ours and (terms.baseline is None or not name.startswith("result.")):
            place.unlink()


def uses_colour() -> bool:
    """Whether the report has colours: by NO_COLOR (no-color.org), FORCE_COLOR (force-color.org) and TERM, otherwise on a terminal."""
    if not sys.stdout or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def _progress() -> Callable[[Progress], None] | None:
    """What shows progress: on a terminal, in one line that the report replaces; elsewhere nothing."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None

    def show(progress: Progress) -> None:
        done = f"{progress.probes_done} of {progress.probes} probes, {progress.exchanges} exchanges, {progress.seconds:.1f} s"
        end = "\r\x1b[K" if progress.probes_done == progress.probes else ""
        click.echo(f"\r\x1b[K{done}{end}", err=True, nl=False)

    return show


def _again(options: dict[str, Any]) -> tuple[str, ...]:
    """The words that repeat a run; a clause follows them."""
    given = {each.opts[0]: options[str(each.name)] for each in (*_targeting, _no_discovery)}
    given |= {"--api-key": None, "--baseline": options["baseline"]}
    if given["--api-key-env"] == "PIXAZO_API_KEY":
        del given["--api-key-env"]
    return (*again(("pixazo-contracts", "run"), given), "--clauses")


def _show_ledger(path: Path | None, file: ProfileFile) -> int | None:
    """Print where the ledger is, if there is one; returns how many generations its ceilings leave."""
    if path is None:
        return None
    ledger = Ledger(path, "plan")
    print_text(visible(f"ledger: {ledger.summary(file.ceilings)}") + "\n")
    return ledger.room(file.ceilings)


@contextmanager
def _terminated_like_interrupted() -> Generator[None]:
    """What ends a job in CI ends the run as Ctrl-C does, which says how to judge what was recorded; only a main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command("run", params=[*_targeting, _no_discovery, *_selecting, *judging])
def run(**options: Any) -> NoReturn:
    clauses = choose(options["globs"], core=options["core"])
    terms = prepare(options)
    given, file = _given(options), read_profile(options["profile"])
    found, advance = (make_target(given, file), None) if options["no_discovery"] else discover(given, file)
    how = replace(run_options(given, found.profile, file, clauses), again=_again(options))
    _show_ledger(how.ledger_path, file)
    for line in weak_keys(found):
        say(line)
    remove_reports(options, terms)
    with _terminated_like_interrupted(), run_clock(found, advance) as clock:
        trace = observe(found, for_clauses(how.selected), how, clock=clock, on_progress=_progress())
    conclude(trace, clauses, terms, options)


@click.command("plan", params=[*_targeting, *_selecting])
def plan(**options: Any) -> None:
    clauses = choose(options["globs"], core=options["core"])
    given, file = _given(options), read_profile(options["profile"])
    found = make_target(given, file)
    how = run_options(given, found.profile, file, clauses)
    profile = capable(found, receiver=how.receiver is not None)
    room = _show_ledger(how.ledger_path, file)
    budget = remaining(how.max_generations, file.ceilings.run, room) if profile.limited else None
    print_text(report.render_plan(make_plan(for_clauses(how.selected), clauses, profile, budget)))


def _read(path: Path, target: str | None) -> tuple[Trace, bool]:
    """The trace in a file, in the directory of a run, or of the HAR in a file, and whether it is a HAR.

    Standard error says what was left out; any other file ends the command.
    """
    path = path / "trace.ndjson" if path.is_dir() else path
    try:
        trace, left_out = load_traffic(path, None if target is None else origin_of_target(target))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file: name the directory that run --out made") from None
    except InvalidTraceError as error:
        fail(f"{path}: {error}", ExitCode.SUITE)
    if left_out:
        say(f"entries left out: {left_out}: they are not for {trace.profile.origin}, or have no response of it")
    return trace, left_out is not None


@click.command(
    "judge", params=[Argument(["trace_file"], metavar="TRACE", type=GIVEN_RUN), _target, *_selecting, *judging]
)
def judge(trace_file: Path, target: str | None, **options: Any) -> NoReturn:
    terms = prepare(options)
    trace, _ = _read(trace_file, target)
    chosen = options["globs"] or options["core"]
    clauses = choose(options["globs"], core=options["core"]) if chosen else selection(trace)
    conclude(trace, clauses, terms, options)


_comparing = (
    Argument(["before"], type=GIVEN_RUN),
    Argument(["after"], type=GIVEN_RUN),
    option(
        "--fail-on", "CLASS,...", f"Exit 1 on a change of one of these classes: {', '.join(CLASSES)}; repeatable.",
        multiple=True, default=("regressed", "vanished"), show_default=True,
    ),
    option(
        "--json json_file", "[FILE]", "Write JSON into a file, or print it instead of the text.",
        is_flag=False, flag_value="-", type=OUT,
    ),
    FORM,
)  # fmt: skip


@click.command("diff", params=[*_comparing])
def diff(before: Path, after: Path, *, fail_on: tuple[str, ...], json_file: Path | None, form: str | None) -> NoReturn:
    classes = tuple(name for text in fail_on for name in text.split(","))
    check_known("--fail-on", classes, CLASSES)
    try:
        old, new = load_result(before), load_result(after)
    except (InvalidResultError, OSError) as error:
        fail(str(error), ExitCode.SUITE)
    found = compare(old, new)
    void = found.not_compared and not found.compared
    code = ExitCode.FAILED if found.failing(classes) else ExitCode.EXPECTATIONS if void else ExitCode.CLEAN
    as_json = found.to_json(classes, int(code))
    if json_file is not None:
        put(as_json.decode(), json_file)
    if str(json_file) != "-":
        print_report(report.render_changes(found), form, lambda: report.changes_github(found, classes))
    sys.exit(code)


@click.command("list", params=[*_selecting])
def catalogue(globs: tuple[str, ...], *, core: bool) -> None:
    for clause in choose(globs, core=core):
        star = "★" if clause.core else " "
        standing = f"{clause.strength.value} {clause.cost.value:<2}"
        print_text(f"{clause.id:<13} {star} {standing}  {clause.requirement}  [{clause.section}]\n")


@click.command("profile", params=[*_recorded])
def profile(file: Path, out: Path | None, target: str | None) -> None:
    put(write_profile(_read(file, target)[0]), out)


@click.command("har", params=[*_recorded])
def har(file: Path, out: Path | None, target: str | None) -> None:
    trace, is_har = _read(file, target)
    records = (trace.header, *trace.exchanges, *trace.callbacks, trace.footer)
    made = b"".join(dump_record(each) for each in records if each is not None) if is_har else write_har(trace)
    put(made.decode(), out)
