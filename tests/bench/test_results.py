"""Rows, goals, and the comparison of two runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.report import PAGE, by_state, figures, table
from bench.results import Goal, Run, comparison, load, row, store

MACHINE = {"cpu": "A", "cores": "2", "python": "3.11.7"}
READS = ("status read, requests/s", "simulator", "x")
START = ("a fresh world", "simulator", "ms")
AT_LEAST = Goal(1.5, at_least=True)


def run(reads: list[float], start: list[float], **machine: str) -> Run:
    """A run with a rate, of which more is better, and a time."""
    rows = [row(*READS, reads, AT_LEAST), row(*START, start, Goal(0.3))]
    return Run(MACHINE | machine, is_quick=False, rows=rows)


OLD = run([1.5, 1.6, 1.7], [0.2, 0.21, 0.22])


def test_a_row_has_the_median_and_the_quartiles() -> None:
    """Of a single value all three are that value."""
    found, single = row(*READS, [4, 1, 3, 2, 5], AT_LEAST), row(*START, [7])
    assert (found.low, found.median, found.high) == (2, 3, 4)
    assert (single.low, single.median, single.high) == (7, 7, 7)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (run([1.5, 1.6, 1.7], [0.2, 0.21, 0.22]), ["nothing of 2 figures got slower or faster beyond the spread"]),
        (run([1.0, 1.62, 1.7], [0.2, 0.21, 0.3]), ["nothing of 2 figures got slower or faster beyond the spread"]),
        (run([1.5, 1.6, 1.7], [0.22]), ["nothing of 2 figures got slower or faster beyond the spread"]),
        (run([1.0, 1.1, 1.2], [0.2, 0.21, 0.22]), ["slower: status read, requests/s, simulator: 1.6 x then, 1.1 x now"]),
        (run([1.9, 2.0, 2.1], [0.5], cores="4"), [
            "cores differs: '2' then, '4' now",
            "slower: a fresh world, simulator: 0.21 ms then, 0.5 ms now",
            "faster: status read, requests/s, simulator: 1.6 x then, 2 x now",
        ]),
    ],
)  # fmt: skip
def test_a_comparison_says_what_changed_beyond_the_spread(new: Run, said: list[str]) -> None:
    """A rate that falls and a time that grows are slower, where more than a twentieth lies between the quartiles of both runs."""
    assert comparison(new, OLD) == said


def test_the_table_says_which_goals_are_met() -> None:
    """Bounds are kept by the median."""
    lines = table(run([1.5, 1.6, 1.7], [0.5])).splitlines()
    assert [line.split("  ")[-1] for line in lines[1:3]] == ["met", "missed"]
    assert lines[-1] == "1 of 2 goals met"


def test_a_stored_run_is_read_as_it_was(tmp_path: Path) -> None:
    """With all its rows."""
    store(OLD, tmp_path / "run.json")
    assert load(tmp_path / "run.json") == OLD


def test_the_page_shows_the_stored_run() -> None:
    """Its tables are those that `python -m bench --write-docs` makes of bench/results.json."""
    stored = load(Path(__file__).parents[2] / "bench" / "results.json")
    page = PAGE.read_text(encoding="utf-8")
    assert figures(stored) in page
    assert by_state(stored) in page


def test_the_page_says_how_much_processes_can_do_at_most() -> None:
    """A request costs one process 100 us of CPU, of which each further one adds 40."""
    costs = {"Redis, 1 process": 100.0, "Redis, 4 processes": 220.0}
    rows = [row("submit by state, CPU of the servers", name, "us", [cost]) for name, cost in costs.items()]
    said = by_state(Run(MACHINE, is_quick=False, rows=rows))
    assert "| Redis, 4 processes | 220 |" in said
    assert "adds 40 us of CPU to a submit. At 25,000 a second that alone fills a core of each" in said
    assert "at most 2.5 times what one does." in said
