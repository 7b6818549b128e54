"""What a package exports and imports on first use only: the server costs far more to import than the rest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

FAULTS = "*"
"""Stands for every kind of fault, so that a new one is listed nowhere else."""


def exported(name: str, package: str, homes: Mapping[str, str]) -> object:
    """The `__getattr__` of a package: `homes` has, by module, the names that the package takes from it, FAULTS in the last one.

    Raises AttributeError for any other name.
    """
    if name == "__all__":
        return names_of(homes)
    for home, names in homes.items():
        # A submodule, whose name is in lower case, is looked for here, too: that must not import the faults.
        if name in names.split() or (names.endswith(FAULTS) and name[:1].isupper() and name in _faults()):
            return getattr(import_module(home, package), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def names_of(homes: Mapping[str, str]) -> list[str]:
    """The `__dir__` of a package."""
    names = {*" ".join(homes.values()).split()}
    return sorted((names - {FAULTS}).union(_faults() if FAULTS in names else ()))


def _faults() -> list[str]:
    from .script import FAULTS as KINDS

    return [fault.__name__ for fault in KINDS.values()]
