"""What GitHub Actions shows of a run: annotations beside the lines of tests, and a section of the job summary."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pixazo_html import Annotation, in_markdown, is_github, job_summary, markdown_table, workflow_commands
from pixazo_simulator.spec import micros
from pytest_pixazo.world import SECRETS, Place

from . import assumptions
from .conduct import CHECKS, Finding, counted
from .results import Results

MOST_TESTS = 5
"""How many tests the summary names for one assumption."""


def is_wanted(config: pytest.Config) -> bool:
    """Whether `--pixazo-format`, or without it the environment, asks for output for GitHub."""
    return is_github(config.getoption("pixazo_format"), os.environ)


def at(annotation: Annotation, place: Place | None, config: pytest.Config) -> Annotation:
    """The annotation at a place, if one is known, whose file is then relative to the repository."""
    if place is None:
        return annotation
    root = os.environ.get("GITHUB_WORKSPACE") or config.rootpath
    return annotation._replace(file=Path(os.path.relpath(place.path, root)).as_posix(), line=place.line)


def publish(annotations: Iterable[Annotation], summary: Iterable[str]) -> str:
    """Add the lines to the job summary; return the workflow commands, with a line if there can be no summary."""
    commands, place = SECRETS.text(workflow_commands(annotations)), os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return commands
    try:
        with Path(place).open("ab") as file:
            file.write(SECRETS.text(job_summary(summary, file.tell())).encode())
    except OSError as error:
        commands += f"pixazo: GITHUB_STEP_SUMMARY {place} cannot be written: {error.strerror}\n"
    return commands


def annotated(results: Results, config: pytest.Config, problems: Iterable[str], *, fails: bool) -> Iterator[Annotation]:
    """An error for each problem, such as too little coverage, and for each test beyond its limit; a warning for wasted money.

    A finding of a check is a warning, an error where it `fails` the test.
    """
    for problem in problems:
        yield Annotation("error", "pixazo", problem.removeprefix("pixazo: "))
    places = {test.nodeid: test.place for test in results.tests.values()}
    findings = results.findings
    for check in CHECKS.values():
        by_line: dict[Any, list[Finding]] = defaultdict(list)  # parameters of a test share its line
        for finding in (each for each in findings if each.check == check.name):
            place = places[finding.nodeid]
            by_line[place and (place.path, place.line)].append(finding)
        for first, *others in by_line.values():
            more = f", and {counted(len(others), 'finding')} more here" if others else ""
            text = (
                f"{first.nodeid}: {first}{more}\nwhy it hurts: {check.impact} [{check.source}]\ninstead: {check.remedy}"
            )
            annotation = Annotation("error" if fails else "warning", f"{check.name}: {check.description}", text)
            yield at(annotation, places[first.nodeid], config)
    for test in results.bill.tests:
        if test.overspent:
            text = f"{test.test}: {test.overspent.removeprefix('pixazo: ')}"
            yield at(Annotation("error", "max_spend", text), places[test.test], config)
        for each in test.waste:
            read = f"\nread it: {each.curl}" if each.curl else ""
            title, text = f"${each.price} wasted: {each.waste}", f"{test.test}: {each.request_id}{read}"
            yield at(Annotation("warning", title, text), places[test.test], config)


def summary(results: Results, config: pytest.Config, *, measures: bool) -> Iterator[str]:
    """What the options ask for, in Markdown: findings, coverage with what is missing, the bill, assumptions."""
    if results.findings:
        yield "## Pixazo conduct: what will hurt on the real gateway\n"
        rows = ((each.check, each.nodeid, str(each), CHECKS[each.check].remedy) for each in results.findings)
        yield from markdown_table(("check", "test", "what happened", "instead"), rows)
    with suppress(ValueError):  # of a wrong glob, which is among the problems
        for coverage in results.coverage(config) if measures else ():
            yield f"\n## Pixazo coverage, {coverage}\n"
            yield from markdown_table(("missing", "covered by"), coverage.missing.items())
    bill = results.bill
    if bill.tests:
        first, *_ = bill.lines()
        yield f"\n## Pixazo bill\n\n{in_markdown(first)}\n"
        tests = sorted(bill.tests, key=lambda each: -micros(each.wasted))
        sums = ((each.test, str(each.generations), each.spent, each.refunded, each.wasted) for each in tests)
        yield from markdown_table(("test", "generations", "spent", "refunded", "wasted"), sums)
    if config.getoption("pixazo_assumptions"):
        yield "\n## Pixazo assumptions: what the tests depend on besides the page\n"
        *lines, last = assumptions.report(results.assumptions, MOST_TESTS)
        yield from markdown_table(("assumption", "tests"), zip(lines[::2], map(str.strip, lines[1::2]), strict=True))
        yield f"\n{in_markdown(last)}"
