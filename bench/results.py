"""What a run has measured: rows with their spread and goal, and what the plots need; stored as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

OURS = "simulator"
"""The subject that the goals are about."""
RATIO = "x"
"""The unit of a ratio to the reference."""


class Goal(msgspec.Struct, frozen=True):
    """A bound for the median: at least, or else at most, this value."""

    value: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a median is on the right side."""
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.value)}"


class Row(msgspec.Struct, frozen=True):
    """One figure: the median of what one subject did in a scenario, with its quartiles.

    `more_is_better` also holds for rows without a goal, which are the peers'.
    """

    scenario: str
    subject: str
    unit: str
    median: float
    low: float
    high: float
    more_is_better: bool = False
    goal: Goal | None = None
    note: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """What the row is called in another run."""
        return self.scenario, self.subject

    def is_worse_than(self, other: Row) -> bool:
        """Whether it is worse by more than the spread of both and a twentieth: some are measured once."""
        if self.more_is_better:
            return self.high < other.low * 0.95
        return self.low > other.high * 1.05


class Run(msgspec.Struct):
    """All that one run has measured. `curves` are lines of plots: name of the plot, name of the line, points.

    `skipped` says what could not be measured, with the reason.
    """

    machine: dict[str, str]
    is_quick: bool
    rows: list[Row] = []
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    skipped: dict[str, str] = {}

    def add(self, row: Row) -> None:
        """Add a row."""
        self.rows.append(row)

    def curve(self, plot: str, line: str, points: Sequence[tuple[float, float]]) -> None:
        """Add a line to a plot."""
        self.curves.setdefault(plot, {})[line] = [(float(f"{x:.6g}"), float(f"{y:.6g}")) for x, y in points]

    def take(self, run: Run) -> None:
        """Replace what another run has measured, too, and add what only that one has."""
        new = {each.name: each for each in run.rows}
        self.rows = [new.pop(each.name, each) for each in self.rows] + [*new.values()]
        self.curves |= run.curves


def row(
    scenario: str, subject: str, unit: str, values: Sequence[float], goal: Goal | None = None, *,
    more_is_better: bool | None = None, note: str = "",
) -> Row:  # fmt: skip
    """The median of values, which must not be empty, and their quartiles."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    is_rate = bool(goal and goal.at_least) if more_is_better is None else more_is_better
    low, median, high = (float(f"{value:.4g}") for value in (low, median, high))
    return Row(scenario, subject, unit, median, low, high, is_rate, goal, note)


def number(value: float) -> str:
    """A figure with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def load(path: Path) -> Run:
    """A stored run. Raises ValueError that names the file when it is not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}; store a run with --output {path}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a run of this program: {error}; store one with --output") from None


def store(run: Run, path: Path) -> None:
    """Write a run, with a line for each row."""
    path.write_bytes(msgspec.json.encode(run).replace(b'{"scenario"', b'\n{"scenario"') + b"\n")


def check_writable(path: Path) -> None:
    """Raise ValueError that names the file unless it can be written; a run takes minutes."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}; choose another with --output") from None


def differences(new: Run, old: Run) -> list[str]:
    """What keeps the figures of two runs from being compared, a line each."""
    said = [
        f"{what} differs: {old.machine.get(what, 'unknown')!r} then, {new.machine.get(what, 'unknown')!r} now"
        for what in ("cpu", "cores", "python")
        if old.machine.get(what) != new.machine.get(what)
    ]
    if old.is_quick != new.is_quick:
        said.append("one of the runs was quick: its figures are coarse")
    return said


def check_takes(stored: Run, run: Run) -> None:
    """Raise ValueError with the remedy where a stored run cannot take the figures of another one."""
    if differs := differences(run, stored):
        raise ValueError(
            f"the stored run cannot take these figures: {differs[0]}; measure all, and store it with --output"
        )


def comparison(new: Run, old: Run) -> list[str]:
    """What got slower or faster than in an older run by more than the spread of both, a line each; first what else differs."""
    said = differences(new, old)
    former = {each.name: each for each in old.rows}
    compared = [(each, former[each.name]) for each in new.rows if each.name in former]
    for word, changed in (
        ("slower", [(now, then) for now, then in compared if now.is_worse_than(then)]),
        ("faster", [(now, then) for now, then in compared if then.is_worse_than(now)]),
    ):
        said += [
            f"{word}: {now.scenario}, {now.subject}: {number(then.median)} {now.unit} then, {number(now.median)} {now.unit} now"
            for now, then in changed
        ]
    return said or [f"nothing of {len(compared)} figures got slower or faster beyond the spread"]
