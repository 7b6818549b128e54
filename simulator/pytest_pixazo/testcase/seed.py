"""What makes the world of a test the same in every run: its seed and its key, made of the test's name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def name_of(item: pytest.Item) -> str:
    """File and name of a test, which neither the order of the tests nor a worker of xdist changes (as node ids may be)."""
    path, _, name = item.location
    return f"{path}::{name}"


def seed_of(name: str) -> int:
    """The seed of a test that asks for none: 32 bits, short enough to be copied by hand."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())


def key_of(name: str) -> str:
    """The key to the world of a test, long enough to be found and taken out wherever it stands."""
    return f"sim-test-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
