"""Hooks of the reports on a test run, which `plugin.py` registers for an option, or for the first test with one of our fixtures."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from msgspec import Struct

    from pytest_pixazo.world import Record

    from .results import Results

CONDUCT = ("off", "report", "fail")
MOST_NAMED = 5
"""How many findings of a check, and tests of an assumption or of waste, are printed unless the run is verbose."""
OUTPUT = "pixazo_reports"
"""The name under which a worker of xdist sends its results, as in `plugin.py`."""
_RESULTS = pytest.StashKey["Results"]()
_PROBLEMS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse invalid and contradictory options, in one line each."""
    if (conduct := _setting(config, "conduct")) not in CONDUCT:
        raise pytest.UsageError(f"pixazo_conduct {conduct!r} is not one of {', '.join(CONDUCT)}")
    least = config.getoption("pixazo_cov_fail_under")
    if least is not None and not 0 <= least <= 100:
        raise pytest.UsageError(f"--pixazo-cov-fail-under {least:g} is not a percentage from 0 to 100")
    changing = [f"--pixazo-{name}" for name in ("mutants", "mutant", "variant") if config.getoption(f"pixazo_{name}")]
    if len(changing) > 1:
        raise pytest.UsageError(f"{' and '.join(changing)} exclude each other: use one")
    shared = {
        "--pixazo-sim-url": config.getoption("pixazo_sim_url"),
        "PIXAZO_SIM_URL": os.environ.get("PIXAZO_SIM_URL"),
        "ini setting pixazo_sim_url": config.getini("pixazo_sim_url"),
    }
    if changing and (named := next(filter(shared.get, shared), None)):
        raise pytest.UsageError(f"{changing[0]} changes the simulator that the run starts itself: leave {named} out")
    if limit := _setting(config, "max_spend"):
        from pixazo_simulator.spec import micros

        try:
            micros(limit, "max_spend")
        except ValueError as error:
            raise pytest.UsageError(f"--pixazo-max-spend or ini setting pixazo_max_spend: {error}") from None
    for option in ("pixazo_cov_json", "pixazo_bill_json", "pixazo_mutants_json"):
        file = config.getoption(option)
        if file and not Path(file).absolute().parent.is_dir():
            raise pytest.UsageError(f"--{option.replace('_', '-')} {file}: there is no folder {Path(file).parent}")


def pytest_report_header(config: pytest.Config) -> str | None:
    name = config.getoption("pixazo_mutant") or config.getoption("pixazo_variant")
    return f"pixazo: the gateway of this run is changed: {name}" if name else None


