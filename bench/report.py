"""The table of a run, and the page and plots that are made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from .results import OURS, RATIO, Row, Run, number

DOCS = Path(__file__).parent.parent / "docs" / "explanation"
PAGE = DOCS / "performance.md"
_MARKED = r"(?<=<!-- {0}: written by `python -m bench --write-docs` -->\n).*?(?=<!-- end of {0} -->)"
_COLOURS = (
    "#1b6ca8",
    "#d1495b",
    "#66a182",
    "#edae49",
    "#8d6a9f",
    "#5c5c5c",
    "#00798c",
    "#b07d62",
    "#a0a0a0",
    "#444444",
)


def _cells(each: Row) -> list[str]:
    value = f"{number(each.median)} {each.unit}".replace(f" {RATIO}", "")
    spread = f"{number(each.low)} to {number(each.high)}" if each.low != each.high else ""
    verdict = "" if each.goal is None else "met" if each.goal.is_met(each.median) else "missed"
    return [each.scenario, each.subject, value, spread, str(each.goal or ""), verdict, each.note]


HEAD = ["scenario", "of", "median", "quartiles", "goal", "", "absolute"]


def table(run: Run) -> str:
    """All rows, those with a goal first, and what could not be measured."""
    ordered = sorted(run.rows, key=lambda each: each.goal is None)
    cells = [HEAD, *map(_cells, ordered)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    met = [each.goal.is_met(each.median) for each in ordered if each.goal]
    lines += [f"not measured: {what}: {why}" for what, why in run.skipped.items()]
    return "\n".join([*lines, f"{sum(met)} of {len(met)} goals met"])


def figures(run: Run) -> str:
    """Two tables: figures with a goal, and scenarios by server as ratios to the reference."""
    where = ", ".join(f"{what} {which}" for what, which in run.machine.items())
    lines = [f"Measured with {'`--quick`' if run.is_quick else 'a full run'} on: {where}.", ""]
    lines += ["| what | of | median | quartiles | goal | |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(_cells(each)[:6])} |" for each in run.rows if each.goal]
    ratios = [each for each in run.rows if each.unit == RATIO and " against " not in each.scenario]
    beside = [each for each in ratios if "process" not in each.scenario]
    costs = [each for each in run.rows if each.scenario.endswith("CPU of the server")]
    lines += _by_server("Beside the peers, as ratios to raw uvicorn", beside)
    lines += _by_server("Microseconds of CPU that a request costs the server", costs)
    lines += [""] + [
        f"A status read in process: {each.subject} {number(each.median)} times a constant transport, {each.note}."
        for each in ratios
        if each not in beside
    ]
    missing = [f"{what} ({why.partition(':')[0]})" for what, why in run.skipped.items()]
    return "\n".join([*lines, *([f"\nNot measured: {'; '.join(missing)}."] if missing else []), ""])


def _by_server(title: str, rows: Sequence[Row]) -> list[str]:
    """A table with a line for each server and a column for each scenario; nothing where there are no rows."""
    if not rows:
        return []
    scenarios = list(dict.fromkeys(each.scenario for each in rows))
    found = {each.name: number(each.median) for each in rows}
    lines = ["", f"{title}:", "", f"| | {' | '.join(scenarios)} |", "| --- |" + " --- |" * len(scenarios)]
    for server in dict.fromkeys(each.subject for each in rows):
        cells = [found.get((scenario, server), "") for scenario in scenarios]
        lines += [f"| {server} | {' | '.join(cells)} |"]
    return lines


def by_state(run: Run) -> str:
    """A table of reads and one of submissions, by where the worlds are kept, and what a further process adds to each request.

    With a core for each, n processes do 1 / (own / n + added) requests a second, where own + added is what one process needs.
    """
    lines: list[str] = []
    for kind in ("status read", "submit"):
        rows = [each for each in run.rows if each.scenario.startswith(f"{kind} by state, ")]
        named = [
            msgspec.structs.replace(
                each, scenario=f"{each.scenario.partition(', ')[2]} ({each.unit})".replace(" (/s)", "")
            )
            for each in rows
        ]
        lines += _by_server(f"A {kind}", named)
        cost = {each.subject: each.median for each in rows if each.scenario.endswith("CPU of the servers")}
        if cost:
            one = cost["Redis, 1 process"]
            added = (cost["Redis, 4 processes"] - one) / 3
            most = f"any number of processes and cores do at most {one / added:.2g} times what one does"
            each = f"Each further process adds {number(added)} us of CPU to a {kind}"
            lines += ["", f"{each}. At {number(1e6 / added)} a second that alone fills a core of each: {most}."]
    return "\n".join([*lines[1:], ""])


def write_docs(run: Run, *, plotted: bool = True) -> None:
    """Write the tables between the marks of the page, and the plots beside it. Raises ValueError when something is missing."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in (("figures", figures(run)), ("processes", by_state(run))):
        before, *after = re.split(_MARKED.format(name), page, flags=re.DOTALL)
        if not after:
            raise ValueError(f"{PAGE} has no marks between which the {name} go: see bench/report.py")
        page = f"{before}\n{text}\n{after[0]}"
    if plotted:
        plots(run, DOCS)
    PAGE.write_text(page, encoding="utf-8")


