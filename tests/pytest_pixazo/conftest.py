"""Fixtures of the plugin's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pixazo_simulator import ControlClient, Simulator
from pytest_pixazo.inbox import Inbox


@pytest.fixture(scope="session")
def gateway() -> Iterator[Simulator]:
    """One running gateway for all tests."""
    with Simulator() as running:
        yield running


@pytest.fixture
def world(gateway: Simulator) -> Iterator[ControlClient]:
    """A fresh world of that gateway, with a manual clock; a generation ends after 15 s."""
    world = gateway.control().create_world()
    yield world
    world.delete_world()


@pytest.fixture
def inbox(world: ControlClient) -> Iterator[Inbox]:
    """An inbox that knows that world."""
    with Inbox(world) as running:
        yield running
