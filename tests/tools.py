"""The programs other than Python that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["tool"]


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where PIXAZO_REQUIRE_TOOLS=1 promises it.

    PIXAZO_WITHOUT_TOOLS names those that no package of the system has, separated by spaces: they are not promised.
    """
    path = shutil.which(name)
    if path:
        return path
    promised = os.environ.get("PIXAZO_REQUIRE_TOOLS") == "1"
    if promised and name not in os.environ.get("PIXAZO_WITHOUT_TOOLS", "").split():
        pytest.fail(f"{name} is not installed, and PIXAZO_REQUIRE_TOOLS=1 asks for every tool", pytrace=False)
    pytest.skip(f"{name} is not installed")
