"""The pytest plugin of pixazo-testkit, and the words that tests script a world with. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixazo_simulator import Attempt as Attempt
    from pixazo_simulator import ClockState as ClockState
    from pixazo_simulator import ControlClient as ControlClient
    from pixazo_simulator import ControlError as ControlError
    from pixazo_simulator import Delivery as Delivery
    from pixazo_simulator import End as End
    from pixazo_simulator import Entry as Entry
    from pixazo_simulator import Event as Event
    from pixazo_simulator import Exchange as Exchange
    from pixazo_simulator import Explanation as Explanation
    from pixazo_simulator import Generation as Generation
    from pixazo_simulator import Matcher as Matcher
    from pixazo_simulator import Plan as Plan
    from pixazo_simulator import Reply as Reply
    from pixazo_simulator import Request as Request
    from pixazo_simulator import Response as Response
    from pixazo_simulator import Rule as Rule
    from pixazo_simulator import RuleDiagnosis as RuleDiagnosis
    from pixazo_simulator import ScriptRule as ScriptRule
    from pixazo_simulator import Simulator as Simulator
    from pixazo_simulator import Step as Step
    from pixazo_simulator import When as When
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
    from pixazo_simulator.script.faults import *  # noqa: F403 - every kind of fault, so that a new one is listed nowhere else

    from .explorer.exploration import BrokenOrderError as BrokenOrderError
    from .explorer.exploration import Exploration as Exploration
    from .explorer.exploration import explore as explore
    from .explorer.run import Scene as Scene
    from .explorer.run import UnfitAppError as UnfitAppError
    from .plugin import Endpoint as Endpoint
    from .sleep import Sleeps as Sleeps
    from .testcase.simulators import SharedSimulator as SharedSimulator
    from .webhooks.callback import Callback as Callback
    from .webhooks.inbox import Inbox as Inbox
    from .webhooks.inbox import InboxError as InboxError
    from .world import Clock as Clock
    from .world import Deliveries as Deliveries
    from .world import Journal as Journal
    from .world import Pixazo as Pixazo
    from .world import Record as Record
    from .world import Wallet as Wallet

_HOMES = {
    "pixazo_simulator": "Attempt ClockState ControlClient ControlError Delivery End Entry Event Exchange Explanation Generation Matcher Plan Reply Request Response Rule RuleDiagnosis ScriptRule Simulator Step When absent at_least at_most contains ends_with equals matches one_of present starts_with",
    "explorer.exploration": "BrokenOrderError Exploration explore",
    "explorer.run": "Scene UnfitAppError",
    "plugin": "Endpoint",
    "sleep": "Sleeps",
    "testcase.simulators": "SharedSimulator",
    "webhooks.callback": "Callback",
    "webhooks.inbox": "Inbox InboxError",
    "world": "Clock Deliveries Journal Pixazo Record Wallet",
}
"""Where each name is that is no fault."""


if not TYPE_CHECKING:  # a type checker that saw it would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Import what is asked for only when it is: pytest imports this package in every run."""
        from importlib import import_module

        home = next((home for home, names in _HOMES.items() if name in names.split()), None)
        if home is None:
            if name == "__all__":
                return __dir__()
            home = "pixazo_simulator"
            if not name[:1].isupper() or name not in _faults():  # a submodule is no reason to import them
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home if home == "pixazo_simulator" else f".{home}", __name__), name)


def _faults() -> list[str]:
    from pixazo_simulator.script import FAULTS

    return [fault.__name__ for fault in FAULTS.values()]


def __dir__() -> list[str]:
    return sorted([*" ".join(_HOMES.values()).split(), *_faults()])
