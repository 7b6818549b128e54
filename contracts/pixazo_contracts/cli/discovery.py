"""What a target on this machine tells of itself, so that more of it can be judged: accounts, prompts, capabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.trace import ProfileFile


#: Where a simulator or fake may describe itself. Nothing is asked of the real gateway, nor of any target off loopback.
INVITATION_PATH: Final = "/.well-known/pixazo-target"


class Invitation(msgspec.Struct, frozen=True):
    """Keys by account role, prompts by the end they are known to come to, further capabilities: as in a profile file."""

    accounts: dict[str, str | list[str]] = {}
    prompts: dict[str, str] = {}
    capabilities: list[str] = []


def read_invitation(fetch: Callable[[str], bytes | None]) -> Invitation:
    """What the target answers at `INVITATION_PATH`; nothing at all where it answers nothing of that shape."""
    answer = fetch(INVITATION_PATH)
    try:
        return Invitation() if answer is None else msgspec.json.decode(answer, type=Invitation)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Invitation()


def accepted(file: ProfileFile, invitation: Invitation) -> ProfileFile:
    """The profile file with what the invitation adds; where both speak, the file counts."""
    accounts = {role: keys if isinstance(keys, str) else tuple(keys) for role, keys in invitation.accounts.items()}
    return replace(
        file,
        accounts={**accounts, **file.accounts},
        prompts={**invitation.prompts, **file.prompts},
        capabilities=tuple(sorted({*file.capabilities, *invitation.capabilities})),
    )
