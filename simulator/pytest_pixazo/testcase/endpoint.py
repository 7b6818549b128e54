"""The gateway that the contract suite tests: the one that options name, or a simulator of this session."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

#: Seconds between two polls, and within which a generation must end, for the contract suite on a simulator started here, whose clock
#: only the suite advances.
PACE = 5.0
DEADLINE = 120.0


class Endpoint(NamedTuple):
    """A gateway for the contract suite. Options set what is None or empty here; `advance` moves the clock of a simulator."""

    url: str
    api_key: str | None
    accounts: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    pace: float | None = None
    deadline: float | None = None
    advance: Callable[[float], object] | None = None


@contextmanager
def endpoint_of(pytestconfig: pytest.Config) -> Generator[Endpoint]:
    """The gateway that the options name, or a simulator, which stops with the block."""
    url: str | None = pytestconfig.getoption("--pixazo-url")
    if url is not None:
        yield Endpoint(url, pytestconfig.getoption("--pixazo-key"))
        return
    from pixazo_simulator import Clock, Settings, Simulator
    from pixazo_simulator.control import discovery_document

    document = discovery_document(1)
    accounts = tuple(f"{role}={key}" for role, keys in document["accounts"].items() for key in keys)
    prompts = tuple(f"{kind}={text}" for kind, text in document["prompts"].items())
    # An account of the role `recovering` recovers after its first use, which must be one of the suite's.
    others = [key for role, keys in document["accounts"].items() if role != "recovering" for key in keys]
    clock = Clock.manual()
    with Simulator(Settings(clock=lambda: clock)) as simulator:

        def advance(seconds: float) -> None:
            """Move the clock that all accounts share, and attempt the deliveries of each that fell due."""
            simulator.advance(seconds)
            for key in others:
                simulator.advance(0, api_key=key)

        yield Endpoint(simulator.url, simulator.api_key, accounts, prompts, PACE, DEADLINE, advance)
