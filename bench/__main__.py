"""The command: `python -m bench`, from the top of the repository."""

from __future__ import annotations

import fnmatch
import os
import platform
import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import click

from . import local, report, states, traffic
from .load import CORES, LoadError, require_wrk
from .plan import Bench, Scenario, carry_out
from .results import Run, check_takes, check_writable, comparison, load, store

STORED = Path(__file__).with_name("results.json")
SCENARIOS = (
    Scenario("load", 330, 55, traffic.load),
    Scenario("rules", 45, 10, traffic.rules),
    Scenario("growth", 170, 12, traffic.growth),
    Scenario("states", 170, 75, states.states),
    Scenario("cold start", 20, 5, traffic.cold_start, needs_load=False),
    Scenario("webhooks", 25, 8, traffic.webhooks, needs_load=False),
    Scenario("transport", 4, 2, local.transport, needs_load=False),
    Scenario("fresh world", 2, 1, local.fresh_world, needs_load=False),
    Scenario("client", 5, 2, local.client, needs_load=False),
    Scenario("per test", 8, 3, local.per_test, needs_load=False),
    Scenario("plugin", 40, 8, local.plugin, needs_load=False),
    Scenario("commands", 15, 5, local.commands, needs_load=False),
)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pixazo-bench"


def _chosen(_context: click.Context, _parameter: click.Parameter, patterns: tuple[str, ...]) -> list[Scenario]:
    """The scenarios that `--only` names; all without it."""
    names = [each.name for each in SCENARIOS]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise click.BadParameter(f"no scenario is called {pattern!r}: choose from {', '.join(names)}")
    return [
        each for each in SCENARIOS if not patterns or any(fnmatch.fnmatch(each.name, pattern) for pattern in patterns)
    ]


_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="Few rounds, small counts, coarse figures: under two minutes.")
@click.option(
    "--only", "scenarios", metavar="NAME", multiple=True, callback=_chosen,
    help=f"Only these scenarios; repeatable, * is any text: {', '.join(each.name for each in SCENARIOS)}.",
)  # fmt: skip
@click.option(
    "--peers", metavar="all|DIR", type=_FOLDER,
    help=f"The peers of npm and Java, too; npm installs them once into {CACHE}, or DIR.",
)  # fmt: skip
@click.option("--soak", is_flag=True, help="10,000,000 reads for the growth of memory instead of 1,000,000.")
@click.option("--output", type=_FILE, help="Write the run as JSON.")
@click.option(
    "--compare", type=_FILE, is_flag=False, flag_value=STORED, metavar="[FILE]",
    help="Say what got slower than in a stored run, by default that of the repository.",
)  # fmt: skip
@click.option(
    "--write-docs", type=_FILE, is_flag=False, flag_value=STORED, metavar="[FILE]",
    help="Measure nothing: write a stored run into docs/explanation/performance.md. With --only: measure these scenarios, and replace their figures in both.",
)  # fmt: skip
def main(
    *, quick: bool, scenarios: list[Scenario], peers: Path | None, soak: bool, output: Path | None, compare: Path | None,
    write_docs: Path | None,
) -> None:  # fmt: skip
    """Measure the simulator, the client and the plugin beside their peers.

    Load and servers run on different cores; nothing else should run meanwhile. Prints a table. Exit code 2: it cannot be
    measured; a missed goal or a slower figure is no failure.
    """
    try:
        stored = load(write_docs) if write_docs else None
        if stored and scenarios == [*SCENARIOS]:
            report.write_docs(stored)
            return
        former = load(compare) if compare else None
        _check_load(scenarios)
        run = Run(machine(), is_quick=quick)
        if stored:
            check_takes(stored, run)
        if output:
            check_writable(output)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(run, Path(folder), CACHE if peers == Path("all") else peers, soak)
            failed = carry_out(bench, scenarios)
        click.echo(report.table(run))
        if former:
            click.echo("\n".join(comparison(run, former)))
        if output:
            store(run, output)
        if stored and write_docs and not failed:
            stored.take(run)
            store(stored, write_docs)
            report.write_docs(stored, plotted=bool(run.curves))
    except (ValueError, LoadError) as error:
        raise click.UsageError(str(error)) from None
    if failed:
        raise click.UsageError(f"not measured, for the reason above: {', '.join(failed)}")


def _check_load(scenarios: list[Scenario]) -> None:
    if any(each.needs_load for each in scenarios):
        require_wrk()
    if len(CORES) < 2:
        click.echo("bench: servers cannot have a core apart from the load: ratios are coarse", err=True)


def machine() -> dict[str, str]:
    """What a run was measured on: machine and libraries."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(": ")[2] for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    named = {name: version(name) for name in ("uvicorn", "uvloop", "httptools", "httpx2", "starlette")}
    return {
        "cpu": models[0] if models else platform.processor(), "cores": str(os.cpu_count()),
        "python": platform.python_version(), "system": platform.system(), **named,
    }  # fmt: skip


def _end(number: int, _frame: FrameType | None) -> None:
    """Leave all blocks, which end the servers."""
    raise SystemExit(128 + number)


def _command() -> int:
    """Run it; mistakes are one line, an interrupt another."""
    signal.signal(signal.SIGTERM, _end)
    try:
        main(standalone_mode=False)
    except click.Abort:
        click.echo("bench: interrupted; nothing was stored", err=True)
        return 128 + signal.SIGINT
    except click.ClickException as error:
        click.echo(f"bench: {error.format_message()}", err=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_command())
