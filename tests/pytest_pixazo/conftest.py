"""Settings of the tests of the plugin.

A run of pytest inside this process forgets the modules that it was the first to import, so that they would be imported twice, and
an error of the one copy would not be caught as one of the other. So they are imported here.
"""

from __future__ import annotations

import anyio._backends._asyncio
import httpcore2
import httpx2

import pixazo_client
import pixazo_simulator.server
import pytest_pixazo.case
import pytest_pixazo.clients
import pytest_pixazo.environment

__all__ = ["anyio", "httpcore2", "httpx2", "pixazo_client", "pixazo_simulator", "pytest_pixazo"]
