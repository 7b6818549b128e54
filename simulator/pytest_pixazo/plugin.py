"""The pytest plugin: options, fixtures and hooks, each of which delegates to a wing.

Every pytest session of an environment imports this file, so only pytest is imported at its top.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import ModuleType

    import respx

    from pixazo_client import AsyncPixazoClient, PixazoClient
    from pixazo_simulator.redirect.routing import Redirection
    from pixazo_simulator.server.simulator import Simulator

    from .access.guard import Watch
    from .sleep import Sleeps
    from .testcase.cases import Cases
    from .testcase.endpoint import Endpoint
    from .testcase.simulators import SharedSimulator
    from .webhooks.inbox import Inbox
    from .world.pixazo import Pixazo, WorldFactory
    from .world.record import Record

__all__ = [
    "pixazo", "pixazo_async_client", "pixazo_client", "pixazo_endpoint", "pixazo_env", "pixazo_factory", "pixazo_redirect",
    "pixazo_respx", "pixazo_simulator", "pixazo_sleep", "pixazo_webhooks", "pytest_addhooks", "pytest_addoption", "pytest_cmdline_main", "pytest_configure",
    "pytest_fixture_setup", "pytest_runtest_makereport", "pytest_runtest_setup", "pytest_sessionfinish", "pytest_testnodedown",
]  # fmt: skip

#: The worlds of the tests.
CASES: pytest.StashKey[Cases] = pytest.StashKey()
#: The guard of a run, once a test has used one of our fixtures; None where an option switches it off. And the test that runs,
#: and the request of the fixture that is being set up.
WATCH: pytest.StashKey[Watch | None] = pytest.StashKey()
CURRENT: pytest.StashKey[pytest.Item] = pytest.StashKey()
SETTING_UP: pytest.StashKey[pytest.FixtureRequest | None] = pytest.StashKey()

#: Calls of the real gateway that came too late to fail their test, and the name under which a worker of xdist sends its own.
REAL_CALLS: pytest.StashKey[list[str]] = pytest.StashKey()
WORKER_CALLS = "pixazo_real_calls"

#: A test that uses one of these must not call the real gateway. The contract suite may, and has a spend guard of its own.
GUARDED = frozenset(name for name in __all__ if name.startswith("pixazo")) - {"pixazo_endpoint"}


#: The name under which the reports are registered, and that under which a worker of xdist sends its results.
REPORTING, WORKER_REPORTS = "pixazo-reporting", "pixazo_reports"

_REPORT_OPTIONS: dict[str, dict[str, Any]] = {
    "conduct": {
        "choices": ("off", "report", "fail"),
        "help": "usage that will hurt on the real gateway (default: report)",
    },
    "cov": {"action": "store_true", "help": "which behaviour of the gateway the tests covered, and which not"},
    "cov-fail-under": {"type": float, "metavar": "PERCENT", "help": "fail the run when they covered less than this"},
    "cov-json": {"metavar": "FILE", "help": "the same as JSON"},
    "bill-json": {"metavar": "FILE", "help": "what the generations of each test would have cost, as JSON"},
    "max-spend": {"default": "", "metavar": "DOLLARS", "help": "fail the run when they would have cost more than this"},
    "assumptions": {"action": "store_true", "help": "what the tests depend on besides the page, and which tests"},
    "format": {
        "choices": ("text", "github"),
        "help": "github: annotations and a job summary as well (default in GitHub Actions)",
    },
    "mutants": {"default": "", "metavar": "all|GLOB|page:FILE,...", "help": "run the tests once per changed gateway"},
    "mutants-jobs": {"type": int, "metavar": "N", "help": "runs at a time (default: one per processor)"},
    "mutants-json": {"metavar": "FILE", "help": "what the tests noticed, as JSON"},
    "mutant": {"metavar": "NAME", "help": "this run's gateway is wrong in one respect: see pixazo-sim mutants"},
    "variant": {"metavar": "NAME", "help": "this run's gateway differs in a way that the page allows"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini settings; a fixture reads them when it needs them."""
    _add_world_options(parser.getgroup("pixazo-worlds", "worlds of Pixazo's gateway for tests of apps").addoption)
    _add_contract_options(parser.getgroup("pixazo", "contract tests for Pixazo's Hailuo gateway").addoption)
    reports = parser.getgroup("pixazo reports", "what a test run shows of the app")
    for name, attributes in _REPORT_OPTIONS.items():
        reports.addoption(f"--pixazo-{name}", **attributes)
    for name, default, text in (
        ("sim_url", "", "origin of a running simulator; default: start one"),
        ("control_token", "", "control token of that simulator"),
        ("profile", "documented", "policy of worlds: documented, observed or a file"),
        ("balance", "100.00", "US dollars in the wallet of a world"),
        ("clock", "manual", "clock of worlds: manual, real or xN"),
        ("seed", "", "seed of worlds; default: each test has its own"),
        ("start", "", "when their clocks start: now, or as 2026-03-31T10:00:00Z"),
        ("webhook_ca", "", "file of authorities (PEM) of https receivers, relative to the root folder"),
        ("conduct", "report", "as --pixazo-conduct"),
        ("max_spend", "", "as --pixazo-max-spend"),
    ):
        parser.addini(f"pixazo_{name}", text, default=default)
    for name, text in (
        ("models", "models served in addition to the page's: names, files relative to the root folder, or all"),
        ("webhook_allow", "hosts in addition to loopback that tests may allow for callbacks"),
        ("cov_omit", "globs of behaviours that do not count, such as imageToVideo:*"),
    ):
        parser.addini(f"pixazo_{name}", text, type="args", default=[])
    parser.addini("pixazo_strict", "unexpected requests and unused rules fail a test", type="bool", default=True)


