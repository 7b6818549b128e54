"""Refuses to set what would have no effect. A module of its own, since whoever has a world imports it and few import `sleep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pixazo_simulator.spec import nearest


class Settable:
    """Refuses to set a public attribute, which would have no effect, except `_settable` ones and functions, as a spy does."""

    _settable: ClassVar[tuple[str, ...]] = ()
    _remedy: ClassVar[str]

    if not TYPE_CHECKING:  # with it, a type checker would accept any name

        def __setattr__(self, name: str, value: object) -> None:
            if not (name.startswith("_") or name in self._settable):
                declared = any(name in getattr(each, "__annotations__", ()) for each in type(self).__mro__)
                begins = declared and name not in vars(self)
                is_spied = callable(value) and callable(getattr(self, name, None))
                if not (begins or is_spied):
                    # Without the value, which may be a key.
                    problem = f"{type(self).__name__}.{name} cannot be set{nearest(name, self._settable)}"
                    raise AttributeError(f"{problem}: {self._remedy}")
            super().__setattr__(name, value)
