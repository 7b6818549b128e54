"""The command `pixazo-contracts`, and how its options and a profile file become a target."""

from __future__ import annotations

from .commands import main
from .configure import Given, ledger_path, profile_file, receiver_address, target

__all__ = ["Given", "ledger_path", "main", "profile_file", "receiver_address", "target"]