def _add_world_options(add: Callable[..., None]) -> None:
    """Of tests that use the fixtures."""
    add("--pixazo-sim-url", metavar="URL", help="use this running simulator instead of one per process")
    add("--pixazo-control-token", metavar="TOKEN", help="its control token; prefer PIXAZO_SIM_CONTROL_TOKEN")
    add("--pixazo-save-worlds", metavar="DIR", help="save the world of each test that fails, for pixazo-sim replay")
    add("--pixazo-seed", metavar="N", help="seed of worlds whose tests set none")
    add("--pixazo-start", metavar="now|INSTANT", help="when the clock starts, unless the test sets it")
    add("--pixazo-real-gateway", action="store_true", help="let tests that use the fixtures call the real gateway")


def _add_contract_options(add_option: Callable[..., None]) -> None:
    from pathlib import Path

    add_option("--pixazo-url", metavar="URL", help="origin of the gateway; default: start a simulator")
    add_option("--pixazo-key", metavar="KEY", help="its key; prefer PIXAZO_API_KEY")

    def add(name: str, text: str, **settings: Any) -> None:
        add_option(f"--pixazo-contract-{name}", help=text, **settings)

    several: dict[str, Any] = {"action": "append", "default": []}
    file: dict[str, Any] = {"metavar": "FILE", "type": Path}
    add("profile", "TOML, JSON or YAML: paid, capabilities, accounts, ceilings ...", **file)
    add("account", "empty, suspended, throttled, other ...; repeatable", metavar="ROLE=KEY", **several)
    add("prompt", "a prompt whose generation ends failed or error; repeatable", metavar="KIND=TEXT", **several)
    add("clauses", "only clauses whose id matches; repeatable", metavar="GLOB", **several)
    add("core", "only the core clauses", action="store_true")
    add("have", "further capabilities of the gateway", metavar="CAP,...", default="")
    add("risk", "query-key: send the key in a query and as a Bearer token too; repeatable", metavar="RISK", **several)
    add("pace", "time between two polls", metavar="SECONDS", type=float)
    add("deadline", "time within which a generation must end", metavar="SECONDS", type=float)
    add("receiver", "where to listen for callbacks", metavar="HOST:PORT")
    add("receiver-url", "public URL of the receiver, if the gateway cannot reach it directly", metavar="URL")
    add("max-generations", "most generations to spend if they cost money", metavar="N", type=int, default=0)
    add("ledger", "file in which all runs record what they spend; one for each target", **file)
    add("expect", "TOML, JSON or YAML: known deviations, each with reason and expiry", **file)
    add("baseline", "an earlier result.ndjson; changed observations are drift", **file)
    add("out", "the trace, the result, and counterexamples", metavar="DIR", type=Path)
    add("strict", "a planned clause that was not judged fails, not only a core one", action="store_true")
    add("strict-drift", "drift fails the test", action="store_true")


