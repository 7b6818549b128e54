"""One recorded run of all probes, judged once; and one dialogue for what is generated."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from pixazo_contracts.clauses import select
from pixazo_contracts.cli import Given, ledger_path, profile_file, receiver_address
from pixazo_contracts.cli import target as configured
from pixazo_contracts.judge import ExitCode, Terms, evaluate, read_baseline, read_expectations, to_ndjson
from pixazo_contracts.probes import for_clauses
from pixazo_contracts.report import spending
from pixazo_contracts.runner import Ledger, RealClock, RunOptions, VirtualClock, converse, run
from pixazo_contracts.trace import ConfigurationError, Target

from .asking import Asker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pixazo_contracts.clauses import Clause
    from pixazo_contracts.judge import Result
    from pixazo_contracts.runner import Dialogue, RunClock


#: What is told of money in the end.
MONEY: Final = pytest.StashKey[list[str]]()


class Endpoint(Protocol):
    """The gateway to look at, as the pytest plugin of this distribution or a fixture of yours names it."""

    @property
    def url(self) -> str: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def accounts(self) -> tuple[str, ...]: ...
    @property
    def prompts(self) -> tuple[str, ...]: ...
    @property
    def pace(self) -> float | None: ...
    @property
    def deadline(self) -> float | None: ...
    @property
    def advance(self) -> Callable[[float], object] | None: ...


def _option(config: pytest.Config, name: str) -> Any:
    """The value of an option, which has the type that the plugin declares."""
    return config.getoption(name)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


@contextmanager
def _usable() -> Generator[None]:
    """A setting that cannot be used ends the session with one line, before anything is sent."""
    try:
        yield
    except ConfigurationError as error:
        pytest.exit(f"pixazo-contracts: {error}", ExitCode.USAGE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the ledger is, and what was spent."""
    if MONEY in config.stash:
        for line in config.stash[MONEY]:
            terminalreporter.write_line(line)


def _path(config: pytest.Config, name: str) -> Path | None:
    value: str | None = _option(config, name)
    return None if value is None else Path(value)


def _clauses(config: pytest.Config) -> tuple[Clause, ...]:
    globs: list[str] = _option(config, "--pixazo-clauses")
    found = select(globs, core=_option(config, "--pixazo-core"))
    if not found:
        raise pytest.UsageError(f"--pixazo-clauses {' '.join(globs)} matches no clause: see `pixazo-contracts list`")
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a selected clause."""
    if "clause" in metafunc.fixturenames:
        metafunc.parametrize("clause", _clauses(metafunc.config), ids=lambda clause: clause.id)


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config, pixazo_endpoint: Endpoint) -> Target:
    """The gateway with all that options and profile file say of it."""
    option = partial(_option, pytestconfig)
    given = Given(
        target=pixazo_endpoint.url,
        api_key=pixazo_endpoint.api_key,
        accounts=(*pixazo_endpoint.accounts, *option("--pixazo-account")),
        prompts=(*pixazo_endpoint.prompts, *option("--pixazo-prompt")),
        have=option("--pixazo-have"),
        pace=_first(option("--pixazo-pace"), pixazo_endpoint.pace),
        deadline=_first(option("--pixazo-deadline"), pixazo_endpoint.deadline),
        max_generations=option("--pixazo-max-generations"),
        receiver_url=option("--pixazo-receiver-url"),
    )
    with _usable():
        found = configured(given, profile_file(_path(pytestconfig, "--pixazo-profile")))
    virtual = pixazo_endpoint.advance is not None
    return Target(replace(found.profile, virtual=virtual), found.keys, found.prompts)


@pytest.fixture(scope="session")
def clock(pixazo_endpoint: Endpoint) -> RunClock:
    """Real time, or the target's own clock where that is ours to move."""
    return RealClock() if pixazo_endpoint.advance is None else VirtualClock(pixazo_endpoint.advance)


@pytest.fixture(scope="session")
def options(pytestconfig: pytest.Config, target: Target) -> RunOptions:
    """How the run is carried out, and what it may cost."""
    option = partial(_option, pytestconfig)
    most: int = option("--pixazo-max-generations")
    if most and target.profile.limited and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.exit(
            "--pixazo-max-generations with several workers would be spent by each: run without -n", ExitCode.USAGE
        )
    out = _path(pytestconfig, "--pixazo-out")
    with _usable():
        ceilings = profile_file(_path(pytestconfig, "--pixazo-profile")).ceilings
        path = ledger_path(target.profile, _path(pytestconfig, "--pixazo-ledger"))
        if path is not None:
            pytestconfig.stash[MONEY] = [f"ledger: {Ledger(path, 'look').told(ceilings)}"]
        return RunOptions(
            max_generations=most,
            ceilings=ceilings,
            ledger_path=path,
            receiver=receiver_address(target.profile, option("--pixazo-receiver"), option("--pixazo-receiver-url")),
            selected=tuple(clause.id for clause in _clauses(pytestconfig)),
            trace_path=None if out is None else out / "trace.ndjson",
        )


@pytest.fixture(scope="session")
def terms(pytestconfig: pytest.Config) -> Terms:
    """On what terms the run is judged."""
    expect, baseline = _path(pytestconfig, "--pixazo-expect"), _path(pytestconfig, "--pixazo-baseline")
    with _usable():
        return Terms(
            today=datetime.now(UTC).date(),
            baseline=None if baseline is None else read_baseline(baseline),
            expectations=() if expect is None else read_expectations(expect),
            strict_drift=_option(pytestconfig, "--strict-drift"),
        )


@pytest.fixture(scope="session")
def result(pytestconfig: pytest.Config, target: Target, options: RunOptions, clock: RunClock, terms: Terms) -> Result:
    """The verdicts of one run; a target that cannot be observed ends the session instead."""
    clauses = _clauses(pytestconfig)
    with _usable():
        trace = run(target, for_clauses(options.selected), options, clock=clock)
    found = evaluate(trace, clauses, terms)
    pytestconfig.stash.setdefault(MONEY, []).extend(spending(found.meta))
    if options.trace_path is not None:
        options.trace_path.with_name("result.ndjson").write_bytes(to_ndjson(found))
    if found.meta.unusable is not None:
        pytest.exit(f"target unusable: {found.meta.unusable}", ExitCode.UNUSABLE)
    return found


@pytest.fixture(scope="session")
def dialogue(target: Target, options: RunOptions, clock: RunClock, result: Result) -> Iterator[Dialogue]:
    """For what is generated, after the run and with what it left of the budget."""
    stopped, budget = result.meta.spend_stopped is not None, result.meta.budget or 0
    further = RunOptions(
        max_generations=0 if stopped else max(0, budget - result.meta.generations_spent),
        ceilings=replace(options.ceilings, run=None),
        ledger_path=options.ledger_path,
        receiver=options.receiver,
    )
    with converse(target, further, clock=clock) as held:
        yield held


@pytest.fixture(scope="session")
def ask(dialogue: Dialogue, terms: Terms) -> Asker:
    """Sends a generated request and judges what comes of it."""
    return Asker(dialogue, strict_drift=terms.strict_drift)


@pytest.fixture(scope="session")
def freely(dialogue: Dialogue) -> Dialogue:
    """The dialogue, where generations cost nothing."""
    if dialogue.setting.profile.limited:
        pytest.skip(f"SKIPPED: generated requests could each cost a generation at {dialogue.setting.profile.origin}")
    return dialogue
