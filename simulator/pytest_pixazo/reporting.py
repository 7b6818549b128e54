"""What a test run says about the app: options and hooks of the conduct report, behaviour coverage and rehearsal.

Every test session of this environment imports this file, so it imports nothing but pytest at its top.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .record import Record
    from .reports import Reports

__all__ = [
    "pytest_addoption", "pytest_cmdline_main", "pytest_configure", "pytest_pixazo_world_ended", "pytest_report_header",
    "pytest_runtest_teardown", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown",
]  # fmt: skip

CONDUCT = ("off", "report", "fail")
OUTPUT = "pixazo_reports"
"""What a worker of xdist sends under this name."""
MOST_FINDINGS = 5
"""Findings of one rule that are printed unless the run is verbose."""

_REPORTS = pytest.StashKey["Reports"]()
_MISCONDUCT = pytest.StashKey[str]()
_TROUBLE = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the three reports."""
    group = parser.getgroup("pixazo reports", "what a test run says about the app")
    add = group.addoption
    add("--pixazo-conduct", choices=CONDUCT, help="what the app did that will hurt on the real gateway (default: report)")
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
    _conduct(config)
    least = config.getoption("pixazo_cov_fail_under")
    if least is not None and not 0 <= least <= 100:
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
    from .rehearse import rehearse

    return rehearse(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say that the gateway of this run is not the faithful one."""
    name = config.getoption("pixazo_mutant") or config.getoption("pixazo_variant")
    return f"pixazo: the gateway of this run is changed: {name}" if name else None


def pytest_pixazo_world_ended(record: Record, config: pytest.Config, item: pytest.Item) -> None:
    """Take in what one test did in its world."""
    if _conduct(config) == "off" and not _wants_coverage(config):
        return
    from .conduct import misconduct

    allowed = [name for mark in item.iter_markers("pixazo") for name in mark.kwargs.get("allow_conduct", ())]
    findings = _reports(config).add(record, allowed)
    if findings and _conduct(config) == "fail":
        item.stash[_MISCONDUCT] = misconduct(findings)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:
    """Fail a test whose app misbehaved, when that is asked for."""
    done = yield
    if text := item.stash.get(_MISCONDUCT, ""):
        pytest.fail(text, pytrace=False)
    return done


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what this worker saw; where all comes together, write the file and compare with the least percentage."""
    config = session.config
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is not None:
        if _REPORTS in config.stash:
            output[OUTPUT] = config.stash[_REPORTS].told()
    elif _wants_coverage(config):
        from .coverage_report import trouble

        found = trouble(config, _reports(config))
        if found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        config.stash[_TROUBLE] = found


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take in what a worker of xdist saw, unless it broke down before it could tell."""
    told = getattr(node, "workeroutput", {}).get(OUTPUT)
    if told:
        _reports(node.config).take(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what there is to say; nothing when no test used a world and nothing was asked for."""
    reports = config.stash.get(_REPORTS, None)
    if reports is None:
        return
    if reports.findings and _conduct(config) != "off":
        from .conduct import report

        terminalreporter.section("pixazo conduct: what will hurt on the real gateway")
        most = None if terminalreporter.verbosity > 0 else MOST_FINDINGS
        for line in report(reports.findings, most=most):
            terminalreporter.write_line(line)
