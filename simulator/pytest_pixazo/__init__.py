"""The pytest plugin of pixazo-testkit: names for scripts of a test, and the types of its fixtures. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from pixazo_simulator import (  # isort: skip
        AdvanceEvent as AdvanceEvent, App as App, ControlClient as ControlClient, ControlError as ControlError,
        End as End, Incident as Incident, InitialGeneration as InitialGeneration, JournalFilters as JournalFilters,
        Matcher as Matcher, ModelCall as ModelCall, PolicyFields as PolicyFields, Replayed as Replayed,
        Reply as Reply, Rule as Rule, Simulator as Simulator, Status as Status, Step as Step,
        Transition as Transition, Transport as Transport, When as When, WorldLog as WorldLog, absent as absent,
        at_least as at_least, at_most as at_most, contains as contains, ends_with as ends_with, equals as equals,
        matches as matches, one_of as one_of, present as present, starts_with as starts_with,
    )  # fmt: skip
    from pixazo_simulator.control.schema.responses import *
    from pixazo_simulator.redirect import Redirection as Redirection
    from pixazo_simulator.redirect import RedirectionError as RedirectionError
    from pixazo_simulator.script.faults import *  # every kind of fault, so that a new one is listed nowhere else

    from .explorer import *
    from .sleep import SleepLimitError as SleepLimitError
    from .sleep import Sleeps as Sleeps
    from .sleep import WorldClock as WorldClock
    from .testcase.endpoint import Endpoint as Endpoint
    from .testcase.simulators import SharedSimulator as SharedSimulator
    from .webhooks import *
    from .world import (  # isort: skip
        Clock as Clock, Deliveries as Deliveries, Journal as Journal, LeftRunningWarning as LeftRunningWarning,
        Pixazo as Pixazo, Record as Record, Wallet as Wallet, WorldFactory as WorldFactory, WorldOptions as WorldOptions,
    )  # fmt: skip

_HOMES = {
    ".explorer": "AppUnderTest BrokenOrderError Exploration InvalidAppError RunningSimulator Scene explore",
    ".sleep": "SleepLimitError Sleeps WorldClock",
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
