"""Plays examples of the state machine with one target, and tells the shortest that broke the contract.

For your own gateway, on this machine and free of charge::

    target = Target(Profile(origin="http://127.0.0.1:8900", pace=0.05, deadline=20, settle=1.5), {"default": ("KEY",)})
    with converse(target, RunOptions()) as dialogue:
        play(dialogue)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from pixazo_contracts.trace import ConfigurationError

from .alarm import ContractBrokenError
from .machine import GatewayMachine
from .stage import EnoughError, IdleRuleError, Stage

if TYPE_CHECKING:
    from collections import Counter

    from pixazo_contracts.runner import Dialogue


#: How many more examples are spent on making a failure shorter, where time is virtual and where waiting is real.
VIRTUAL_ATTEMPTS: Final = 100
REAL_ATTEMPTS: Final = 20

#: The first round plays examples of a fifth of the steps: what fails early fails briefly, and is soon made shorter.
BRIEF: Final = 5

#: How many times as many examples further rounds play, while a rule has not fired.
GROWTH: Final = (1, 2, 4)

#: The same examples in every run: few but long ones, for each ends by waiting until all is quiet; shrunk, not explained.
DEFAULT_SETTINGS: Final = settings(
    max_examples=10,
    stateful_step_count=30,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def _settings(*, virtual: bool) -> settings:
    """The default settings, with half as many examples where waiting takes real time."""
    return DEFAULT_SETTINGS if virtual else settings(DEFAULT_SETTINGS, max_examples=DEFAULT_SETTINGS.max_examples // 2)


def play(
    dialogue: Dialogue, *, examples: settings | None = None, strict_drift: bool = False, attempts: int | None = None
) -> Counter[str]:
    """Play examples, brief ones first, until one breaks the contract or all have kept it and every rule has fired.

    After the first failure so many `attempts` at a shorter one are made: unless told, fewer where waiting takes real time.
    Returns how often each rule fired. Raises `ContractBrokenError` with the shortest counterexample found; `IdleRuleError` if
    a rule never fired; `ConfigurationError` on a target where generations cost money.
    """
    profile = dialogue.setting.profile
    if profile.limited:
        raise ConfigurationError(f"the state machine spends generations freely: it is not for {profile.origin}")
    most = examples or _settings(virtual=profile.virtual)
    if attempts is None:
        attempts = VIRTUAL_ATTEMPTS if profile.virtual else REAL_ATTEMPTS
    stage = Stage(dialogue, strict_drift, attempts)
    _run(stage, settings(most, stateful_step_count=max(1, most.stateful_step_count // BRIEF)))
    for growth in GROWTH:
        _run(stage, settings(most, max_examples=growth * most.max_examples))
        if not stage.idle():
            return stage.fired
    raise IdleRuleError(
        f"{', '.join(stage.idle())} never fired in {most.max_examples} examples and more: raise max_examples"
    )


def _run(stage: Stage, examples: settings) -> None:
    """Run examples; a failure is told by the shortest one, even where the gateway's timing made it come and go."""
    machine = type(GatewayMachine.__name__, (GatewayMachine,), {"stage": stage})
    try:
        run_state_machine_as_test(machine, settings=examples)
    except (EnoughError, ContractBrokenError, Flaky):
        if stage.shortest is None:
            raise
        raise stage.shortest from None
