"""The programs other than Python, and the packages beyond the usual ones, that some tests need."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import NoReturn

import pytest

__all__ = ["package", "tool"]


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where PIXAZO_REQUIRE_TOOLS=1 promises it.

    PIXAZO_WITHOUT_TOOLS names those that no package of the system has, separated by spaces: they are not promised.
    """
    return shutil.which(name) or _missing(name)


def package(name: str) -> str:
    """The name of a Python package, which is installed; without it as above."""
    return name if find_spec(name) else _missing(name)


def _missing(name: str) -> NoReturn:
    promised = os.environ.get("PIXAZO_REQUIRE_TOOLS") == "1"
    if promised and name not in os.environ.get("PIXAZO_WITHOUT_TOOLS", "").split():
        pytest.fail(f"{name} is not installed, and PIXAZO_REQUIRE_TOOLS=1 asks for every tool", pytrace=False)
    pytest.skip(f"{name} is not installed")
