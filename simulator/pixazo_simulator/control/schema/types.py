"""Instants and sums of money, which JSON writes as strings, and the encoder and decoder that know them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

T = TypeVar("T")


class _Instant(datetime):
    """An instant of the world's clock, in UTC; its text is RFC 3339 with three digits and Z."""

    def __str__(self) -> str:
        return self.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Dollars(Decimal):
    """A sum of US dollars."""


# Users meet plain datetimes and decimals: type checkers refuse to subtract a datetime from an instance of a subclass.
if TYPE_CHECKING:
    Instant = datetime
    Dollars = Decimal
else:
    Instant = _Instant
    Dollars = _Dollars


def instant(milliseconds: int) -> Instant:
    """The instant so many milliseconds after the epoch."""
    # fromtimestamp rounds fractions of a second, so only whole seconds are given to it.
    seconds, rest = divmod(milliseconds, 1000)
    return Instant.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def encode(value: object) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value, enc_hook=_text)


def decode(text: bytes, kind: type[T]) -> T:
    """JSON as a value of `kind`; unknown members are ignored. Raises ValueError for anything else."""
    return msgspec.json.decode(text, type=kind, dec_hook=_value)


def to_json(value: object) -> Any:
    """A value as dicts, lists and scalars, as `json.loads` would return them."""
    return msgspec.to_builtins(value, enc_hook=_text)


def from_json(value: object, kind: type[T]) -> T:
    """The reverse of `to_json`. Raises ValueError for what is not of `kind`."""
    return msgspec.convert(value, kind, dec_hook=_value)


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a type that msgspec does not know; its description stands where the type is used."""
    if issubclass(kind, (_Instant, _Dollars)):
        return {"type": "string"}
    raise NotImplementedError(kind)


def _text(value: object) -> str:
    if isinstance(value, (_Instant, _Dollars)):
        return str(value)
    raise NotImplementedError(type(value))


def _value(kind: type, text: str) -> object:
    if kind is _Instant:
        return _Instant.fromisoformat(text)
    try:
        return _Dollars(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is not a sum of US dollars") from None
