"""Command line options and ini settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def add_options(parser: pytest.Parser) -> None:
    """Declare all options and ini settings; a fixture reads them when it needs them."""
    _add_world_options(parser)
    _add_contract_options(parser)


def _add_world_options(parser: pytest.Parser) -> None:
    """Of tests that use the fixtures."""
    group = parser.getgroup("pixazo-worlds", "worlds of Pixazo's gateway for tests of apps")
    group.addoption("--pixazo-sim-url", metavar="URL", help="use this running simulator, instead of one per process")
    group.addoption(
        "--pixazo-control-token", metavar="TOKEN", help="its control token; better kept in PIXAZO_SIM_CONTROL_TOKEN"
    )
    group.addoption("--pixazo-seed", metavar="N", help="the seed of every world whose test sets none")
    group.addoption(
        "--pixazo-real-gateway", action="store_true", help="let tests that use the fixtures call the real one"
    )
    for name, default, text in (
        ("sim_url", "", "origin of a running simulator; else one is started"),
        ("control_token", "", "control token of that simulator"),
        ("profile", "documented", "policy of worlds: documented, observed or a file"),
        ("balance", "100.00", "US dollars in the wallet of a world"),
        ("clock", "manual", "clock of worlds: manual, real or xN"),
        ("seed", "", "seed of worlds; else each test has its own"),
    ):
        parser.addini(f"pixazo_{name}", text, default=default)
    parser.addini("pixazo_strict", "unexpected requests and unused rules fail a test", type="bool", default=True)
    hosts = "hosts in addition to loopback that tests may allow for callbacks"
    parser.addini("pixazo_webhook_allow", hosts, type="args", default=[])


def _add_contract_options(parser: pytest.Parser) -> None:
    """For the contract suite, as of `pixazo-contracts run`."""
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
    group.addoption("--pixazo-ledger", metavar="FILE", help="where all runs note what they spend; one for each target")
    group.addoption("--pixazo-expect", metavar="FILE", help="TOML: known deviations, each with reason and expiry")
    group.addoption("--pixazo-baseline", metavar="FILE", help="a result.ndjson; changed observations are drift")
    group.addoption("--pixazo-out", metavar="DIR", help="the trace, the result, and counterexamples")
    group.addoption("--strict-drift", "--pixazo-strict-drift", action="store_true", help="drift fails the test")
