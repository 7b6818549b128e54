"""An app that binds `sleep` and the clocks in every way that Python offers."""

from __future__ import annotations

import time
from asyncio import sleep as pause
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep

__all__ = [
    "Poller",
    "Settings",
    "by_default",
    "by_keyword",
    "by_name",
    "by_other_name",
    "instant",
    "pause_until",
    "reading",
]


def by_name() -> None:
    """Sleep by a name of this module."""
    sleep(5)


async def by_other_name() -> None:
    """The sleep of asyncio, by a name of this module."""
    await pause(5)


def reading() -> float:
    """The time, by a name of this module."""
    return monotonic()


def instant() -> datetime:
    """The date and time, by a name of this module."""
    return datetime.now()  # noqa: DTZ005


def pause_until(deadline: datetime, seconds: float) -> None:
    """Sleep again and again until a deadline."""
    while datetime.now() < deadline:  # noqa: DTZ005
        sleep(seconds)


def by_default(nap: Callable[[float], None] = time.sleep) -> None:
    """Sleep by a default."""
    nap(5)


def by_keyword(*, nap: Callable[[float], None] = time.sleep) -> None:
    """Sleep by a default of a keyword."""
    nap(5)


class Poller:
    """Binds it as an attribute, plain and as a static method, and as a default of a method."""

    nap: Callable[[float], None] = time.sleep
    rest = staticmethod(time.sleep)

    def wait(self, nap: Callable[[float], None] = time.sleep) -> None:
        """Sleep by a default."""
        nap(5)


@dataclass
class Settings:
    """Binds it as a field."""

    nap: Callable[[float], None] = time.sleep
