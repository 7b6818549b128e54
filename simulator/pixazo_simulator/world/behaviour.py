"""The pure functions a world is made of, each of which can be replaced."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pixazo_simulator.spec import MODEL_ID, Plan, Policy, Snapshot, snapshot

from .admission import Call, Submission
from .planning import plan_for
from .state.charge import affords, refund_due
from .state.deliveries import Delivery, next_attempt
from .state.ids import request_id
from .state.ledger import Ledger


def _govern(policy: Policy) -> Policy:
    return policy


def _identify(_: Call, policy: Policy, random: Random, now: int) -> str:
    return request_id(MODEL_ID, policy.request_id, random, now)


class Workings(msgspec.Struct, frozen=True, kw_only=True):
    """How a world works; a mutant replaces one of these functions, and no world shares it with another server.

    `govern` makes of the policy that was set the one that holds; `identify` names an accepted call.
    """

    govern: Callable[[Policy], Policy] = _govern
    identify: Callable[[Call, Policy, Random, int], str] = _identify
    plan_for: Callable[[Submission, Policy, Random], Plan] = plan_for
    snapshot: Callable[[int, Plan, int], Snapshot] = snapshot
    affords: Callable[[Ledger, int, int], bool] = affords
    refund_due: Callable[[Plan, int, Policy], int] = refund_due
    next_attempt: Callable[[Delivery, tuple[int, ...]], int | None] = next_attempt