def plots(run: Run, folder: Path) -> None:
    """Throughput, the distribution of latency, growth: one SVG each. Raises ValueError when matplotlib is missing."""
    try:
        matplotlib: Any = import_module("matplotlib")
        new_figure: Any = import_module("matplotlib.figure").Figure
    except ImportError:
        raise ValueError(
            "the plots need matplotlib: use `tox -e bench -- --write-docs`, or pip install matplotlib"
        ) from None
    style = {
        "svg.hashsalt": "bench",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        for name, draw in (("throughput", _throughput), ("latency", _latency), ("growth", _growth)):
            figure = new_figure(figsize=(8, 3.6), layout="constrained")
            draw(figure, run)
            place = folder / f"performance-{name}.svg"
            figure.savefig(place, metadata={"Date": None, "Creator": None})
            place.write_text(
                re.sub(r" +$", "", place.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8"
            )


def _throughput(figure: Any, run: Run) -> None:
    scenarios = [("status read, requests/s", "status read"), ("submit, requests/s", "submit")]
    found = {each.name: each for each in run.rows}
    servers = [each.subject for each in run.rows if each.scenario == scenarios[0][0]]
    servers.sort(key=lambda server: found[scenarios[0][0], server].median)
    axes = figure.subplots()
    for index, (scenario, label) in enumerate(scenarios):
        rows = [found.get((scenario, server)) for server in servers]
        places = [place + 0.2 - 0.4 * index for place in range(len(servers))]
        spread = [
            [row.median - row.low if row else 0 for row in rows],
            [row.high - row.median if row else 0 for row in rows],
        ]
        axes.barh(
            places, [row.median if row else 0 for row in rows], 0.38, xerr=spread, label=label, color=_COLOURS[index]
        )
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_yticks(range(len(servers)), servers)
    axes.set_xlabel("requests a second, raw uvicorn = 1")
    axes.legend(frameon=False, loc="lower right")


def _latency(figure: Any, run: Run) -> None:
    axes = figure.subplots()
    shares: list[float] = []
    for index, (server, points) in enumerate(run.curves.get("latency", {}).items()):
        shares = [share for share, _ in points]
        axes.plot(
            range(len(points)),
            [value for _, value in points],
            label=server,
            color=_COLOURS[index % len(_COLOURS)],
            linewidth=2.4 if server == OURS else 1.2,
        )
    axes.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
    axes.set(yscale="log", xlabel="percentile of status reads, 32 connections", ylabel="ms")
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))


def _growth(figure: Any, run: Run) -> None:
    memory, added = figure.subplots(1, 2)
    for points in run.curves.get("memory", {}).values():
        memory.plot([made / 1000 for made, _ in points], [used for _, used in points], color=_COLOURS[0])
    memory.set(xlabel="thousand generations", ylabel="MiB in use", ylim=(0, None))
    for index, (what, points) in enumerate(sorted(run.curves.get("rules", {}).items())):
        added.plot(
            [count for count, _ in points], [value for _, value in points], "o-", label=what, color=_COLOURS[index]
        )
    added.set(xlabel="rules that do not match", ylabel="us added to a submit", xscale="log")
    if run.curves.get("rules"):
        added.legend(frameon=False)
