"""One recorded run of all probes, judged once, and one dialogue for generated requests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

import pytest

from pixazo_contracts import runner
from pixazo_contracts.clauses import Clause
from pixazo_contracts.cli import Advance, Given, again, choose, discover, make_target, run_clock, run_options
from pixazo_contracts.judge import ExitCode, Result, Terms, evaluate, read_terms, to_ndjson
from pixazo_contracts.probes import Send, for_clauses
from pixazo_contracts.report import ContractBrokenError, raise_alarm, spending
from pixazo_contracts.runner import Dialogue, Ledger, RunClock, RunOptions, VirtualClock
from pixazo_contracts.trace import ConfigurationError, Target, read_profile, visible

#: Lines about the ledger and the spending, for the end of the session.
SPENT: Final = pytest.StashKey[list[str]]()

#: An option of `run` in an error; here most have a prefix, and some a different name.
OPTION: Final = re.compile(r"(?<!\S)--([a-z-]+)")
OTHERWISE_NAMED: Final = {"--target": "--pixazo-url", "--api-key": "--pixazo-key"}


class Endpoint(Protocol):
    """The gateway to test, as the pytest plugin of this distribution or your own fixture describes it."""

    url: str
    api_key: str | None
    accounts: tuple[str, ...]
    prompts: tuple[str, ...]
    pace: float | None
    deadline: float | None
    advance: Callable[[float], object] | None


def _option(config: pytest.Config, name: str) -> Any:
    """The value of `--pixazo-contract-NAME`, which has the type that the plugin declares."""
    return config.getoption(f"--pixazo-contract-{name}")


class RequestChecker:
    """Sends one request at a time. Raises `ContractBrokenError` if its response breaks a clause.

    On a target that charges, a family with one wrong response, or one counted as a generation, sends nothing more: Hypothesis
    would repeat the request to shrink and replay it.
    """

    def __init__(self, dialogue: Dialogue, terms: Terms) -> None:
        self._dialogue, self._terms = dialogue, terms
        self._broken: dict[str, ContractBrokenError] = {}
        self._counted: set[str] = set()

    def __call__(self, family: str, step: Send) -> None:
        """Send one request of a family and judge it; skip the test if no generation may be risked for it."""
        __tracebackhide__ = True
        if family in self._broken:
            raise self._broken[family]
        if family in self._counted:
            pytest.skip("UNFUNDED: an earlier request of this family was counted as a generation")
        self._dialogue.mark()
        try:
            exchange = self._dialogue.run(iter(step), family)
        except runner.SpendStoppedError as error:
            pytest.exit(f"the spend guard stopped the run: {error}", ExitCode.SPEND)
        except runner.BudgetExhaustedError as error:
            pytest.skip(f"UNFUNDED: {error}")
        if exchange.spent:
            self._counted.add(family)
        try:
            raise_alarm(self._dialogue.trace(), self._terms)
        except ContractBrokenError as error:
            if self._dialogue.context.limited:
                self._broken[family] = error
            raise


@contextmanager
def exit_if_unusable() -> Generator[None]:
    """A setting or a file that cannot be used ends the session with one line, and as the command does: with notes something was sent."""
    try:
        yield
    except (ConfigurationError, OSError) as error:
        notes = getattr(error, "__notes__", list[str]())
        why = "; ".join([f"pixazo-contracts: {_renamed(str(error))}", *notes])
        pytest.exit(visible(why), ExitCode.SUITE if notes else ExitCode.USAGE)


def _renamed(text: str) -> str:
    """A text with options of `run` as they are called here."""
    return OPTION.sub(lambda found: OTHERWISE_NAMED.get(found[0], f"--pixazo-contract-{found[1]}"), text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print where the ledger is, and what was spent."""
    for line in config.stash.get(SPENT, list[str]()):
        terminalreporter.write_line(visible(line))


