"""What GitHub Actions shows of a run: annotations beside the lines of tests, and a part of the job summary."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pixazo_html import Annotation, in_markdown, is_github, job_summary, markdown_table, workflow_commands
from pixazo_simulator.spec import micros
from pytest_pixazo.world import SECRETS

from .conduct import CHECKS, Finding, counted
from .coverage import Results

Place = tuple[str, int]
"""A file, relative to pytest's root folder, and a line; empty and 0 where none is known."""
NOWHERE: Place = ("", 0)
MOST_TESTS = 5
"""Tests that the summary names for one assumption."""


def is_wanted(config: pytest.Config) -> bool:
    """Whether `--pixazo-format`, or the environment where it is not given, asks for what GitHub shows."""
    return is_github(config.getoption("pixazo_format"), os.environ)


def place_of(item: pytest.Item, nodeid: str) -> Place:
    """Where a test is; a world of a wider scope is that of its file."""
    if nodeid != item.nodeid:
        return nodeid.partition("::")[0], 0
    file, line, _ = item.location
    return file, 0 if line is None else line + 1


def at(annotation: Annotation, place: Place, config: pytest.Config) -> Annotation:
    """The annotation at a place, whose file is then relative to the repository."""
    file, line = place
    if not file:
        return annotation
    root = os.environ.get("GITHUB_WORKSPACE") or config.rootpath
    return annotation._replace(file=Path(os.path.relpath(config.rootpath / file, root)).as_posix(), line=line)


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


def annotated(results: Results, config: pytest.Config, problems: Iterable[str], *, fails: bool) -> list[Annotation]:
    """An error for each problem, such as too little coverage; a warning for what a check found in a test, an error where it `fails` the test; an error for what a test spent beyond its marker; a warning for money wasted."""
    found = [Annotation("error", "pixazo", problem.removeprefix("pixazo: ")) for problem in problems]
    for check in CHECKS:
        by_place = dict[Place, list[Finding]]()  # parameters of a test share its line
        for finding in sorted(each for each in results.findings if each.check == check.name):
            by_place.setdefault(results.places.get(finding.nodeid, NOWHERE), []).append(finding)
        for place, (first, *others) in by_place.items():
            more = f", and {counted(len(others), 'finding')} more here" if others else ""
            text = (
                f"{first.nodeid}: {first}{more}\nwhy it hurts: {check.impact} [{check.source}]\ninstead: {check.remedy}"
            )
            annotation = Annotation("error" if fails else "warning", f"{check.name}: {check.description}", text)
            found.append(at(annotation, place, config))
    for test in results.bills.document.tests:
        if test.overspent:
            text = f"{test.test}: {test.overspent.removeprefix('pixazo: ')}"
            found.append(at(Annotation("error", "max_spend", text), results.places.get(test.test, NOWHERE), config))
        for each in test.waste:
            read = f"\nread it: {each.curl}" if each.curl else ""
            title, text = f"${each.price} wasted: {each.waste}", f"{test.test}: {each.request_id}{read}"
            found.append(at(Annotation("warning", title, text), results.places.get(test.test, NOWHERE), config))
    return found


def summary(results: Results, config: pytest.Config, *, measures: bool) -> Iterator[str]:
    """What the options ask for, in Markdown: findings, coverage with what is missing, the bill, assumptions."""
    if results.findings:
        yield "## Pixazo conduct: what will hurt on the real gateway\n"
        remedies = {check.name: check.remedy for check in CHECKS}
        rows = ((each.check, each.nodeid, str(each), remedies[each.check]) for each in sorted(results.findings))
        yield from markdown_table(("check", "test", "what happened", "instead"), rows)
    with suppress(ValueError):  # of a wrong glob, which is among the problems
        for title, coverage in (results.coverage(config) if measures else {}).items():
            yield f"\n## Pixazo coverage, {title}: {coverage}\n"
            yield from markdown_table(("missing", "met by"), ((each.name, each.hint) for each in coverage.missing))
    if results.bills.tests:
        first, *_ = results.bills.lines()
        yield f"\n## Pixazo bill\n\n{in_markdown(first)}\n"
        tests = sorted(results.bills.document.tests, key=lambda each: -micros(each.wasted))
        sums = ((each.test, str(each.generations), each.spent, each.refunded, each.wasted) for each in tests)
        yield from markdown_table(("test", "generations", "spent", "refunded", "wasted"), sums)
    if config.getoption("pixazo_assumptions"):
        yield "\n## Pixazo assumptions: what the tests rest on besides the page\n"
        *lines, last = results.assumptions.lines(MOST_TESTS)
        yield from markdown_table(("assumption", "tests"), zip(lines[::2], map(str.strip, lines[1::2]), strict=True))
        yield f"\n{in_markdown(last)}"
