"""Fixtures of the client's tests."""

from __future__ import annotations

import pytest
from tests.client.callers import Caller
from tests.client.scripted_gateway import ScriptedGateway


@pytest.fixture(params=["httpx2", "httpx", "httpx2-asyncio", "httpx2-trio", "httpx-asyncio"])
def gateway(request: pytest.FixtureRequest) -> ScriptedGateway:
    """A scripted gateway, once for each kind of client."""
    return ScriptedGateway(request.param)


@pytest.fixture(params=["httpx2", "httpx", "httpx2-asyncio", "httpx2-trio"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """Calls a client over real sockets, once for each kind of client."""
    return Caller(request.param)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIXAZO_API_KEY", raising=False)
    monkeypatch.delenv("PIXAZO_BASE_URL", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