class HookSpecs:
    """The hook that other plugins can implement."""

    def pytest_pixazo_world_ended(self, record: Record, config: pytest.Config, item: pytest.Item) -> list[str] | None:
        """Called at the end of each world, before its deletion. `item`, the test that runs then, fails with what is returned.

        `record` is what was done there. Under xdist it is called in the worker that ran the test.
        """


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare our hook."""
    pluginmanager.add_hookspecs(HookSpecs)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Run mutation testing instead of the tests when `--pixazo-mutants` asks for it."""
    if not config.getoption("pixazo_mutants"):
        return None
    from .reports import hooks, mutation

    hooks.pytest_configure(config)  # refuses invalid options
    return mutation.run_mutation_testing(config)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; register the reports if an option or setting asks for them."""
    given = (config.getoption(f"pixazo_{name.replace('-', '_')}") for name in _REPORT_OPTIONS)
    if config.getini("pixazo_max_spend") or config.getini("pixazo_conduct") != "report" or any(given):
        _reports(config)
    config.addinivalue_line(
        "markers",
        "pixazo(profile=, policy=, balance=, clock=, seed=, start=, generations=, strict=, real_gateway=, allow_conduct=, only=, max_spend=): how the world of a test starts; the nearest marker wins",
    )


def _reports(config: pytest.Config) -> ModuleType:
    """The hooks of the reports, which are registered on demand: most pytest sessions need none of them."""
    from .reports import hooks

    if not config.pluginmanager.has_plugin(REPORTING):
        config.pluginmanager.register(hooks, REPORTING)
    return hooks


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse the real gateway before the first fixture of a test that uses our fixtures."""
    item.config.stash[CURRENT] = item
    fixtures: Iterable[str] = getattr(item, "fixturenames", ())
    if not GUARDED.isdisjoint(fixtures):
        _guard(item)
    elif watch := item.config.stash.get(WATCH, None):
        from .access.guard import allows_real_gateway

        watch.lift(wholly=allows_real_gateway(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Refuse it also when one of our fixtures is requested while the test runs; remember for which test a fixture is set up."""
    stash = request.config.stash
    if fixturedef.argname in GUARDED and CURRENT in stash:
        _guard(stash[CURRENT])
    outer = stash.get(SETTING_UP, None)
    stash[SETTING_UP] = request
    try:
        return (yield)
    finally:
        stash[SETTING_UP] = outer


def _guard(item: pytest.Item) -> None:
    """Refuse the real gateway, unless a marker or an option allows it; and report on the test."""
    _reports(item.config)
    from .access.guard import allows_real_gateway, watch_for

    import_module("pytest_pixazo.testcase.cases")  # before a tool that freezes time replaces clocks and classes
    stash = item.config.stash
    if allows_real_gateway(item):
        if watch := stash.get(WATCH, None):
            watch.lift(wholly=True)
        return
    if WATCH not in stash:
        stash[WATCH] = watch_for(item.config)
    if watch := stash[WATCH]:
        watch.hold(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add worlds and refused calls to the report of a failed test; here, since any wrapper of a conftest then finds them in it."""
    outcome = yield
    stash = item.config.stash
    if cases := stash.get(CASES, None):
        cases.add_to_report(outcome, item, call)
    if watch := stash.get(WATCH, None):
        watch.add_to_report(outcome)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for calls of the real gateway that came too late to fail their test; a worker of xdist sends them to the main process."""
    config = session.config
    watch = config.stash.get(WATCH, None)
    calls = [*config.stash.get(REAL_CALLS, ()), *(watch.end(config) if watch else ())]
    if not calls:
        return
    if (output := getattr(config, "workeroutput", None)) is not None:
        output[WORKER_CALLS] = calls
        return
    sys.stderr.write("".join(f"pixazo: {each}\n" for each in calls))
    session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the calls that a worker of xdist has sent, unless it crashed before."""
    output = getattr(node, "workeroutput", {})
    node.config.stash.setdefault(REAL_CALLS, []).extend(output.get(WORKER_CALLS, ()))
    if results := output.get(WORKER_REPORTS):
        _reports(node.config).merge(node.config, results)


@contextmanager
def _one_line(*errors: type[BaseException]) -> Generator[None]:
    """Show errors whose messages say everything as failures without a traceback."""
    try:
        yield
    except errors as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def pixazo_simulator(pytestconfig: pytest.Config) -> Iterator[Simulator | SharedSimulator]:
    """The simulator for the worlds of this process: started on first use, or the running one that an option names."""
    from .testcase.simulators import simulator_for

    with ExitStack() as stack:
        with _one_line(ValueError):
            simulator = stack.enter_context(simulator_for(pytestconfig))
        yield simulator


@pytest.fixture(scope="session")
def pixazo_factory(
    pytestconfig: pytest.Config, pixazo_simulator: Simulator | SharedSimulator
) -> Iterator[WorldFactory]:
    """Opens worlds in tests and in fixtures of any scope: `with pixazo_factory.fresh() as world`."""
    from .testcase.cases import Cases
    from .world import WorldFactory

    stash = pytestconfig.stash

    def current() -> tuple[pytest.Item | pytest.Collector, pytest.Item, str | None]:
        setting_up, item = stash.get(SETTING_UP, None), stash[CURRENT]
        return (setting_up.node, item, setting_up.fixturename) if setting_up else (item, item, None)

    # With a parametrized `pixazo_simulator` there are cases of an earlier parameter. They cannot unregister themselves: when
    # this fixture ends for that parameter, their hook around the last teardown is still running.
    if earlier := stash.get(CASES, None):
        pytestconfig.pluginmanager.unregister(earlier)
    stash[CASES] = cases = Cases(pytestconfig, pixazo_simulator, current)
    pytestconfig.pluginmanager.register(cases)
    yield WorldFactory(cases.fresh)
    cases.end()


@pytest.fixture
def pixazo(request: pytest.FixtureRequest, pixazo_factory: WorldFactory) -> Iterator[Pixazo]:  # noqa: ARG001 - it makes CASES
    """A fresh world for this test only, as the marker `pixazo` configures it."""
    from pixazo_simulator.control.client import ControlError

    cases = request.config.stash[CASES]
    with _one_line(ValueError, ControlError):
        case = cases.open(request.node)
    yield case.pixazo
    with _one_line(ControlError):
        cases.close(case)
    cases.add_problems(filter(None, [case.unclean()]))


@pytest.fixture
def pixazo_client(pixazo: Pixazo) -> Iterator[PixazoClient]:
    """A client of this world, whose pauses advance its clock."""
    with pixazo.client() as client:
        yield client


@pytest.fixture
def pixazo_async_client(pixazo: Pixazo) -> Iterator[AsyncPixazoClient]:
    """A client for asyncio and trio, whose pauses advance the clock of this world."""
    with pixazo.async_client() as client:
        yield client


@pytest.fixture
def pixazo_env(pixazo: Pixazo) -> Iterator[Pixazo]:
    """The world; PIXAZO_BASE_URL and PIXAZO_API_KEY name it, and its host is excluded from proxies."""
    with pixazo.env():
        yield pixazo


@pytest.fixture
def pixazo_redirect(request: pytest.FixtureRequest, pixazo: Pixazo) -> Iterator[Redirection]:
    """Redirects code with `https://gateway.pixazo.ai` hard-coded to this world; any other use of that host fails the test."""
    from pixazo_simulator.redirect.context import RedirectionError, media_hosts, redirect

    from .testcase.simulators import control_token_of

    token, media = control_token_of(request.config), media_hosts(pixazo.policy()["media_origin"])
    with (
        _one_line(RedirectionError),
        redirect(pixazo.url, pixazo.api_key, media_hosts=media, control_token=token) as redirection,
    ):
        yield redirection
        request.config.stash[CASES].complain(pixazo, redirection.violations)


@pytest.fixture
def pixazo_sleep(pixazo: Pixazo) -> Iterator[Sleeps]:
    """Sleeps of the app under test, in threads and event loops, advance the clock of this world instead of waiting."""
    from .sleep import SleepLimitError

    with _one_line(SleepLimitError), pixazo.virtual_sleep() as sleeps:
        yield sleeps


@pytest.fixture
def pixazo_respx(request: pytest.FixtureRequest, pixazo: Pixazo) -> Iterator[respx.MockRouter]:
    """A respx router for apps on httpx: your routes first, then this world for the vendor's host and for `pixazo.url`."""
    try:
        from .access.respx_router import router, uncalled
    except ModuleNotFoundError:
        needs = "pixazo_respx needs respx and httpx: pip install 'pixazo-testkit[respx]'"
        raise pytest.fail.Exception(needs, pytrace=False) from None
    with router(pixazo) as mocked:
        yield mocked
        request.config.stash[CASES].complain(pixazo, uncalled(mocked))


@pytest.fixture
def pixazo_webhooks(pixazo: Pixazo) -> Iterator[Inbox]:
    """An inbox for the callbacks of this world: give its `url` as X-Webhook-URL or callback_url."""
    from pixazo_simulator.server import SimulatorError

    from .webhooks import InboxError

    with _one_line(InboxError, SimulatorError), pixazo.inbox() as inbox:
        yield inbox


@pytest.fixture(scope="session")
def pixazo_endpoint(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """The gateway that the options name, or a simulator of this session."""
    from .testcase.endpoint import endpoint_of

    yield from endpoint_of(pytestconfig)
