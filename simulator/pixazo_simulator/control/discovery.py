"""The discovery document: it describes the simulator to a contract suite, in the format of a profile file."""

from __future__ import annotations

from typing import Any

from pixazo_simulator import spec

_ACCOUNTS = {
    "other": ("sim-another-account",),
    "empty": ("sim-empty-wallet",),
    "one": ("sim-one-video",) * 5,
    "two": ("sim-two-videos",) * 2,
    "suspended": ("sim-suspended",),
    "throttled": ("sim-throttled",),
    "recovering": ("sim-throttled-briefly",),
    "broken": ("sim-broken",),
    "disabled": ("sim-disabled-model",),
}
"""The magic keys of each role in the discovery document."""


def discovery_document(number: int | None, rate: float = 0.0) -> dict[str, Any]:
    """The document for a clock of this rate; each `number` has other accounts, None has none, as without magic keys.

    It has the `accounts` by role, unused so far, the `prompts` by the status they end in, and the `clock`. For a manual
    clock, `advance` is the POST that advances it, with `seconds` added.
    """
    advance = {"path": "/_sim/clock/advance", "body": {"every_world": True}}
    clock = {"kind": "running", "rate": rate} if rate else {"kind": "manual", "advance": advance}
    if number is None:
        return {"clock": clock}
    accounts = {
        role: [f"{key}-{number}-{index}" for index, key in enumerate(keys, 1)] for role, keys in _ACCOUNTS.items()
    }
    prompts = {kind: spec.PROMPTS[kind][0].replace("TEXT", "as the test asked for") for kind in ("failed", "error")}
    return {"accounts": accounts, "prompts": prompts, "capabilities": [], "clock": clock}
