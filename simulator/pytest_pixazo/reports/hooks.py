"""What a test run says about the app: options and hooks of the conduct report, behaviour coverage and rehearsal.

Every test session of this environment imports this file, so it imports nothing but pytest at its top.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from pytest_pixazo.world import Record

    from .collector import Reports


CONDUCT = ("off", "report", "fail")
OUTPUT = "pixazo_reports"
"""What a worker of xdist sends under this name."""
MOST_PERCENT = 100
_REPORTS = pytest.StashKey["Reports"]()
_MISCONDUCT = pytest.StashKey[str]()
_TROUBLE = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the three reports."""
    group = parser.getgroup("pixazo reports", "what a test run says about the app")
    add = group.addoption
    add(
        "--pixazo-conduct",
        choices=CONDUCT,
        help="what the app did that will hurt on the real gateway (default: report)",
    )
    add("--pixazo-cov", action="store_true", help="which behaviour of the gateway the tests met, and which not")
    add("--pixazo-cov-fail-under", type=float, metavar="PERCENT", help="fail the run when they met less than this")
    add("--pixazo-cov-json", metavar="FILE", help="the same as JSON")
    add("--pixazo-mutants", default="", metavar="all|GLOB,...", help="run the tests once per changed gateway")
    add("--pixazo-mutants-jobs", type=int, metavar="N", help="so many runs at a time (default: one per processor)")
    add("--pixazo-mutants-json", metavar="FILE", help="what the tests noticed, as JSON")
    add("--pixazo-mutant", metavar="NAME", help="this run's gateway is wrong in one respect: see pixazo-sim mutants")
    add("--pixazo-variant", metavar="NAME", help="this run's gateway differs in a way that the page allows")
    parser.addini("pixazo_conduct", "as --pixazo-conduct", default="report")
    parser.addini("pixazo_cov_omit", "globs of behaviours that do not count, such as imageToVideo:*", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that mean nothing together, in one line."""
    if _conduct(config) not in CONDUCT:
        raise pytest.UsageError(f"pixazo_conduct {_conduct(config)!r} is not one of {', '.join(CONDUCT)}")
    least = config.getoption("pixazo_cov_fail_under")
    if least is not None and not 0 <= least <= MOST_PERCENT:
        raise pytest.UsageError(f"--pixazo-cov-fail-under {least:g} is not a percentage from 0 to 100")
    changing = [f"--pixazo-{name}" for name in ("mutants", "mutant", "variant") if config.getoption(f"pixazo_{name}")]
    if len(changing) > 1:
        raise pytest.UsageError(f"{' and '.join(changing)} exclude each other: give one")
    if changing and config.getoption("pixazo_sim_url", None):
        raise pytest.UsageError(f"{changing[0]} changes a simulator of this run's own: leave --pixazo-sim-url out")
    for option in ("pixazo_cov_json", "pixazo_mutants_json"):
        file = config.getoption(option)
        if file and not Path(file).absolute().parent.is_dir():
            raise pytest.UsageError(f"--{option.replace('_', '-')} {file}: there is no folder {Path(file).parent}")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Rehearse instead of running the tests, when that is asked for."""
    if not config.getoption("pixazo_mutants"):
        return None
    pytest_configure(config)
    from .mutation.runner import rehearse

    return rehearse(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that the gateway of this run is not the faithful one."""
    name = config.getoption("pixazo_mutant") or config.getoption("pixazo_variant")
    return f"pixazo: the gateway of this run is changed: {name}" if name else None


def pytest_pixazo_world_ended(record: Record, config: pytest.Config, item: pytest.Item) -> None:
    """Take in what one test did in its world."""
    if _conduct(config) == "off" and not _measures(config):
        return
    from .conduct.rules import misconduct

    findings = _reports(config).add(record, _allowed(item))
    if findings and _conduct(config) == "fail":
        item.stash[_MISCONDUCT] = misconduct(findings)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose app misbehaved, when that is asked for."""
    __tracebackhide__ = True  # an error of somebody's own teardown passes through here
    done = yield
    if text := item.stash.get(_MISCONDUCT, ""):
        pytest.fail(text, pytrace=False)
    return done


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what this worker saw; where all comes together, write the file and compare with the least percentage."""
    config = session.config
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is None:
        if _measures(config):
            _finish(session)
    elif _REPORTS in config.stash:
        output[OUTPUT] = config.stash[_REPORTS].told()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a worker of xdist saw, unless it broke down before it could tell."""
    if told := getattr(node, "workeroutput", {}).get(OUTPUT):
        _reports(node.config).take(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what there is to say; nothing when no test used a world and nothing was asked for."""
    reports = config.stash.get(_REPORTS, None)
    if reports is None:
        return
    from .summary import conduct_lines, coverage_lines

    if reports.findings:
        terminalreporter.write_sep("=", "pixazo conduct: what will hurt on the real gateway")
        _write(terminalreporter, conduct_lines(reports, verbose=terminalreporter.verbosity > 0))
    if config.getoption("pixazo_cov"):
        terminalreporter.write_sep("=", "pixazo behaviour coverage")
        _write(terminalreporter, coverage_lines(reports, config))
    for line in config.stash.get(_TROUBLE, list[str]()):
        terminalreporter.write_line(line, red=True)


def _write(terminalreporter: pytest.TerminalReporter, lines: Iterable[str]) -> None:
    for line in lines:
        terminalreporter.write_line(line)


def _finish(session: pytest.Session) -> None:
    """Write the file of the coverage, and let the run fail for what it did not meet."""
    from .summary import verdict, write_coverage

    config, trouble = session.config, list[str]()
    reports, file = _reports(config), config.getoption("pixazo_cov_json")
    try:
        trouble += filter(None, [verdict(reports, config)])
        if file:
            write_coverage(reports, config, Path(file))
    except ValueError as error:
        trouble.append(f"pixazo: {error}")
    except OSError as error:
        trouble.append(f"pixazo: --pixazo-cov-json {file} cannot be written: {error.strerror}")
    config.stash[_TROUBLE] = trouble
    if trouble and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reports(config: pytest.Config) -> Reports:
    """What this process knows so far."""
    from .collector import Reports

    return config.stash.setdefault(_REPORTS, Reports())


def _conduct(config: pytest.Config) -> str:
    chosen: str = config.getoption("pixazo_conduct") or config.getini("pixazo_conduct")
    return chosen


def _measures(config: pytest.Config) -> bool:
    """Whether anybody wants to know the coverage."""
    wanted = (config.getoption(f"pixazo_cov{rest}") for rest in ("", "_fail_under", "_json"))
    return any(value not in (None, False, "") for value in wanted)


def _allowed(item: pytest.Item) -> list[str]:
    """The rules of conduct that the markers of a test allow it to break."""
    given = [mark.kwargs.get("allow_conduct", ()) for mark in item.iter_markers("pixazo")]
    return [name for names in given for name in ([names] if isinstance(names, str) else names)]
