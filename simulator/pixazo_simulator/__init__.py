"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from importlib import import_module

__version__ = "0.2.0"

# As type checkers know it: `typing` takes longer to import than all that `pixazo-sim --version` needs.
TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .control.client import ControlClient as ControlClient
    from .control.client import ControlError as ControlError
    from .control.client import InitialGeneration as InitialGeneration
    from .control.client import JournalFilters as JournalFilters
    from .control.schema.policy import PolicyFields as PolicyFields
    from .control.schema.responses import Attempt as Attempt
    from .control.schema.responses import Bill as Bill
    from .control.schema.responses import BilledGeneration as BilledGeneration
    from .control.schema.responses import ClockState as ClockState
    from .control.schema.responses import Delivery as Delivery
    from .control.schema.responses import DeliveryDetail as DeliveryDetail
    from .control.schema.responses import DeliveryPage as DeliveryPage
    from .control.schema.responses import Entry as Entry
    from .control.schema.responses import Event as Event
    from .control.schema.responses import Exchange as Exchange
    from .control.schema.responses import Explanation as Explanation
    from .control.schema.responses import Generation as Generation
    from .control.schema.responses import GenerationPage as GenerationPage
    from .control.schema.responses import Health as Health
    from .control.schema.responses import History as History
    from .control.schema.responses import HistoryEntry as HistoryEntry
    from .control.schema.responses import JournalPage as JournalPage
    from .control.schema.responses import LedgerPage as LedgerPage
    from .control.schema.responses import Plan as Plan
    from .control.schema.responses import PolicyDecision as PolicyDecision
    from .control.schema.responses import Ready as Ready
    from .control.schema.responses import Request as Request
    from .control.schema.responses import Response as Response
    from .control.schema.responses import RuleDiagnosis as RuleDiagnosis
    from .control.schema.responses import ScriptRule as ScriptRule
    from .control.schema.responses import ScriptState as ScriptState
    from .control.schema.responses import StatusAnswer as StatusAnswer
    from .control.schema.responses import TlsListener as TlsListener
    from .control.schema.responses import Upcoming as Upcoming
    from .control.schema.responses import UpcomingEvent as UpcomingEvent
    from .control.schema.responses import WaitResult as WaitResult
    from .control.schema.responses import WorldList as WorldList
    from .control.schema.responses import WorldRecord as WorldRecord
    from .control.schema.responses import WorldState as WorldState
    from .control.schema.responses import WorldSummary as WorldSummary
    from .script.builder import When as When
    from .script.facts import ModelCall as ModelCall
    from .script.faults import *  # noqa: F403 - every kind of fault, so that a new one is listed nowhere else
    from .script.matchers import Matcher as Matcher
    from .script.matchers import absent as absent
    from .script.matchers import at_least as at_least
    from .script.matchers import at_most as at_most
    from .script.matchers import contains as contains
    from .script.matchers import ends_with as ends_with
    from .script.matchers import equals as equals
    from .script.matchers import matches as matches
    from .script.matchers import one_of as one_of
    from .script.matchers import present as present
    from .script.matchers import starts_with as starts_with
    from .script.rule import End as End
    from .script.rule import Reply as Reply
    from .script.rule import Rule as Rule
    from .script.rule import Step as Step
    from .server.simulator import Simulator as Simulator
    from .server.threaded import SimulatorError as SimulatorError
    from .server.transport import App as App
    from .server.transport import Transport as Transport
    from .spec.lifecycle import Status as Status
    from .spec.policy import PROFILES as PROFILES
    from .spec.policy import Policy as Policy
    from .state.history import Replayed as Replayed
    from .state.history import WorldLog as WorldLog
    from .weather.incidents import Incident as Incident
    from .webhooks.dispatcher import AdvanceError as AdvanceError
    from .webhooks.dispatcher import AdvanceEvent as AdvanceEvent
    from .world.clock import Clock as Clock
    from .world.commands import Transition as Transition
    from .world.registry import Settings as Settings

_HOMES = {
    ".control.client": "ControlClient ControlError InitialGeneration JournalFilters",
    ".control.schema.policy": "PolicyFields",
    ".control.schema.responses": (
        "Attempt Bill BilledGeneration ClockState Delivery DeliveryDetail DeliveryPage Entry Event Exchange Explanation Generation "
        "GenerationPage Health History HistoryEntry JournalPage LedgerPage Plan PolicyDecision Ready Request "
        "Response RuleDiagnosis ScriptRule ScriptState StatusAnswer TlsListener Upcoming UpcomingEvent WaitResult "
        "WorldList WorldRecord WorldState WorldSummary"
    ),
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
    ".weather.incidents": "Incident",
    ".world.clock": "Clock",
    ".world.commands": "Transition",
    ".script.faults": "*",
}


def exported(name: str, package: str, homes: Mapping[str, str]) -> object:
    """The `__getattr__` of a package that imports on first use; the server costs far more to import than the rest. Knows `__version__`.

    `homes` has, by module, the names that the package takes from it; `*` in the last one stands for every kind of fault.
    Raises AttributeError for any other name.
    """
    if name == "__all__":
        return names_of(homes)
    if name == "__version__":
        return __version__
    for home, names in homes.items():
        # A submodule, whose name is in lower case, is looked for here, too: that must not import the faults.
        if name in names.split() or (names.endswith("*") and name[:1].isupper() and name in _faults()):
            return getattr(import_module(home, package), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def names_of(homes: Mapping[str, str]) -> list[str]:
    """The `__dir__` of such a package."""
    names = {*" ".join(homes.values()).split()}
    return sorted((names - {"*"}).union(_faults() if "*" in names else ()))


def _faults() -> list[str]:
    from .script import FAULTS

    return [fault.__name__ for fault in FAULTS.values()]


if not TYPE_CHECKING:  # a type checker that saw it would take every name for one of ours

    def __getattr__(name: str) -> object:
        return exported(name, __name__, _HOMES)

    def __dir__() -> list[str]:
        return names_of(_HOMES)
