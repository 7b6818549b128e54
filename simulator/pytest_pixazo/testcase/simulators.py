"""The simulator that the tests of this process use: one of their own, or one that is already running."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pixazo_simulator.control import TOKEN_VARIABLE, ControlClient, ControlError, HttpChannel
from pytest_pixazo.world import models_of

if TYPE_CHECKING:
    import pytest

    from pixazo_simulator.mutants import Mutant, Variant
    from pixazo_simulator.server import Simulator


URL_VARIABLE = "PIXAZO_SIM_URL"
SESSION_KEY = "sim-session-key"
"""The key of the one world that a simulator of the plugin starts with. Unlike `sim-key`, no app uses it by mistake."""


class SharedSimulator:
    """A simulator that was started elsewhere, and that other processes may use, too. Raises ValueError when `url` is not http."""

    def __init__(self, url: str, control_token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._channel = HttpChannel(self.url, control_token)

    @property
    def unmatched(self) -> int:
        """How many requests have reached no world so far."""
        return self.control().unmatched(limit=1).total

    def control(self, api_key: str | None = None) -> ControlClient:
        """A client of its control API, or of one of its worlds."""
        return ControlClient(self.url, api_key, channel=self._channel)


@contextmanager
def simulator_for(config: pytest.Config) -> Generator[Simulator | SharedSimulator]:
    """The simulator that option, environment or ini file name, else one that runs in a thread until the context ends.

    Raises ValueError that names the setting when no simulator responds there, or the reason when none can start here.
    """
    url, source = _setting(config, "sim_url", URL_VARIABLE)
    if url:
        with located(source):
            shared = SharedSimulator(url, control_token_of(config))
            shared.control().health()
        yield shared
        return
    from pixazo_simulator.server import Simulator, SimulatorError
    from pixazo_simulator.spec import PROFILES
    from pixazo_simulator.webhooks import read_authorities
    from pixazo_simulator.world import Settings

    with located("ini setting pixazo_webhook_allow"):  # no world may send webhooks to any other host
        policy = PROFILES["documented"].changed({"webhook_allow": config.getini("pixazo_webhook_allow")})
    authorities = None
    if config.getini("pixazo_webhook_ca"):
        authorities = str(config.rootpath / config.getini("pixazo_webhook_ca"))
        with located("ini setting pixazo_webhook_ca"):
            read_authorities(authorities)
    mutant, variant = (config.getoption(f"pixazo_{kind}") for kind in ("mutant", "variant"))
    change: Mutant | Variant | None = None
    if mutant or variant:
        from pixazo_simulator.mutants import find_variant
        from pytest_pixazo.reports import mutant_named

        change = mutant_named(mutant) if mutant else find_variant(str(variant))
    settings = Settings(keys=(SESSION_KEY,), policy=policy, webhook_ca=authorities, models=models_of(config))
    with ExitStack() as stack:
        try:
            # Only a log has the history of a world.
            state = "memory-log" if config.getoption("pixazo_save_worlds") else "memory"
            simulator = stack.enter_context(Simulator(settings, change=change, state=state))
        except SimulatorError as error:
            raise ValueError(str(error)) from None
        yield simulator


@contextmanager
def located(source: str) -> Generator[None]:
    """Turn an error into a ValueError that begins with the place where the wrong setting was given."""
    try:
        yield
    except (ValueError, ControlError) as error:
        raise ValueError(f"{source}: {error}") from None


def control_token_of(config: pytest.Config) -> str | None:
    """The control token of a running simulator, from option, environment or ini file."""
    return _setting(config, "control_token", TOKEN_VARIABLE)[0] or None


def _setting(config: pytest.Config, name: str, variable: str) -> tuple[str, str]:
    """A setting and where it was given: option, environment, ini file; two empty strings for none."""
    places = (
        (config.getoption(f"pixazo_{name}"), f"option --pixazo-{name.replace('_', '-')}"),
        (os.environ.get(variable), f"environment variable {variable}"),
        (config.getini(f"pixazo_{name}"), f"ini setting pixazo_{name}"),
    )
    return next(((str(value), source) for value, source in places if value), ("", ""))