def _clauses(config: pytest.Config) -> tuple[Clause, ...]:
    globs, core = _option(config, "clauses"), _option(config, "core")
    try:
        return choose(globs, core=core, option="--pixazo-contract-clauses")
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each selected clause."""
    if "clause" in metafunc.fixturenames:
        metafunc.parametrize("clause", _clauses(metafunc.config), ids=lambda clause: clause.id)


@pytest.fixture(scope="session")
def given(pytestconfig: pytest.Config, pixazo_endpoint: Endpoint) -> Given:
    """What options and endpoint say about the gateway and the run; options take precedence."""
    pace: float | None = _option(pytestconfig, "pace")
    deadline: float | None = _option(pytestconfig, "deadline")
    alike = ("have", "max-generations", "ledger", "receiver", "receiver-url", "out")
    return Given(
        target=pixazo_endpoint.url,
        api_key=pixazo_endpoint.api_key,
        accounts=(*pixazo_endpoint.accounts, *_option(pytestconfig, "account")),
        prompts=(*pixazo_endpoint.prompts, *_option(pytestconfig, "prompt")),
        risks=_option(pytestconfig, "risk"),
        pace=pixazo_endpoint.pace if pace is None else pace,
        deadline=pixazo_endpoint.deadline if deadline is None else deadline,
        **{name.replace("-", "_"): _option(pytestconfig, name) for name in alike},
    )


@pytest.fixture(scope="session")
def described(pytestconfig: pytest.Config, pixazo_endpoint: Endpoint, given: Given) -> tuple[Target, Advance | None]:
    """The gateway as options, profile file, endpoint and discovery document describe it, and how that says its clock is advanced."""
    with exit_if_unusable():
        file = read_profile(_option(pytestconfig, "profile"))
        if pixazo_endpoint.advance is None:
            found, advance = discover(given, file)
        else:
            found, advance = make_target(given, file), None
            found = replace(found, profile=replace(found.profile, virtual=True))
    for line in runner.weak_keys(found):
        pytestconfig.get_terminal_writer().line(f"pixazo-contracts: {line}")
    return found, advance


@pytest.fixture(scope="session")
def target(described: tuple[Target, Advance | None]) -> Target:
    return described[0]


@pytest.fixture(scope="session")
def clock(pixazo_endpoint: Endpoint, described: tuple[Target, Advance | None]) -> Iterator[RunClock]:
    """Real time, or the target's own clock if we can move it."""
    if pixazo_endpoint.advance is not None:
        yield VirtualClock(pixazo_endpoint.advance)
    else:
        with run_clock(*described) as clock:
            yield clock


def _again(config: pytest.Config) -> tuple[str, ...]:
    """The words that repeat the run; a clause follows them."""
    names = "profile account prompt have risk pace deadline receiver receiver-url max-generations ledger baseline"
    given = {f"--pixazo-contract-{name}": _option(config, name) for name in names.split()}
    command = ("pytest", "--pyargs", "pixazo_contracts", "-k", "test_clause")
    return (*again(command, {"--pixazo-url": config.getoption("--pixazo-url"), **given}), "--pixazo-contract-clauses")


@pytest.fixture(scope="session")
def options(pytestconfig: pytest.Config, target: Target, given: Given) -> RunOptions:
    """How the run is carried out, and what it may cost."""
    if given.max_generations and target.profile.limited and "PYTEST_XDIST_WORKER" in os.environ:
        why = "with several workers each would spend --pixazo-contract-max-generations"
        pytest.exit(f"{why}: run without -n", ExitCode.USAGE)
    with exit_if_unusable():
        file = read_profile(_option(pytestconfig, "profile"))
        how = run_options(given, target.profile, file, _clauses(pytestconfig))
        if how.ledger_path is not None:
            pytestconfig.stash[SPENT] = [f"ledger: {Ledger(how.ledger_path, 'plan').summary(how.ceilings)}"]
        return replace(how, again=_again(pytestconfig))


@pytest.fixture(scope="session")
def terms(pytestconfig: pytest.Config) -> Terms:
    """The terms on which the run is judged."""
    expect, baseline = _option(pytestconfig, "expect"), _option(pytestconfig, "baseline")
    with exit_if_unusable():
        strict, strict_drift = _option(pytestconfig, "strict"), _option(pytestconfig, "strict-drift")
        return read_terms(expect, baseline, strict=strict, strict_drift=strict_drift)


@pytest.fixture(scope="session")
def result(pytestconfig: pytest.Config, target: Target, options: RunOptions, clock: RunClock, terms: Terms) -> Result:
    """The verdicts of one run; a target that cannot be observed ends the session instead."""
    clauses = _clauses(pytestconfig)
    with exit_if_unusable():
        trace = runner.run(target, for_clauses(options.selected), options, clock=clock)
    found = evaluate(trace, clauses, terms)
    if spent := spending(found):
        pytestconfig.stash.setdefault(SPENT, []).append(spent)
    if options.trace_path is not None:
        options.trace_path.with_name("result.ndjson").write_bytes(to_ndjson(found))
    if found.meta.unusable is not None:
        pytest.exit(visible(f"target unusable: {_renamed(found.meta.unusable)}"), ExitCode.UNUSABLE)
    return found


@pytest.fixture(scope="session")
def dialogue(target: Target, options: RunOptions, clock: RunClock, result: Result) -> Iterator[Dialogue]:
    """The dialogue for generated requests, after the run and with the rest of the budget."""
    stopped, budget = result.meta.spend_stopped is not None, result.meta.budget or 0
    further = RunOptions(
        max_generations=0 if stopped else max(0, budget - result.meta.generations_spent),
        ceilings=replace(options.ceilings, run=None),
        ledger_path=options.ledger_path,
        receiver=options.receiver,
        again=options.again,
    )
    with runner.open_dialogue(target, further, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def check(dialogue: Dialogue, terms: Terms) -> RequestChecker:
    """Sends a generated request and judges its response."""
    return RequestChecker(dialogue, terms)


@pytest.fixture(scope="session")
def free_dialogue(dialogue: Dialogue) -> Dialogue:
    """The dialogue, if generations cost nothing."""
    context = dialogue.context
    if context.limited:
        pytest.skip(f"SKIPPED: generated requests could each cost a generation at {context.profile.origin}")
    return dialogue
