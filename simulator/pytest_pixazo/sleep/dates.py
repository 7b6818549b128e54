"""`datetime.now` and `datetime.utcnow`, wherever the app reads them; `today` follows `time.time` by itself."""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from types import FrameType
from typing import Any

from .callers import caller
from .frozen import original

_CLASS: tuple[type[datetime]] = (original(dt, "datetime"),)
"""A tuple: freezegun replaces the names of the class in all modules."""
_ORIGINAL: dict[str, Any] = {name: vars(_CLASS[0])[name] for name in ("now", "utcnow", "fromtimestamp")}
_DEPRECATED = (
    "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects"
    " to represent datetimes in UTC: datetime.datetime.now(datetime.UTC)."
)
"""The warning of `utcnow`, which names the module that calls it."""


@contextmanager
def virtual_dates(clock: Callable[[FrameType], float | None]) -> Generator[None]:
    """Within this context, `clock` returns the time for a calling frame, in seconds since the epoch, or None for the real time.

    The class itself is changed, not the names that are bound to it: what was made of it before stays an instance, annotations
    that are evaluated meanwhile name it, and its subclasses inherit the change.
    """

    def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        return _now(cls, tz, clock(caller()))

    def utcnow(cls: type[datetime]) -> datetime:
        if sys.version_info >= (3, 12):
            warnings.warn(_DEPRECATED, DeprecationWarning, stacklevel=2)
        return _now(cls, UTC, clock(caller())).replace(tzinfo=None)

    _set(now=classmethod(now), utcnow=classmethod(utcnow))
    try:
        yield
    finally:
        _set(now=_ORIGINAL["now"], utcnow=_ORIGINAL["utcnow"])


def _now(cls: type[datetime], tz: tzinfo | None, seconds: float | None) -> datetime:
    # The originals, also for a subclass that has its own.
    if seconds is None:
        real: datetime = _ORIGINAL["now"].__get__(None, cls)(tz)
        return real
    shifted: datetime = _ORIGINAL["fromtimestamp"].__get__(None, cls)(seconds, tz)
    return shifted


def _set(**attributes: object) -> None:
    """Set attributes of `datetime`, which refuses `setattr` since it is written in C; then drop what the interpreter has cached of it."""
    (names,) = gc.get_referents(vars(_CLASS[0]))
    names.update(attributes)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(_CLASS[0]))
