"""Tools that freeze or shift the time of the same process: freezegun and time-machine. Virtual sleep also moves their time."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest

STEPS = {
    "freezegun.api": ("_freeze_time", ("start", "stop")),
    "_time_machine": ("", ("patch", "unpatch", "patch_if_needed")),
}
"""By module: an object of it, and its functions that replace clocks."""


@contextmanager
def beside_frozen_time(aside: Callable[[], AbstractContextManager[None]]) -> Generator[None]:
    """Within this context, a tool that starts or stops freezing time does so within `aside`, where it finds the original clocks."""
    _import_tools()
    with pytest.MonkeyPatch.context() as patch:
        for module, (name, functions) in STEPS.items():
            found = sys.modules.get(module)
            owner: Any = getattr(found, name, None) if name else found
            for function in functions:
                if original := getattr(owner, function, None):
                    patch.setattr(owner, function, _within(aside, original))
        yield


def original(module: ModuleType, name: str) -> Any:
    """A clock or class of a module, as it is when time is not frozen."""
    return getattr(sys.modules.get("freezegun.api"), f"real_{name}", getattr(module, name))


def is_frozen() -> bool:
    """Whether freezegun has replaced the clocks, `time.monotonic` among them."""
    return bool(_freezes())


def is_travelling() -> bool:
    """Whether time-machine shifts `time.time`, and what is derived from it."""
    return bool(_travels())


def monotonic_travels() -> bool:
    """Whether time-machine also shifts `time.monotonic`, as before version 3."""
    return is_travelling() and hasattr(sys.modules["_time_machine"], "original_monotonic")


def move_frozen_time(microseconds: int) -> None:
    """Let that much time pass where these tools have stopped or shifted it."""
    passed = timedelta(microseconds=microseconds)
    for freeze in _freezes():
        freeze.time_to_freeze += passed  # not its `tick`, which forgets the real time that has passed where that counts
    for travel in _travels():
        travel.shift(passed)


def _freezes() -> Sequence[Any]:
    freezes: Sequence[Any] = getattr(sys.modules.get("freezegun.api"), "freeze_factories", ())
    return freezes


def _travels() -> Sequence[Any]:
    tool = sys.modules.get("time_machine")
    before_3: Sequence[Any] = getattr(tool, "coordinates_stack", ())
    travels: Sequence[Any] = getattr(tool, "traveller_stack", before_3)
    return travels


@cache
def _import_tools() -> None:
    """Both keep the clocks that they find when they are imported, which must be the original ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("freezegun", "time_machine"):
            with suppress(Exception):
                if name not in sys.modules and find_spec(name):
                    import_module(name)


def _within(aside: Callable[[], AbstractContextManager[None]], original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def step(*arguments: Any, **options: Any) -> Any:
        with aside():
            return original(*arguments, **options)

    return step
