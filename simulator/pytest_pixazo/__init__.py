"""The pytest plugin of pixazo-testkit: names for scripts of a test, and the types of its fixtures. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from pixazo_simulator import AdvanceEvent as AdvanceEvent
    from pixazo_simulator import App as App
    from pixazo_simulator import ControlClient as ControlClient
    from pixazo_simulator import ControlError as ControlError
    from pixazo_simulator import End as End
    from pixazo_simulator import Incident as Incident
    from pixazo_simulator import InitialGeneration as InitialGeneration
    from pixazo_simulator import JournalFilters as JournalFilters
    from pixazo_simulator import Matcher as Matcher
    from pixazo_simulator import ModelCall as ModelCall
    from pixazo_simulator import PolicyFields as PolicyFields
    from pixazo_simulator import Replayed as Replayed
    from pixazo_simulator import Reply as Reply
    from pixazo_simulator import Rule as Rule
    from pixazo_simulator import Simulator as Simulator
    from pixazo_simulator import Status as Status
    from pixazo_simulator import Step as Step
    from pixazo_simulator import Transition as Transition
    from pixazo_simulator import Transport as Transport
    from pixazo_simulator import When as When
    from pixazo_simulator import WorldLog as WorldLog
    from pixazo_simulator import absent as absent
    from pixazo_simulator import at_least as at_least
    from pixazo_simulator import at_most as at_most
    from pixazo_simulator import contains as contains
    from pixazo_simulator import ends_with as ends_with
    from pixazo_simulator import equals as equals
    from pixazo_simulator import matches as matches
    from pixazo_simulator import one_of as one_of
    from pixazo_simulator import present as present
    from pixazo_simulator import starts_with as starts_with
    from pixazo_simulator.control.schema.responses import *  # noqa: F403 - all that it exports
    from pixazo_simulator.redirect import Redirection as Redirection
    from pixazo_simulator.redirect import RedirectionError as RedirectionError
    from pixazo_simulator.script.faults import *  # noqa: F403 - every kind of fault, so that a new one is listed nowhere else

    from .explorer import *  # noqa: F403 - all that it exports
    from .sleep import SleepLimitError as SleepLimitError
    from .sleep import Sleeps as Sleeps
    from .testcase.endpoint import Endpoint as Endpoint
    from .testcase.simulators import SharedSimulator as SharedSimulator
    from .webhooks import Callback as Callback
    from .webhooks import Inbox as Inbox
    from .webhooks import InboxError as InboxError
    from .webhooks import SignatureError as SignatureError
    from .world import Clock as Clock
    from .world import Deliveries as Deliveries
    from .world import Journal as Journal
    from .world import LeftRunningWarning as LeftRunningWarning
    from .world import Pixazo as Pixazo
    from .world import Record as Record
    from .world import Wallet as Wallet
    from .world import WorldFactory as WorldFactory
    from .world import WorldOptions as WorldOptions

_HOMES = {
    ".explorer": "AppUnderTest BrokenOrderError Exploration InvalidAppError RunningSimulator Scene explore",
    ".sleep": "SleepLimitError Sleeps",
    ".testcase.endpoint": "Endpoint",
    ".testcase.simulators": "SharedSimulator",
    ".webhooks": "Callback Inbox InboxError SignatureError",
    ".world": "Clock Deliveries Journal LeftRunningWarning Pixazo Record Wallet WorldFactory WorldOptions",
    "pixazo_simulator.redirect": "Redirection RedirectionError",
    "pixazo_simulator": "AdvanceEvent App ControlClient ControlError End Incident InitialGeneration JournalFilters Matcher ModelCall PolicyFields Replayed Reply Rule Simulator Status Step Transition Transport When WorldLog absent at_least at_most contains ends_with equals matches one_of present starts_with",
    "pixazo_simulator.control.schema.responses": "*",
    "pixazo_simulator.script.faults": "*",
}


if not TYPE_CHECKING:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> object:
        from pixazo_simulator import exported  # not before: every pytest session imports this package

        return exported(name, __name__, _HOMES)

    def __dir__() -> list[str]:
        from pixazo_simulator import names_of

        return names_of(__name__, _HOMES)
