"""Command line options and ini settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def add_options(parser: pytest.Parser) -> None:
    """Declare all of them. Their values are read when a fixture needs them."""
    _add_world_options(parser)
    _add_contract_options(parser)


def _add_world_options(parser: pytest.Parser) -> None:
    """For tests that use the fixtures."""
    group = parser.getgroup("pixazo-worlds", "worlds of Pixazo's gateway for tests of apps")
    group.addoption("--pixazo-sim-url", metavar="URL", help="use this running simulator, instead of one a process")
    group.addoption(
        "--pixazo-control-token", metavar="TOKEN", help="its control token; better kept in PIXAZO_SIM_CONTROL_TOKEN"
    )
    group.addoption("--pixazo-seed", metavar="N", help="the seed of every world whose test asks for none")
    group.addoption(
        "--pixazo-real-gateway", action="store_true", help="let tests that use the fixtures call the real one"
    )
    parser.addini("pixazo_sim_url", "origin of a running simulator; else one is started", default="")
    parser.addini("pixazo_control_token", "control token of that simulator", default="")
    parser.addini(
        "pixazo_webhook_allow", "hosts beside loopback that tests may allow for callbacks", type="args", default=[]
    )
    parser.addini("pixazo_profile", "policy of worlds: documented, observed or a file", default="documented")
    parser.addini("pixazo_balance", "US dollars in the wallet of a world", default="100.00")
    parser.addini("pixazo_clock", "clock of worlds: manual, real or xN", default="manual")
    parser.addini("pixazo_seed", "seed of worlds; else each test has its own", default="")
    parser.addini("pixazo_strict", "unexpected requests and unused rules fail a test", type="bool", default=True)


def _add_contract_options(parser: pytest.Parser) -> None:
    """Options of the contract suite, as of `pixazo-contracts run`."""
    group = parser.getgroup("pixazo", "contract tests for Pixazo's Hailuo gateway")
    group.addoption("--pixazo-url", metavar="URL", help="origin of the gateway; without it, a simulator is started")
    group.addoption("--pixazo-key", metavar="KEY", help="its key; better kept in PIXAZO_API_KEY")

    def add(name: str, text: str, **settings: Any) -> None:
        group.addoption(f"--pixazo-contract-{name}", help=text, **settings)

    several: dict[str, Any] = {"action": "append", "default": []}
    add("profile", "TOML: paid, capabilities, accounts, ceilings ...", metavar="FILE")
    add("account", "empty, suspended, throttled, other ...; repeatable", metavar="ROLE=KEY", **several)
    add("prompt", "a prompt known to end failed or error; repeatable", metavar="KIND=TEXT", **several)
    add("clauses", "only clauses whose id matches; repeatable", metavar="GLOB", **several)
    add("core", "only the core clauses", action="store_true")
    add("have", "further capabilities of the gateway", metavar="CAP,...", default="")
    add("pace", "between two polls", metavar="SECONDS", type=float)
    add("deadline", "until a generation must have ended", metavar="SECONDS", type=float)
    add("receiver", "where to listen for callbacks", metavar="HOST:PORT")
    add("receiver-url", "how the gateway reaches us, if not directly", metavar="URL")
    add("max-generations", "most to spend if they cost", metavar="N", type=int, default=0)
    add("ledger", "where all runs note what they spend; one for each target", metavar="FILE")
    add("expect", "TOML: known deviations, each with reason and expiry", metavar="FILE")
    add("baseline", "a result.ndjson; changed observations are drift", metavar="FILE")
    add("out", "the trace, the result, and counterexamples", metavar="DIR")
    add("strict-drift", "drift fails the test", action="store_true")
