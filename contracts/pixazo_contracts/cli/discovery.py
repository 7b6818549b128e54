"""The discovery document: what a target on this machine says of itself, so that more clauses can be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from pixazo_contracts.trace import ProfileFile

#: Where a simulator or fake may describe itself. The real gateway is never asked, nor any other target off loopback.
DISCOVERY_PATH: Final = "/.well-known/pixazo-target"


class DiscoveryDocument(msgspec.Struct, frozen=True):
    """Keys by account role, prompts by the end that they are known to have, further capabilities: as in a profile file."""

    accounts: dict[str, str | list[str]] = {}
    prompts: dict[str, str] = {}
    capabilities: list[str] = []


def discover(fetch: Callable[[str], bytes | None]) -> DiscoveryDocument:
    """What the target has at `DISCOVERY_PATH`; an empty document if it has none of that shape."""
    body = fetch(DISCOVERY_PATH)
    try:
        return DiscoveryDocument() if body is None else msgspec.json.decode(body, type=DiscoveryDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return DiscoveryDocument()


def extend(file: ProfileFile, document: DiscoveryDocument) -> ProfileFile:
    """The profile file with what the document adds; where both have a value, that of the file counts."""
    accounts = {role: keys if isinstance(keys, str) else tuple(keys) for role, keys in document.accounts.items()}
    return replace(
        file,
        accounts={**accounts, **file.accounts},
        prompts={**document.prompts, **file.prompts},
        capabilities=tuple(sorted({*file.capabilities, *document.capabilities})),
    )
