"""The command `pixazo-contracts`, and how its options and a profile file make a target."""

from __future__ import annotations

from .commands import main
from .configure import Given, ledger_path, make_target, profile_file, receiver_address

__all__ = ["Given", "ledger_path", "main", "make_target", "profile_file", "receiver_address"]
