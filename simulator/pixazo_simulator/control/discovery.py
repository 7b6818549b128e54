"""How the simulator describes itself to a contract suite: accounts, prompts and capabilities."""

from __future__ import annotations

from typing import Any

from pixazo_simulator.spec import PROMPTS

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


def discovery_document(number: int) -> dict[str, Any]:
    """Accounts that nobody has used yet (each `number` gives others) and prompts with a known end.

    The document has the form of a profile file of the contract suite: accounts by role, prompts by status, capabilities.
    """
    accounts = {
        role: [f"{key}-{number}-{index}" for index, key in enumerate(keys, 1)] for role, keys in _ACCOUNTS.items()
    }
    prompts = {kind: PROMPTS[kind][0].replace("TEXT", "as the test asked for") for kind in ("failed", "error")}
    return {"accounts": accounts, "prompts": prompts, "capabilities": []}
