"""What an exchange or a callback shows about a point, and which values all of them leave possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from pixazo_contracts.trace import Callback, Exchange

Message = Exchange | Callback
Item = TypeVar("Item")
Key = TypeVar("Key")

#: How many of the messages that show a value are named.
MOST_NAMED = 5

#: Accounts whose key no gateway knows: see `KeyInjector`.
STRANGERS = frozenset({"unknown", "blank"})


class Sighting(NamedTuple):
    """A message, and the values of a point with which a gateway would have sent it, in words separated by `|`."""

    point: str
    values: str
    message: Message


class Finding(NamedTuple):
    """What the traffic says about a point: its value, None if it contradicts itself or leaves several; the lines of a comment say why."""

    value: str | None
    lines: tuple[str, ...]
    contradicts: tuple[str, ...] = ()


def has_known_key(exchange: Exchange) -> bool:
    """Whether a call was made with the key of an account, in the header where it belongs."""
    account = exchange.account
    in_header = exchange.placement not in {"query", "bearer"}
    return in_header and account not in {"", *STRANGERS} and not account.startswith("near.")


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The items by a key, in the order in which the keys first appear."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def named(messages: Iterable[Message]) -> str:
    """Messages by their numbers, exchanges with their status codes, and how many there are."""
    found = list(dict.fromkeys(messages))
    kinds = {"callback" if isinstance(each, Callback) else "exchange" for each in found}
    kind = next(iter(kinds)) if len(kinds) == 1 else "message"
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    shown = ", ".join(
        f"callback {each.number}" if isinstance(each, Callback) else f"{each.number} ({each.status or each.error})"
        for each in found[:MOST_NAMED]
    )
    return f"{len(found)} {kind}{'s' if len(found) > 1 else ''}: {shown}{more}"


def decide(sightings: Iterable[Sighting]) -> Finding:
    """The one value that all sightings of a point leave; several values, or values that exclude each other, are reported."""
    groups = grouped(sightings, lambda sighting: sighting.values)
    possible = sorted(frozenset[str].intersection(*(frozenset(values.split("|")) for values in groups)))
    shown = tuple(
        f"{values.replace('|', ' or ')} by {named(sighting.message for sighting in groups[values])}"
        for values in sorted(groups)
    )
    if len(possible) > 1:
        return Finding(None, (f"{' or '.join(possible)} so far: {'; '.join(shown)}",))
    return Finding(possible[0], shown) if possible else Finding(None, shown, tuple(sorted(groups)))
