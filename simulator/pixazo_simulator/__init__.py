"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from importlib import import_module

__version__ = "0.2.0"

# Under the name that type checkers know: `typing` takes longer to import than all that `pixazo-sim --version` needs.
TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .control.client import (  # isort: skip
        ControlClient as ControlClient, ControlError as ControlError, InitialGeneration as InitialGeneration,
        JournalFilters as JournalFilters, PolicyFields as PolicyFields,
    )  # fmt: skip
    from .control.schema.responses import *
    from .script.builder import When as When
    from .script.facts import ModelCall as ModelCall
    from .script.faults import *  # every kind of fault, so that a new one is listed nowhere else
    from .script.matchers import (  # isort: skip
        Matcher as Matcher, absent as absent, at_least as at_least, at_most as at_most, contains as contains,
        ends_with as ends_with, equals as equals, matches as matches, one_of as one_of, present as present,
        starts_with as starts_with,
    )  # fmt: skip
    from .script.rule import End as End, Reply as Reply, Rule as Rule, Step as Step  # isort: skip
    from .script.weather.incidents import Incident as Incident
    from .server.simulator import Simulator as Simulator
    from .server.threaded import SimulatorError as SimulatorError
    from .server.transport import App as App
    from .server.transport import Transport as Transport
    from .spec.lifecycle import Status as Status
    from .spec.policy import PROFILES as PROFILES
    from .spec.policy import Policy as Policy
    from .state.history import Replayed as Replayed
    from .state.history import WorldLog as WorldLog
    from .webhooks.dispatcher import AdvanceError as AdvanceError
    from .webhooks.dispatcher import AdvanceEvent as AdvanceEvent
    from .world.clock import Clock as Clock
    from .world.commands import Transition as Transition
    from .world.registry import Settings as Settings

_HOMES = {
    ".control.client": "ControlClient ControlError InitialGeneration JournalFilters PolicyFields",
    ".script.builder": "When",
    ".script.facts": "ModelCall",
    ".script.matchers": "Matcher absent at_least at_most contains ends_with equals matches one_of present starts_with",
    ".script.rule": "End Reply Rule Step",
    ".server.simulator": "Simulator",
    ".server.threaded": "SimulatorError",
    ".server.transport": "App Transport",
    ".spec.lifecycle": "Status",
    ".spec.policy": "PROFILES Policy",
    ".state.history": "Replayed WorldLog",
    ".webhooks.dispatcher": "AdvanceError AdvanceEvent",
    ".world.registry": "Settings",
    ".script.weather.incidents": "Incident",
    ".world.clock": "Clock",
    ".world.commands": "Transition",
    ".control.schema.responses": "*",
    ".script.faults": "*",
}


def exported(name: str, package: str, homes: Mapping[str, str]) -> object:
    """The `__getattr__` of a package that imports on first use; the server takes far longer to import than the rest. Knows `__version__`.

    `homes` has, by module, the names that the package takes from it; a `*` after them means all that the module exports. Modules with
    a `*` come last: one is imported to know what it exports. Raises AttributeError for any other name.
    """
    if name == "__all__":
        return names_of(package, homes)
    if name == "__version__":
        return __version__
    for home, names in homes.items():
        # A submodule, whose name is in lower case, is looked for here, too: that must not import a module to know what it exports.
        if name in names.split() or (names.endswith("*") and name[:1].isupper() and name in _exports(home, package)):
            return getattr(import_module(home, package), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def names_of(package: str, homes: Mapping[str, str]) -> list[str]:
    """The `__dir__` of such a package."""
    names = {*" ".join(homes.values()).split()} - {"*"}
    return sorted(names.union(*(_exports(home, package) for home, given in homes.items() if given.endswith("*"))))


def _exports(home: str, package: str) -> Iterable[str]:
    """All that a module exports: its `__all__`, or of the module that has none every kind of fault, and their type."""
    module = import_module(home, package)
    return getattr(module, "__all__", None) or ["Fault", *(fault.__name__ for fault in module.Fault.__subclasses__())]


if not TYPE_CHECKING:  # a type checker that saw it would accept every name

    def __getattr__(name: str) -> object:
        return exported(name, __name__, _HOMES)

    def __dir__() -> list[str]:
        return names_of(__name__, _HOMES)
