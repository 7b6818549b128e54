"""Names of the app that are bound to a function which is to be replaced."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, TypeAlias, cast

from .callers import PLUMBING, TOOLS

Swap: TypeAlias = Mapping[int, object]
"""What takes the place of an object, by the object's `id`."""

HOMES = frozenset({"time", "asyncio", "anyio", "anyio._core._eventloop", "trio"})
"""Modules where the app finds the functions by attribute."""

INSTALLED = ("site-packages", "dist-packages")
"""In the path of a module that was installed: only its names are looked at, not its classes and defaults."""

_without: dict[frozenset[int], dict[str, tuple[int, int]]] = {}
"""Modules that were found to bind none of some objects, with the identity and number of their names: they are searched again
when these have changed."""


def rebind(swap: Swap) -> None:
    """Replace what `swap` names in all imported modules: names made by `from time import sleep` too, defaults of the app's functions
    (`def poll(sleep=time.sleep)`) and attributes of its classes. Objects made before keep what they hold."""
    replaced = frozenset(swap)
    without = _without.setdefault(replaced, {})
    for name, names in _modules():
        mark = (id(names), len(names))
        if without.get(name) != mark:
            if replaced.isdisjoint(map(id, names.values())):
                without[name] = mark
            else:
                names |= {each: swap[id(value)] for each, value in list(names.items()) if id(value) in swap}
        if _written_here(names):
            for value in list(names.values()):
                _rebind_inside(value, name, swap)


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    modules: list[tuple[str, object]] = list(sys.modules.items())
    for name, module in modules:
        top_level = name.partition(".")[0]
        spared = (top_level in TOOLS or top_level in PLUMBING) and name not in HOMES
        # What stands among the modules may say that it is one and have no names; a lazy module is to stay unloaded.
        if not spared and issubclass(type(module), ModuleType):
            yield name, object.__getattribute__(module, "__dict__")


def _written_here(names: Mapping[str, Any]) -> bool:
    path = names.get("__file__")
    return isinstance(path, str) and not any(folder in path for folder in INSTALLED)


def _rebind_inside(value: Any, module: str, swap: Swap) -> None:
    # isinstance would ask a lazy proxy what it is, and wake it.
    if type(value) is FunctionType and value.__module__ == module:
        _rebind_defaults(value, swap)
    elif issubclass(type(value), type) and value.__module__ == module:
        _rebind_attributes(cast("type", value), swap)


def _rebind_attributes(owner: type, swap: Swap) -> None:
    for name, attribute in list(vars(owner).items()):
        wrapped = type(attribute) in (staticmethod, classmethod)
        plain = attribute.__func__ if wrapped else attribute
        if id(plain) in swap:
            new: Any = swap[id(plain)]
            type.__setattr__(owner, name, staticmethod(new) if wrapped else new)
        elif type(plain) is FunctionType:
            _rebind_defaults(plain, swap)


def _rebind_defaults(function: FunctionType, swap: Swap) -> None:
    if function.__defaults__ and any(id(value) in swap for value in function.__defaults__):
        function.__defaults__ = tuple(swap.get(id(value), value) for value in function.__defaults__)
    if keywords := function.__kwdefaults__:
        keywords |= {name: swap[id(value)] for name, value in keywords.items() if id(value) in swap}
