"""A pytest plugin that names the gateway to test: a fake in this process, whose clock the suite may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.contracts.fake_run import ZERO
from tests.contracts.gateways.fake_gateway import ACCOUNTS, ERROR_PROMPT, FAILED_PROMPT, KEY
from tests.contracts.gateways.fake_server import call, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class VirtualEndpoint:
    url: str
    advance: Callable[[float], object]
    api_key: str = KEY
    accounts: tuple[str, ...] = tuple(f"{role}={key}" for role, key in ACCOUNTS.items())
    prompts: tuple[str, ...] = (f"failed={FAILED_PROMPT}", f"error={ERROR_PROMPT}")
    pace: float = 5.0
    deadline: float = 120.0


class Endpoints:
    """Where the endpoint comes from."""

    @pytest.fixture(scope="session")
    @classmethod
    def pixazo_endpoint(cls) -> Iterator[VirtualEndpoint]:
        """The fake on a socket; its callbacks are sent while its clock is moved, and at no other time."""
        elapsed = 0.0
        with serve() as (url, gateway):
            due = gateway.due
            gateway.due = list  # type: ignore[method-assign]  # the server's own thread finds nothing to send
            gateway.now = lambda: ZERO + elapsed

            def advance(seconds: float) -> None:
                nonlocal elapsed
                elapsed += seconds
                for request_id, url_called, body in due():
                    call(gateway, request_id, url_called, body)

            yield VirtualEndpoint(url, advance)


def pytest_configure(config: pytest.Config) -> None:
    """Register late: of two fixtures of one name the last wins."""
    config.pluginmanager.register(Endpoints())
