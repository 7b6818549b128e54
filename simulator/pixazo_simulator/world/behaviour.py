"""The pure functions by which a world works, each of which a mutant can replace."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from pixazo_simulator.spec import MODEL_ID, Plan, Policy, Snapshot, snapshot

from .admission import Admitted, Call
from .planning import plan_for
from .state.deliveries import Delivery, next_attempt
from .state.ids import request_id
from .state.ledger import Ledger, affords, refund_due


def _govern(policy: Policy) -> Policy:
    return policy


def _identify(_: Call, policy: Policy, random: Random, now: int) -> str:
    return request_id(MODEL_ID, policy.request_id, random, now)


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of the worlds of one server; other servers are not affected by a replacement.

    `govern` returns the policy in force for the policy that was set; `identify` returns the request id of an accepted call.
    """

    govern: Callable[[Policy], Policy] = _govern
    identify: Callable[[Call, Policy, Random, int], str] = _identify
    plan_for: Callable[[Admitted, Policy, Random], Plan] = plan_for
    snapshot: Callable[[int, Plan, int], Snapshot] = snapshot
    affords: Callable[[Ledger, int, int], bool] = affords
    refund_due: Callable[[Plan, int, Policy], int] = refund_due
    next_attempt: Callable[[Delivery, tuple[int, ...]], int | None] = next_attempt