@pytest.hookimpl(trylast=True)
def pytest_pixazo_world_ended(record: Record, config: pytest.Config, item: pytest.Item) -> list[str]:
    """Add what one test did in its world; return the reasons why it must fail."""
    from pytest_pixazo.world import Place, models_of

    from .assumptions import assumed, beyond, read_labels
    from .conduct import judge, misconduct, read_checks
    from .coverage import met
    from .results import TestResult, bill_of

    # The markers that count are the test's, or those of the wider scope whose world ends with this test.
    is_own = record.nodeid == item.nodeid
    wider = (each for each in item.listchain() if isinstance(each, pytest.Collector) and each.nodeid == record.nodeid)
    owner = item if is_own else next(wider, item.session)
    marks = [mark.kwargs for mark in owner.iter_markers("pixazo")]
    nearest = {name: value for mark in reversed(marks) for name, value in mark.items()}
    named = "this test" if is_own else f"the world of {record.nodeid}, which ends with this test,"
    problems = list[str | None]()
    if only := nearest.get("only"):
        problems.append(beyond(record, read_labels(only), named))
    bill = bill_of(record, nearest.get("max_spend"), named)
    if bill:
        problems.append(bill.overspent)
    place = None if owner is item.session else Place.of(owner)
    result = TestResult(nodeid=record.nodeid, place=place, bill=bill)
    conduct = _setting(config, "conduct")
    if is_judged := (conduct != "off" or _measures(config) or config.getoption("pixazo_assumptions")):
        allowed = [name for mark in marks for name in read_checks(mark.get("allow_conduct", ()))]
        findings = frozenset(judge(record, allowed, models_of(config)))
        leant_on = frozenset(decision for decision, _ in assumed(record))
        result = replace(result, findings=findings, assumptions=leant_on, met=met(record))
        if findings and conduct == "fail":
            problems.append(misconduct(findings))
    if is_judged or bill:
        _results(config).add(result)
    return [each for each in problems if each]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the results of a worker; in the main process, write the files and check the limits."""
    config = session.config
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if output is None:
        if _measures(config) or _setting(config, "max_spend") or config.getoption("pixazo_bill_json"):
            _finish(session)
    elif _RESULTS in config.stash:
        output[OUTPUT] = config.stash[_RESULTS].as_plain_values()


def merge(config: pytest.Config, values: Any) -> None:
    _results(config).merge(values)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the findings, the coverage and the bill; nothing when no test used a world and no coverage was asked for."""
    results = config.stash.get(_RESULTS, None)
    if results is None:
        return
    for title, lines in _sections(results, config, most=None if terminalreporter.verbosity > 0 else MOST_NAMED):
        terminalreporter.write_sep("=", title)
        for line in lines:
            terminalreporter.write_line(line)
    problems = config.stash.get(_PROBLEMS, list[str]())
    for line in problems:
        terminalreporter.write_line(line, red=True)
    from .github import annotated, is_wanted, publish, summary

    if is_wanted(config) and not hasattr(config, "workerinput"):  # a worker of xdist may have a terminal reporter, too
        shown = annotated(results, config, problems, fails=_setting(config, "conduct") == "fail")
        terminalreporter.write(publish(shown, summary(results, config, measures=_measures(config))))


def _sections(results: Results, config: pytest.Config, most: int | None) -> Iterator[tuple[str, Iterable[str]]]:
    from . import assumptions, conduct

    if results.findings:
        yield "pixazo conduct: what will hurt on the real gateway", conduct.report(results.findings, most=most)
    if config.getoption("pixazo_cov"):
        with suppress(ValueError):  # of a wrong glob, which is among the problems
            yield "pixazo behaviour coverage", [*chain(*(each.lines() for each in results.coverage(config)))]
    if config.getoption("pixazo_assumptions"):
        title = "pixazo assumptions: what the tests depend on besides the page"
        yield title, assumptions.report(results.assumptions, most)
    if results.bill.tests:
        yield "pixazo bill", results.bill.lines(most)


def _finish(session: pytest.Session) -> None:
    """Write the files that were asked for; fail the run when too little was covered or too much spent."""
    from .coverage import CoverageDocument
    from .results import write

    config, problems = session.config, list[str | None]()
    results = _results(config)
    documents: dict[str, Struct] = {"pixazo_bill_json": results.bill}
    try:
        if _measures(config):
            documented, faults = results.coverage(config)
            documents["pixazo_cov_json"] = CoverageDocument(documented.share, faults.share)
            problems.append(documented.shortfall(config.getoption("pixazo_cov_fail_under")))
        if limit := _setting(config, "max_spend"):
            problems.append(results.bill.beyond(limit))
        for option, document in documents.items():
            if file := config.getoption(option):
                try:
                    write(document, Path(file))
                except OSError as error:
                    problems.append(f"pixazo: --{option.replace('_', '-')} {file} cannot be written: {error.strerror}")
    except ValueError as error:
        problems.append(f"pixazo: {error}")
    config.stash[_PROBLEMS] = [each for each in problems if each]
    if config.stash[_PROBLEMS] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _results(config: pytest.Config) -> Results:
    from .results import Results

    return config.stash.setdefault(_RESULTS, Results())


def _setting(config: pytest.Config, name: str) -> str:
    given: str = config.getoption(f"pixazo_{name}") or config.getini(f"pixazo_{name}")
    return given


def _measures(config: pytest.Config) -> bool:
    # A run can never cover less than 0 %: this switches off what the ini file asks for, as the runs of --pixazo-mutants do.
    return any(config.getoption(f"pixazo_cov{rest}") for rest in ("", "_fail_under", "_json"))
