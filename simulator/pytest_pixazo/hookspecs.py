"""The hook that this plugin offers to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from .world import Record


def pytest_pixazo_world_ended(record: Record, config: pytest.Config, item: pytest.Item) -> None:
    """A test that used a world has ended: called at its teardown, once, before the world is deleted.

    Under xdist it is called in the worker that ran the test.
    """
