"""Settings of the tests of the plugin."""

from __future__ import annotations

from importlib import import_module

#: A run of pytest inside this process forgets the modules that it was the first to import, so that they would be imported twice, and an
#: error of the one copy would not be caught as one of the other. So these are imported before.
KEPT = (
    "anyio._backends._asyncio",
    "httpcore2",
    "httpx2",
    "pixazo_client",
    "pixazo_simulator.server",
    "pytest_pixazo.case",
    "pytest_pixazo.clients",
    "pytest_pixazo.environment",
    "pytest_pixazo.respx_router",
)
for name in KEPT:
    import_module(name)
