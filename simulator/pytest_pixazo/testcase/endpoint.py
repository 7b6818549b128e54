"""The gateway that the contract suite tests: the one that options name, or a simulator of this session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pytest


class Endpoint(NamedTuple):
    """A gateway for the contract suite. Options set what is None or empty here; `advance` moves the clock of a simulator."""

    url: str
    api_key: str | None
    accounts: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    pace: float | None = None
    deadline: float | None = None
    advance: Callable[[float], object] | None = None


def endpoint_of(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """Yields the gateway that the options name, or a simulator, which stops afterwards."""
    url: str | None = pytestconfig.getoption("--pixazo-url")
    if url is not None:
        yield Endpoint(url, pytestconfig.getoption("--pixazo-key"))
        return
    from pixazo_simulator import Simulator
    from pixazo_simulator.control import discovery_document

    document = discovery_document(1)
    accounts = tuple(f"{role}={key}" for role, keys in document["accounts"].items() for key in keys)
    prompts = tuple(f"{kind}={text}" for kind, text in document["prompts"].items())
    with Simulator() as simulator:
        advance = partial(simulator.control().advance, every_world=True)  # each account has a world of its own
        yield Endpoint(simulator.url, simulator.api_key, accounts, prompts, advance=advance)
