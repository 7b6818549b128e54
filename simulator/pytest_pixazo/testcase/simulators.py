"""Which simulator the tests of this process use: one of their own, or one that runs already."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pixazo_simulator.control import ControlClient, ControlError, HttpChannel

if TYPE_CHECKING:
    import pytest

    from pixazo_simulator.mutants import Mutant, Variant
    from pixazo_simulator.server import Simulator
    from pixazo_simulator.spec import Policy


VARIABLE = "PIXAZO_SIM_URL"
TOKEN_VARIABLE = "PIXAZO_SIM_CONTROL_TOKEN"  # noqa: S105 - its name
SESSION_KEY = "sim-session-key"
"""Opens the one world that a simulator of our own starts with. No app has it by mistake, as it may have `sim-key`."""


class SharedSimulator:
    """A simulator that somebody else started, and that other processes may use at the same time.

    `control_token` is its control token, if it has one. Raises ValueError when `url` is not http.
    """

    def __init__(self, url: str, control_token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._channel = HttpChannel(self.url, control_token)

    def control(self, api_key: str | None = None) -> ControlClient:
        """Its control plane, or that of one of its worlds."""
        return ControlClient(self.url, api_key, channel=self._channel)


@contextmanager
def simulator_for(config: pytest.Config) -> Generator[Simulator | SharedSimulator]:
    """The simulator that option, environment or ini file name, or else one that runs meanwhile in a thread.

    Raises ValueError that names the setting when nothing answers there.
    """
    url, source = _named(config)
    change = _change(config)
    if url and change:
        raise ValueError(f"{source}: a running simulator cannot be changed by --pixazo-mutant or --pixazo-variant")
    if url:
        yield _shared(url, source, control_token_of(config))
        return
    from pixazo_simulator.server import Simulator
    from pixazo_simulator.world import Settings

    settings = Settings(keys=(SESSION_KEY,), policy=_limit(config))
    with Simulator(settings, change=change) as simulator:
        yield simulator


def _limit(config: pytest.Config) -> Policy:
    """A policy that lets callbacks of any world go to the hosts that the ini file names, and to no others."""
    from pixazo_simulator.spec import PROFILES

    hosts: list[str] = config.getini("pixazo_webhook_allow")
    try:
        return PROFILES["documented"].changed({"webhook_allow": hosts})
    except ValueError as error:
        raise ValueError(f"ini setting pixazo_webhook_allow: {error}") from None


def _change(config: pytest.Config) -> Mutant | Variant | None:
    """In what the gateway of this run is wrong, or right in another way."""
    mutant: str | None = config.getoption("pixazo_mutant")
    variant: str | None = config.getoption("pixazo_variant")
    if mutant:
        from pixazo_simulator.mutants import find_mutant

        return find_mutant(mutant)
    if variant:
        from pixazo_simulator.mutants import find_variant

        return find_variant(variant)
    return None


def _named(config: pytest.Config) -> tuple[str, str]:
    places = (
        (config.getoption("pixazo_sim_url"), "option --pixazo-sim-url"),
        (os.environ.get(VARIABLE), f"environment variable {VARIABLE}"),
        (config.getini("pixazo_sim_url"), "ini setting pixazo_sim_url"),
    )
    return next(((url, source) for url, source in places if url), ("", ""))


def control_token_of(config: pytest.Config) -> str | None:
    """The control token of a running simulator, by option, environment or ini file."""
    given = (
        config.getoption("pixazo_control_token"),
        os.environ.get(TOKEN_VARIABLE),
        config.getini("pixazo_control_token"),
    )
    return next((str(token) for token in given if token), None)


def _shared(url: str, source: str, control_token: str | None) -> SharedSimulator:
    try:
        simulator = SharedSimulator(url, control_token)
        simulator.control().health()
    except (ValueError, ControlError) as error:
        raise ValueError(f"{source}: {error}") from None
    return simulator
