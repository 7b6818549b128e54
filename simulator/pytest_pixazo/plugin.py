"""The pytest plugin: options of the contract suite, and the gateway that it looks at.

`pytest --pyargs pixazo_contracts --pixazo-url URL --pixazo-key KEY` looks at that gateway; without a URL a simulator is started
for it. Every test session of this environment imports this file, so it imports nothing but pytest at its top.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Endpoint", "pixazo_endpoint", "pytest_addhooks", "pytest_addoption", "pytest_configure"]

#: Modules that are plugins of their own, by the option without which they are not even imported.
PARTS: dict[str, str] = {}

#: Pace and deadline on a simulator started here, in seconds of its clock, which only the suite moves.
PACE = 5.0
DEADLINE = 120.0


class Endpoint(NamedTuple):
    """A gateway to look at. What is None or empty is decided by options; `advance` moves its clock, where that is ours to move."""

    url: str
    api_key: str | None
    accounts: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    pace: float | None = None
    deadline: float | None = None
    advance: Callable[[float], object] | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `pixazo-contracts run`, for the same suite as tests."""
    group = parser.getgroup("pixazo", "contract tests for Pixazo's Hailuo gateway")
    group.addoption("--pixazo-url", metavar="URL", help="origin of the gateway; without it, a simulator is started")
    group.addoption("--pixazo-key", metavar="KEY", help="its key; better kept in PIXAZO_API_KEY")
    group.addoption("--pixazo-profile", metavar="FILE", help="TOML: paid, capabilities, accounts, ceilings ...")
    for name, metavar, text in (
        ("account", "ROLE=KEY", "empty, suspended, throttled, other ...; repeatable"),
        ("prompt", "KIND=TEXT", "a prompt known to end failed or error; repeatable"),
        ("clauses", "GLOB", "only clauses whose id matches; repeatable"),
    ):
        group.addoption(f"--pixazo-{name}", action="append", default=[], metavar=metavar, help=text)
    group.addoption("--pixazo-core", action="store_true", help="only the core clauses")
    group.addoption("--pixazo-have", default="", metavar="CAP,...", help="further capabilities of the gateway")
    group.addoption("--pixazo-pace", type=float, metavar="SECONDS", help="between two polls")
    group.addoption("--pixazo-deadline", type=float, metavar="SECONDS", help="until a generation must have ended")
    group.addoption("--pixazo-receiver", metavar="HOST:PORT", help="where to listen for callbacks")
    group.addoption("--pixazo-receiver-url", metavar="URL", help="how the gateway reaches us, if not directly")
    group.addoption("--pixazo-max-generations", type=int, default=0, metavar="N", help="most to spend where they cost")
    group.addoption("--pixazo-expect", metavar="FILE", help="TOML: known deviations, each with reason and expiry")
    group.addoption("--pixazo-baseline", metavar="FILE", help="a result.ndjson; changed observations are drift")
    group.addoption("--pixazo-out", metavar="DIR", help="the trace, the result, and counterexamples")
    group.addoption("--strict-drift", "--pixazo-strict-drift", action="store_true", help="drift fails the test")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer our hook to other plugins."""
    from . import hooks

    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Register the parts that were asked for."""
    for option, module in PARTS.items():
        if config.getoption(option, None):
            config.pluginmanager.register(import_module(f".{module}", __package__), f"pixazo-{module}")


@pytest.fixture(scope="session")
def pixazo_endpoint(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """The gateway that the options name, or a simulator started now and stopped in the end."""
    url: str | None = pytestconfig.getoption("--pixazo-url")
    if url is not None:
        yield Endpoint(url, pytestconfig.getoption("--pixazo-key"))
        return
    from pixazo_simulator import Clock, Settings, Simulator
    from pixazo_simulator.invitation import invitation

    told = invitation(1)
    accounts = tuple(f"{role}={key}" for role, keys in told["accounts"].items() for key in keys)
    prompts = tuple(f"{kind}={text}" for kind, text in told["prompts"].items())
    # An account that recovers does so from its first use on: nobody but the suite may be the first.
    others = [key for role, keys in told["accounts"].items() if role != "recovering" for key in keys]
    clock = Clock.manual()
    with Simulator(Settings(clock=lambda: clock)) as simulator:

        def advance(seconds: float) -> None:
            """Move the one clock of all accounts, and let the callbacks of each be attempted."""
            simulator.advance(seconds)
            for key in others:
                simulator.advance(0, api_key=key)

        yield Endpoint(simulator.url, simulator.api_key, accounts, prompts, PACE, DEADLINE, advance)
