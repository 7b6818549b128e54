"""The command `pixazo-contracts`; makes a target of its options and a profile file, also for the pytest suite."""

from __future__ import annotations

from .commands import main
from .configure import Given, ledger_path, make_target, receiver_address

__all__ = ["Given", "ledger_path", "main", "make_target", "receiver_address"]
