"""What makes the world of a test the same in every run: its seed and its key, derived from the test's name."""

from __future__ import annotations

import hashlib

import pytest


def name_of(item: pytest.Item) -> str:
    """File and name of a test, which depend neither on the order of the tests nor on the xdist worker (node ids may)."""
    path, _, name = item.location
    return f"{path}::{name}"


def seed_of(name: str) -> int:
    """The seed of a test that sets none: 32 bits, short enough to be copied by hand."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())


def key_of(name: str) -> str:
    """The key to the world of a test, long enough to be found and redacted wherever it occurs."""
    return f"sim-test-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
