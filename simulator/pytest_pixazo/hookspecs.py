"""The hook that other plugins may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from .world import Record


def pytest_pixazo_world_ended(record: Record, config: pytest.Config, item: pytest.Item) -> None:
    """Called once at the teardown of a test that used a world, before the world is deleted.

    `record` is what the test did there. Under xdist it is called in the worker that ran the test.
    """
